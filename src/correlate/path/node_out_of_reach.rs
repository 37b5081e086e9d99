//! Not one pod, but every pod of a node is out of reach.

use std::collections::{BTreeMap, BTreeSet};

use crate::correlate::services::inside::targets;
use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{ObjectRef, Pod};
use crate::probe::{ProbeOutcome, ProbeSpec, TcpAttempt};

use super::outside::source;

declare_finding! {
    /// ## What it finds
    ///
    /// No pod of another node answers the source, while pods elsewhere do: it is not the destination but what carries packets
    /// between the two nodes' pods, an overlay (VXLAN, Geneve, WireGuard) or routes.
    ///
    /// ## How it is proven
    ///
    /// The destination and at least one more pod of its node (a DNS pod, or another that was known) answer nothing: no connection, no
    /// echo, no DNS query. A pod of another node answers. The node's own address is asked too: when it answers, the nodes reach each
    /// other and only their pods do not.
    ///
    /// ## What to do
    ///
    /// Between the two nodes the overlay's port must be open: UDP 8472 or 4789 for VXLAN, 6081 for Geneve, 51820 for WireGuard, protocol 4
    /// for IP-in-IP; security groups and host firewalls close it most often. Then look at the network plugin's pod on both
    /// nodes, and at routes and tunnel neighbours.
    NodeOutOfReach, "NC4041", "node-out-of-reach", "No pod of a node is in reach"
}

impl Cause for NodeOutOfReach {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let targets: BTreeSet<ObjectRef> = targets(cx).into_iter().map(|(_, _, pod)| pod).collect();
        let here = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o)).and_then(|p| p.node.clone());
        let (false, Some(here)) = (targets.is_empty(), here) else { return Verdict::NotApplicable };
        let heard = heard(cx);
        if heard.is_empty() {
            return Verdict::Undetermined("no pod was asked anything".to_owned());
        }
        let mut nodes: BTreeMap<&str, Side> = BTreeMap::new();
        for (pod, answers) in &heard {
            let Some(node) = &pod.node else { continue };
            let side = nodes.entry(node).or_default();
            if *answers { side.heard.push(pod.object()) } else { side.silent.push(pod.object()) }
        }
        let lost: Vec<(&str, &Side)> = nodes
            .iter()
            .filter(|(node, side)| **node != here && side.heard.is_empty() && side.silent.len() > 1)
            .filter(|(_, side)| side.silent.iter().any(|p| targets.contains(p)))
            .map(|(node, side)| (*node, side))
            .collect();
        let elsewhere: Vec<ObjectRef> = nodes.values().flat_map(|s| s.heard.clone()).collect();
        // when nobody at all answers it may be the source itself: a policy, or its own network
        if elsewhere.is_empty() {
            return Verdict::Clear;
        }
        Verdict::of(lost.into_iter().map(|(node, side)| finding(cx, node, side, &elsewhere)).collect())
    }
}

#[derive(Debug, Default)]
struct Side {
    heard: Vec<ObjectRef>,
    silent: Vec<ObjectRef>,
}

/// Pods that the source asked something, and whether an answer of any kind came.
fn heard<'a>(cx: &Correlation<'a>) -> Vec<(&'a Pod, bool)> {
    let mut heard: BTreeMap<ObjectRef, (&'a Pod, bool)> = BTreeMap::new();
    for (spec, outcome) in cx.answers() {
        let (ip, answered) = match (spec, outcome) {
            (ProbeSpec::Tcp(s), ProbeOutcome::Tcp(o)) if !o.attempts.is_empty() => {
                (s.ip, !o.attempts.iter().all(|a| matches!(a, TcpAttempt::TimedOut { .. })))
            }
            (ProbeSpec::Ping(s), ProbeOutcome::Ping(o)) if o.error.is_none() => (s.ip, o.echo.lost < o.echo.tries),
            (ProbeSpec::Dns(s), ProbeOutcome::Dns(o)) if !o.attempts.is_empty() => {
                (s.server, o.attempts.iter().any(crate::probe::Answer::is_response))
            }
            _ => continue,
        };
        let pod = cx.cluster.pods.seen().find(|p| !p.host_network && !p.is_finished() && p.ips.contains(&ip));
        if let Some(pod) = pod.filter(|p| Some(p.object()) != cx.question.from) {
            let entry = heard.entry(pod.object()).or_insert((pod, false));
            entry.1 |= answered;
        }
    }
    heard.into_values().collect()
}

fn finding(cx: &Correlation<'_>, node: &str, side: &Side, elsewhere: &[ObjectRef]) -> Finding {
    let about = ObjectRef::node(node);
    let ips = cx.cluster.node(node).map(|n| n.internal_ips.clone()).unwrap_or_default();
    let echoes = ips.iter().find_map(|ip| Some((ip, cx.echoes(*ip)?)));
    let itself = match echoes {
        Some((_, (0, _))) => ", nor does the node itself: it is down or cut off",
        Some(_) => ", though the node itself does: what carries packets between the two nodes' pods fails",
        None => ": what carries packets between the two nodes' pods fails",
    };
    let list = |pods: &[ObjectRef]| pods.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let sentence = format!("no pod of {about} answers {}{itself}.", source(cx));
    let mut finding = Finding::cause(NodeOutOfReach::META, about, sentence)
        .expected(format!("pods of node {node}"), "an answer of any kind", format!("none from {}", list(&side.silent)))
        .seen("pods of other nodes", format!("{} answer", list(elsewhere)));
    if let Some((ip, (answered, sent))) = echoes {
        finding = finding.seen(format!("echo requests to node {node} ({ip})"), format!("{answered} of {sent} answered"));
    }
    finding.next(format!(
        "open the overlay's port between the nodes (VXLAN: UDP 8472 or 4789); kubectl get pods -A -o wide --field-selector spec.nodeName={node}: look at the network plugin there"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::{World, ip};
    use crate::plan::testing::{Case, answered, faults, to_web};
    use crate::probe::{Answer, Latency, PingOutcome};

    /// Everything sent to these addresses is lost.
    fn lost(spec: &ProbeSpec, ips: &[&str]) -> Option<ProbeOutcome> {
        let hit = |address| ips.iter().any(|i| ip(i) == address);
        if let ProbeSpec::Ping(s) = spec {
            let outcome = PingOutcome { echo: Latency::of(s.count, Vec::new()), error: None };
            return hit(s.ip).then_some(ProbeOutcome::Ping(outcome));
        }
        if let ProbeSpec::Dns(s) = spec {
            return hit(s.server).then(|| answered(s, &Answer::TimedOut { after_ms: 2_000 }));
        }
        faults::time_out(spec, ips)
    }

    fn address(world: &World, pod: &str) -> String {
        world.pods.iter().find(|p| p.name == pod).expect("there").ips[0].to_string()
    }

    /// `web-1` and `coredns-2` are on node2.
    fn node2_lost(node_too: bool) -> Case {
        let mut world = World::shop();
        let (web, dns) = (address(&world, "web-1"), address(&world, "coredns-2"));
        let slice = world.slices.iter_mut().find(|s| s.service.as_deref() == Some("web")).expect("there");
        slice.endpoints.retain(|e| e.addresses[0] == web);
        world.pods.retain(|p| p.name != "web-2");
        let mut ips = vec!["10.96.1.10", web.as_str(), dns.as_str()];
        if node_too {
            ips.push("172.18.0.2");
        }
        Case::measured(&world, &to_web(), &|_, spec| lost(spec, &ips))
    }

    #[test]
    fn a_node_whose_pods_are_all_silent_is_one_cause() {
        let case = node2_lost(false);
        let found = only(explain(&NodeOutOfReach, &case));
        assert!(
            found.sentence.contains("no pod of node/node2 answers pod/shop/client on node/node1, though the node itself does")
        );
        assert_eq!(causes(&judge(&case)), ["NC4041"], "{:#?}", judge(&case).causes);
        assert!(judge(&case).notices.is_empty(), "{:#?}", judge(&case).notices);
    }

    #[test]
    fn a_node_that_answers_nothing_is_down_or_cut_off() {
        assert!(only(explain(&NodeOutOfReach, &node2_lost(true))).sentence.contains("down or cut off"));
    }

    #[test]
    fn one_silent_pod_among_others_is_another_fault() {
        let world = World::shop();
        let web = address(&world, "web-1");
        let case = Case::measured(&world, &to_web(), &|_, spec| lost(spec, &[web.as_str()]));
        assert_eq!(explain(&NodeOutOfReach, &case), Verdict::Clear);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(explain(&NodeOutOfReach, &Case::healthy(&World::shop(), &to_web())), Verdict::Clear);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&NodeOutOfReach, &Case::not_run(&World::shop(), &to_web())), Verdict::Undetermined(_)));
    }
}
