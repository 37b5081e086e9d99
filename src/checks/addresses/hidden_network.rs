use std::net::IpAddr;

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, ObjectRef, Subject};

use super::{Range, ranges};

declare_finding! {
    /// ## What it finds
    ///
    /// A name outside the cluster leads to an address in a range of the cluster's own, and nothing answers there. Either the network outside
    /// uses the same range: then nodes send its packets to their own pods, and that network is hidden. Or the name still means a pod or Service
    /// that is gone.
    ///
    /// ## How it is proven
    ///
    /// The address that the source looked up lies in the range of Services, of a node's pods or of all pods; no pod, Service or node that
    /// was read has it, and nothing answers at it. It is no more than possible: who has the address was not asked, and some network plugins
    /// use other ranges than these.
    ///
    /// ## What to do
    ///
    /// Reach the far end through an address outside these ranges, or choose another range for the cluster. Correct a record that means
    /// something of the cluster's.
    HiddenNetwork, "NC4009", "hidden-network", "The name leads into a range of the cluster itself"
}

impl Cause for HiddenNetwork {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Subject::Name(name) = &cx.question.to else { return Verdict::NotApplicable };
        let Some(port) = cx.question.port else { return Verdict::NotApplicable };
        let Some(resolved) = cx.resolved() else {
            return Verdict::Undetermined(format!("{name} was not looked up"));
        };
        let mut found = Vec::new();
        for ip in resolved.addresses.iter().filter_map(|a| a.parse::<IpAddr>().ok()) {
            let reach = cx.reach(ip, port);
            if let Some(range) = range_of(ip, cx.cluster).filter(|_| reach.dead() && !is_somebodys(ip, cx.cluster)) {
                let about = ObjectRef::new("name", "", name);
                let beside = format!("{name} is {ip} for the source; ");
                found.push(finding(about, ip, &range, &beside).expected(
                    format!("connections to {ip}"),
                    "an answer",
                    reach.words(),
                ));
            }
        }
        found.truncate(1);
        Verdict::of(found)
    }
}

/// The range of the cluster that holds an address which could be a pod's or a Service's.
fn range_of(ip: IpAddr, cluster: &Cluster) -> Option<Range> {
    let range = ranges(cluster).into_iter().find(|r| r.net.contains(&ip))?;
    // a node has the first addresses of its range itself: its bridge, its tunnel
    let is_nodes = range.what.starts_with("pods of") && [Some(range.net.network()), range.net.hosts().next()].contains(&Some(ip));
    (!is_nodes).then_some(range)
}

fn is_somebodys(ip: IpAddr, cluster: &Cluster) -> bool {
    cluster.pods.seen().any(|p| p.ips.contains(&ip))
        || cluster.services.seen().any(|s| s.cluster_ips.contains(&ip))
        || cluster.nodes.seen().any(|n| n.internal_ips.contains(&ip))
}

fn finding(about: ObjectRef, ip: IpAddr, range: &Range, beside: &str) -> Finding {
    let sentence = format!(
        "{about} is out of reach: {beside}this is in {} of the cluster's {}, so the network outside uses the same range, or the name means something of the cluster that is gone.",
        range.net, range.what
    );
    Finding::cause(HiddenNetwork::META, about, sentence)
        .possible()
        .seen(range.source.clone(), range.net.to_string())
        .next(format!("see whether the cluster has it: kubectl get services,pods -A -o wide | grep -w {ip}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{explain, only};
    use crate::model::testing::World;
    use crate::model::{PortRef, Request};
    use crate::plan::testing::{Case, faults, to_name, to_web};

    fn to_example() -> Request {
        Request { port: Some(PortRef::Number(80)), ..to_name("www.example.com") }
    }

    /// node1's pods have the range that www.example.com is in.
    fn world() -> World {
        let mut world = World::shop();
        world.nodes[0].pod_cidrs = vec!["192.0.2.0/24".parse().unwrap()];
        world
    }

    #[test]
    fn a_name_outside_that_leads_into_the_clusters_range() {
        let silent = Case::measured(&world(), &to_example(), &|_, spec| faults::time_out(spec, &["192.0.2.34"]));
        let found = only(explain(&HiddenNetwork, &silent));
        assert!(
            found.sentence.contains("www.example.com is 192.0.2.34 for the source; this is in 192.0.2.0/24"),
            "{}",
            found.sentence
        );
    }

    #[test]
    fn what_answers_and_what_lies_outside_is_silent() {
        assert_eq!(explain(&HiddenNetwork, &Case::healthy(&world(), &to_example())), Verdict::Clear);
        assert_eq!(explain(&HiddenNetwork, &Case::healthy(&World::shop(), &to_example())), Verdict::Clear);
        assert_eq!(explain(&HiddenNetwork, &Case::healthy(&World::shop(), &to_web())), Verdict::NotApplicable);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&HiddenNetwork, &Case::not_run(&world(), &to_example())), Verdict::Undetermined(_)));
    }
}
