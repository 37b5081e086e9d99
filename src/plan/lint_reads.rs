//! What `policy lint` reads: every policy, and everything that policies are about.

use crate::model::{Cluster, Known, Query, Resource};
use crate::policy;

use super::policy_reads;

/// Kinds with namespaces.
const KINDS: &[Resource] = &[
    Resource::Pods,
    Resource::Services,
    Resource::NetworkPolicies,
    Resource::Deployments,
    Resource::DaemonSets,
    Resource::StatefulSets,
    Resource::CronJobs,
    Resource::Jobs,
];

const OF_THE_CLUSTER: &[Resource] = &[Resource::ApiGroups, Resource::Nodes, Resource::Namespaces];

/// What to read next; empty when everything was asked. `only`: the namespace whose policies are wanted; `otherwise`: the one that is
/// read where lists of all are refused.
pub fn next(otherwise: &str, only: Option<&str>, cluster: &Cluster) -> Vec<Query> {
    let own = only.unwrap_or(otherwise);
    let mut wanted: Vec<Query> = OF_THE_CLUSTER.iter().chain(KINDS).cloned().map(Query::all).collect();
    for kind in KINDS {
        if matches!(cluster.state(&Query::all(kind.clone())), Known::Denied(_)) {
            wanted.push(Query::within(kind.clone(), own));
        }
    }
    wanted.extend(policy::reads(cluster, &[]));
    wanted.extend(policy_reads::enforcement(cluster));
    let refused = |query: &Query| matches!(cluster.state(query), Known::Denied(_));
    if cluster.custom.values().flat_map(|store| &store.listings).any(|l| l.query.namespace.is_none() && refused(&l.query)) {
        wanted.extend(policy::reads(cluster, &[own]));
    }
    wanted.retain(|query| !cluster.has(query));
    wanted.sort();
    wanted.dedup();
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::World;

    fn asked(world: &World) -> Vec<Query> {
        let mut cluster = Cluster::default();
        let mut asked = Vec::new();
        for _ in 0..8 {
            let queries = next("shop", None, &cluster);
            if queries.is_empty() {
                return asked;
            }
            for query in queries {
                world.ask(&mut cluster, &query);
                asked.push(query);
            }
        }
        panic!("reads do not end");
    }

    #[test]
    fn few_lists_of_everything() {
        let asked = asked(&World::shop());
        assert_eq!(asked.len(), KINDS.len() + OF_THE_CLUSTER.len(), "{asked:?}");
    }

    #[test]
    fn where_all_is_refused_the_own_namespace_is_read() {
        let asked = asked(&World { denied: vec![Resource::Pods], ..World::shop() });
        assert!(asked.contains(&Query::within(Resource::Pods, "shop")), "{asked:?}");
        assert!(!asked.contains(&Query::within(Resource::Services, "shop")));
    }
}
