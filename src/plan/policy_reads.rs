//! What `policy` reads for a question: the objects of the pair, and the labels that peers are selected by.

use std::collections::BTreeSet;

use crate::model::{Cluster, Query, Request, Resource};
use crate::policy;

use super::{reads, resolve};

/// What to read next; empty when everything was asked.
pub fn next(request: &Request, cluster: &Cluster) -> Vec<Query> {
    let mut wanted = reads::next(request, cluster);
    let namespaces: BTreeSet<&str> = resolve::pods_involved(request, cluster).iter().map(|p| p.namespace.as_str()).collect();
    let namespaces: Vec<&str> = namespaces.into_iter().collect();
    let mut also = vec![Query::all(Resource::Namespaces), Query::all(Resource::Nodes)];
    also.extend(policy::reads(cluster, &namespaces));
    for query in also {
        if !cluster.has(&query) && !wanted.contains(&query) {
            wanted.push(query);
        }
    }
    wanted
}
