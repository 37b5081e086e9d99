//! What `collect` reads without a question: wide lists first, so that they answer the narrow reads of any later question.

use crate::model::{Cluster, Known, Query, Resource, gateway};
use crate::policy;

use super::{info_reads, policy_reads, proxy_modes, reads};

/// Kinds with namespaces that a question may be about.
const KINDS: &[Resource] = &[
    Resource::Pods,
    Resource::Services,
    Resource::EndpointSlices,
    Resource::NetworkPolicies,
    Resource::Ingresses,
    Resource::Deployments,
    Resource::DaemonSets,
    Resource::StatefulSets,
    Resource::ReplicaSets,
    Resource::Jobs,
    Resource::CronJobs,
];

/// Kinds without namespaces, and what is asked of the server itself.
const OF_THE_CLUSTER: &[Resource] = &[
    Resource::Version,
    Resource::ApiGroups,
    Resource::Nodes,
    Resource::Namespaces,
    Resource::IngressClasses,
    Resource::ServiceCidrs,
];

/// Custom kinds that a question may read, by the group that must exist. Those that `info` reads are not repeated.
const CUSTOM: &[(&str, &str)] = &[
    (gateway::GROUP, gateway::GATEWAYS),
    (gateway::GROUP, gateway::HTTP_ROUTES),
    (gateway::GROUP, gateway::GRPC_ROUTES),
    (gateway::GROUP, gateway::REFERENCE_GRANTS),
];

/// How much of a cluster is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything, and where a list of all is refused, that of this namespace.
    Cluster { otherwise: String },
    /// One namespace, and what it shares with all others: nodes, DNS, the network's own parts.
    Namespace(String),
}

/// What to read next; empty when everything was asked.
pub fn next(scope: &Scope, cluster: &Cluster) -> Vec<Query> {
    let wide = unasked(cluster, wide(scope));
    if !wide.is_empty() {
        return wide;
    }
    let mut wanted = unasked(cluster, info_reads::next(cluster));
    wanted.extend(unasked(cluster, reads::of_dns(cluster)));
    wanted.extend(unasked(cluster, proxy_modes::reads(cluster, false)));
    let own = match scope {
        Scope::Cluster { .. } => Vec::new(),
        Scope::Namespace(namespace) => vec![namespace.as_str()],
    };
    wanted.extend(unasked(cluster, policy::reads(cluster, &own)));
    wanted.extend(unasked(cluster, policy_reads::enforcement(cluster)));
    let has = |group: &str| cluster.api_groups.got().is_some_and(|all| all.iter().any(|g| g == group));
    let customs = CUSTOM.iter().filter(|(group, _)| has(group)).map(|(_, kind)| Query::all(Resource::Custom((*kind).to_owned())));
    wanted.extend(unasked(cluster, customs.collect()));
    if let Scope::Cluster { otherwise } = scope {
        let refused = KINDS.iter().filter(|kind| is_denied(cluster, kind));
        wanted.extend(unasked(cluster, refused.map(|kind| Query::within(kind.clone(), otherwise)).collect()));
        if is_denied(cluster, &Resource::Pods) {
            wanted.extend(unasked(cluster, vec![warnings(Query::within(Resource::Events, otherwise))]));
        }
    }
    wanted.sort();
    wanted.dedup();
    wanted
}

fn wide(scope: &Scope) -> Vec<Query> {
    let mut queries: Vec<Query> = OF_THE_CLUSTER.iter().cloned().map(Query::all).collect();
    match scope {
        Scope::Cluster { .. } => {
            queries.extend(KINDS.iter().cloned().map(Query::all));
            queries.push(warnings(Query::all(Resource::Events)));
        }
        Scope::Namespace(namespace) => {
            queries.extend(KINDS.iter().map(|kind| Query::within(kind.clone(), namespace)));
            queries.push(warnings(Query::within(Resource::Events, namespace)));
            // the API server's own Service, which any pod may ask for
            let label = "kubernetes.io/service-name=kubernetes";
            queries.push(Query::within(Resource::EndpointSlices, "default").labelled(label));
        }
    }
    queries
}

/// Why pods and routes are not well. Other events tell what went right.
fn warnings(events: Query) -> Query {
    events.fields("type=Warning")
}

fn unasked(cluster: &Cluster, queries: Vec<Query>) -> Vec<Query> {
    queries.into_iter().filter(|query| !cluster.has(query)).collect()
}

fn is_denied(cluster: &Cluster, kind: &Resource) -> bool {
    matches!(cluster.state(&Query::all(kind.clone())), Known::Denied(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::World;
    use crate::model::{Destination, ObjectRef, PortRef, Request, Source};
    use crate::plan::testing::{request, to_name, to_web};

    fn everything(world: &World, scope: &Scope) -> (Cluster, Vec<Query>) {
        let mut cluster = Cluster::default();
        let mut asked = Vec::new();
        for _ in 0..6 {
            let queries = next(scope, &cluster);
            if queries.is_empty() {
                return (cluster, asked);
            }
            for query in queries {
                world.ask(&mut cluster, &query);
                asked.push(query);
            }
        }
        panic!("reads do not end: {:?}", next(scope, &cluster));
    }

    fn questions() -> Vec<Request> {
        let object = |kind: &str, name: &str| request(Destination::Object(ObjectRef::new(kind, "shop", name)));
        let from = |kind: &str, name: &str| Request { source: Source::Object(ObjectRef::new(kind, "shop", name)), ..to_web() };
        vec![
            to_web(),
            object("service", "wbe"),
            object("pod", "web-1"),
            object("deployment", "web"),
            object("ingress", "web"),
            from("deployment", "client"),
            from("pod", "nobody"),
            Request { source: Source::Node("node1".into()), ..to_web() },
            request(Destination::Node("node2".into())),
            request(Destination::Node("node9".into())),
            to_name("web.shop"),
            to_name("nothing.shop"),
            to_name("www.example.com"),
            request(Destination::Ip("10.96.1.10".parse().unwrap())),
            request(Destination::Url("http://web.shop/".into())),
            request(Destination::ApiServer),
            request(Destination::Internet),
            request(Destination::Dns),
            object("ingress", "web"),
            object("ingress", "nothing"),
            object("httproute", "web"),
            request(Destination::Object(ObjectRef::new("gateway", "infra", "edge"))),
            Request { port: Some(PortRef::Number(30_080)), ..request(Destination::Node("node2".into())) },
        ]
    }

    /// What a question reads that is in no list of the collection.
    fn missing(world: &World, scope: &Scope) -> Vec<Query> {
        let (_, collected) = everything(world, scope);
        let mut missing = Vec::new();
        for question in questions() {
            let mut cluster = Cluster::default();
            loop {
                let queries = policy_reads::next(&question, &cluster);
                if queries.is_empty() {
                    break;
                }
                for query in queries {
                    world.ask(&mut cluster, &query);
                    // a kind whose group is known not to be there is answered by that
                    let has_kind =
                        |kind: &str| world.custom.keys().any(|k| k.splitn(3, '.').nth(2) == kind.splitn(3, '.').nth(2));
                    let is_absent = matches!(&query.resource, Resource::Custom(kind) if !has_kind(kind));
                    if !is_absent && !collected.iter().any(|wide| wide.covers(&query)) {
                        missing.push(query);
                    }
                }
            }
        }
        missing
    }

    fn all() -> Scope {
        Scope::Cluster { otherwise: "shop".into() }
    }

    #[test]
    fn any_later_question_finds_all_it_reads() {
        let mut unwell = World::shop();
        unwell.crash("web-1", "CrashLoopBackOff", 1, "Error");
        unwell.crash("coredns-1", "CrashLoopBackOff", 1, "Error");
        for world in [World::shop(), unwell, World::edge(), World::gateway()] {
            assert_eq!(missing(&world, &all()), []);
            // of other namespaces nothing but what is shared is there: neither is it asked for
            let of_the_namespace =
                |query: &Query| query.namespace.as_deref() == Some("shop") || query.namespace.as_deref() == Some("kube-system");
            let missing = missing(&world, &Scope::Namespace("shop".into()));
            assert!(!missing.iter().any(of_the_namespace), "{missing:?}");
        }
    }

    #[test]
    fn info_finds_all_it_reads() {
        for scope in [all(), Scope::Namespace("shop".into())] {
            let (_, collected) = everything(&World::shop(), &scope);
            let mut cluster = Cluster::default();
            loop {
                let queries = info_reads::next(&cluster);
                if queries.is_empty() {
                    break;
                }
                for query in queries {
                    assert!(collected.iter().any(|wide| wide.covers(&query)), "{scope:?}: {query:?}");
                    World::shop().ask(&mut cluster, &query);
                }
            }
        }
    }

    #[test]
    fn one_namespace_is_not_the_cluster() {
        let (_, queries) = everything(&World::shop(), &Scope::Namespace("shop".into()));
        for kind in [Resource::Pods, Resource::EndpointSlices, Resource::NetworkPolicies, Resource::Ingresses, Resource::Events] {
            assert!(!queries.iter().any(|q| q.resource == kind && q.namespace.is_none()), "{kind:?} of all namespaces");
        }
    }

    #[test]
    fn where_all_is_refused_the_own_namespace_is_tried() {
        let world = World { denied: vec![Resource::Pods, Resource::Jobs], ..World::shop() };
        let (_, queries) = everything(&world, &all());
        assert!(
            queries.contains(&Query::within(Resource::Pods, "shop")) && queries.contains(&Query::within(Resource::Jobs, "shop"))
        );
        assert!(!queries.contains(&Query::within(Resource::Services, "shop")));
    }
}
