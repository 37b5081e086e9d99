//! What `policy matrix` reads: the pods of its namespaces, and everything that policies say of them.

use crate::model::{Cluster, Query, Resource};
use crate::policy;

use super::policy_reads::enforcement;

/// What to read next; empty when everything was asked. `namespace`: of both ends; `None` means all.
pub fn next(namespace: Option<&str>, cluster: &Cluster) -> Vec<Query> {
    let list = |resource: Resource| match namespace {
        Some(namespace) => Query::within(resource, namespace),
        None => Query::all(resource),
    };
    let mut wanted = vec![list(Resource::Pods), list(Resource::NetworkPolicies), Query::all(Resource::Namespaces)];
    let namespaces: Vec<&str> = namespace.into_iter().collect();
    wanted.push(Query::all(Resource::DaemonSets));
    wanted.extend(policy::reads(cluster, &namespaces));
    wanted.extend(enforcement(cluster));
    let mut seen = Vec::new();
    wanted.retain(|query| {
        let new = !cluster.has(query) && !seen.contains(query);
        seen.push(query.clone());
        new
    });
    wanted
}
