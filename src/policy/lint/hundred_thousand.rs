//! As many policies as a large cluster has. Comparing each with each, or with every pod, would take hours.

use crate::model::testing::policies::{block, by_name, pods, pods_in, policy, rule, tcp, udp};
use crate::model::testing::{named, pod};
use crate::model::{Cluster, Known, Namespace, Protocol, Query, Resource};
use crate::policy::NAME_LABEL;

use super::{Origin, lint};

const POLICIES: usize = 100_000;
const NAMESPACES: usize = 400;
const APPLICATIONS: usize = 2_000;

/// 400 namespaces with five applications each, and 50 policies for every application.
fn cluster() -> Cluster {
    let mut cluster = Cluster { api_groups: Known::Got(Vec::new()), ..Cluster::default() };
    let namespaces = (0..NAMESPACES).map(|n| {
        let name = format!("ns{n}");
        Namespace { labels: [(NAME_LABEL.to_owned(), name.clone())].into(), name, ..Namespace::default() }
    });
    cluster.namespaces.push(Query::all(Resource::Namespaces), Known::Got(namespaces.collect()));
    let http = [named("http", 8080, Protocol::Tcp)];
    let all = (0..APPLICATIONS).map(|n| {
        pod(
            &format!("ns{}", n % NAMESPACES),
            &format!("p{n}"),
            &format!("app=a{n}"),
            "n1",
            &format!("10.{}.{}.1", n / 250, n % 250),
            &http,
        )
    });
    cluster.pods.push(Query::all(Resource::Pods), Known::Got(all.collect()));
    let policies = (0..POLICIES).map(|n| {
        let own = n % APPLICATIONS;
        let near = (own + NAMESPACES) % APPLICATIONS;
        let namespace = format!("{NAME_LABEL}=ns{}", (own + 1) % NAMESPACES);
        let port = i32::try_from(n / APPLICATIONS).expect("small") + 1;
        let mut made = policy(&format!("ns{}", own % NAMESPACES), &format!("p{n}"), &format!("app=a{own}"));
        made.ingress = vec![rule([pods(&format!("app=a{near}")), pods_in(&namespace, "")], [tcp(port), by_name("http")])];
        made.egress = vec![rule([block("203.0.113.0/24", &[])], [tcp(port)]), rule([pods_in("", "")], [udp(53)])];
        made
    });
    // one of all is wrong
    let wrong = policy("ns7", "wrong", "app=nobody").ingress([]);
    cluster.network_policies.push(Query::all(Resource::NetworkPolicies), Known::Got(policies.chain([wrong]).collect()));
    cluster.services.push(Query::all(Resource::Services), Known::Got(Vec::new()));
    for kind in [Resource::Deployments, Resource::StatefulSets, Resource::DaemonSets, Resource::CronJobs, Resource::Jobs] {
        cluster.workloads.push(Query::all(kind), Known::Got(Vec::new()));
    }
    cluster
}

#[test]
fn a_hundred_thousand_policies_are_looked_at() {
    let cluster = cluster();
    let linted = lint(&cluster, Origin::Manifests, None);
    assert_eq!(linted.policies, POLICIES + 1);
    let told: Vec<String> = linted
        .findings
        .iter()
        .filter(|l| l.finding.weight < crate::finding::Weight::Note)
        .map(|l| l.finding.about.to_string())
        .collect();
    assert_eq!(told, ["networkpolicy/ns7/wrong"]);
}
