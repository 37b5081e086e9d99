//! What `policy` reads for a question: the objects of the pair, and the labels that peers are selected by.

use crate::model::{Cluster, Query, Request, Resource};

use super::reads;

/// What to read next; empty when everything was asked.
pub fn next(request: &Request, cluster: &Cluster) -> Vec<Query> {
    let mut wanted = reads::next(request, cluster);
    for query in [Query::all(Resource::Namespaces), Query::all(Resource::Nodes)] {
        if !cluster.has(&query) && !wanted.contains(&query) {
            wanted.push(query);
        }
    }
    wanted
}
