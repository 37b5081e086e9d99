//! An address of the cluster that nobody has any more.

use std::net::IpAddr;

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, ObjectRef, Subject};
use crate::plan::owner::{self, Range};

use super::outside;

declare_finding! {
    /// ## What it finds
    ///
    /// The address lies in a range of the cluster, and nobody has it: no pod (an old pod's address), or no Service (the address of a
    /// Service that was deleted and made anew). Clients that remember it fail until they look the name up again.
    ///
    /// ## How it is proven
    ///
    /// No pod and no Service of the cluster has the address, it lies in a node's range for pods or in a ServiceCIDR, and nothing answers
    /// at it.
    ///
    /// ## What to do
    ///
    /// Find who still uses the address: a configuration with an address instead of a name, a client that resolves only once, or a DNS
    /// record outside the cluster. Use the Service's name.
    NobodyHasAddress, "NC3044", "nobody-has-address", "No pod and no Service has the address"
}

impl Cause for NobodyHasAddress {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Subject::Service { .. } = cx.question.to {
            let found = written_by_hand(cx);
            return if found.is_empty() { Verdict::NotApplicable } else { Verdict::Found(found) };
        }
        let Subject::Ip(ip) = cx.question.to else { return Verdict::NotApplicable };
        let range = match owner::nobody(ip, cx.cluster) {
            Known::Got(None) => return Verdict::Clear,
            Known::Got(Some(range)) => range,
            other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
                return Verdict::Undetermined(format!("who has {ip}: {}", other.missing().unwrap_or_default()));
            }
        };
        let reach = cx.question.port.map(|port| cx.reach(ip, port)).unwrap_or_default();
        let echoes = cx.echoes(ip).unwrap_or_default();
        if !reach.measured() && echoes.1 == 0 {
            return Verdict::Undetermined(format!("nothing was sent to {ip}"));
        }
        // whatever answers there is somebody
        if reach.successes > 0 || reach.refused_by_rst() || echoes.0 > 0 {
            return Verdict::Clear;
        }
        let (sentence, source, whose) = match range {
            Range::Pods(node) => (
                format!("no pod has {ip}, an address of the pods of node/{node}: whoever uses it remembers a pod that is gone."),
                format!("pods with the address {ip}"),
                "a pod",
            ),
            Range::Services(range) => (
                format!(
                    "no Service has {ip}, an address of the range of Services {range}: whoever uses it remembers a Service that is gone."
                ),
                format!("Services with the address {ip}"),
                "a Service",
            ),
        };
        let finding = Finding::cause(Self::META, ObjectRef::new("address", "", &ip.to_string()), sentence)
            .proven()
            .expected(source, whose, "none");
        let finding = if reach.measured() {
            finding.expected(format!("connections to {ip}"), "accepted", reach.words())
        } else {
            finding.expected(format!("echo requests to {ip}"), "answered", format!("0 of {} answered", echoes.1))
        };
        Verdict::Found(vec![finding.next("use the name of the Service instead of the address")])
    }
}

/// The address is another finding's: nobody has it.
pub(super) fn is_nobodys(cx: &Correlation<'_>) -> bool {
    match &cx.question.to {
        Subject::Ip(ip) => of_nobody(cx, *ip),
        Subject::Service { .. } => !written_by_hand(cx).is_empty(),
        Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Name(_) => false,
    }
}

fn of_nobody(cx: &Correlation<'_>, ip: IpAddr) -> bool {
    matches!(owner::nobody(ip, cx.cluster), Known::Got(Some(_)))
}

/// Endpoints that somebody wrote down for a Service without a selector, at addresses that no pod has.
fn written_by_hand(cx: &Correlation<'_>) -> Vec<Finding> {
    let dead = outside::tried(cx).into_iter().filter(|o| o.reach.dead() && !o.reach.refused_by_rst());
    let mut nobodys: Vec<_> = dead.filter(|o| o.about.kind == "endpointslice" && of_nobody(cx, o.ip)).collect();
    let others = nobodys.len().saturating_sub(1);
    nobodys.truncate(1);
    let find = |o: outside::Outside| {
        let more = if others > 0 { format!(" Nor has one {others} more of its addresses.") } else { String::new() };
        let sentence = format!("{} is an address of pods that no pod has.{more}", o.words.trim_end_matches(','));
        Finding::cause(NobodyHasAddress::META, o.about.clone(), sentence)
            .proven()
            .expected(format!("pods with the address {}", o.ip), "a pod", "none")
            .expected(format!("connections to {}", o.at), "accepted", o.reach.words())
            .next(format!(
                "kubectl -n {} edit endpointslice {}: give it the address of a pod that runs, or the Service a selector",
                o.about.namespace, o.about.name
            ))
    };
    nobodys.into_iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::{World, ip};
    use crate::model::{Destination, PortRef, Request};
    use crate::plan::testing::{Case, faults, request};
    use crate::probe::{Latency, PingOutcome, ProbeOutcome, ProbeSpec};

    fn to(address: &str) -> Request {
        let mut ask = request(Destination::Ip(ip(address)));
        ask.port = Some(PortRef::Number(80));
        ask
    }

    fn gone(world: &World, address: &str) -> Case {
        Case::measured(world, &to(address), &|_, spec| {
            let no_echo = || {
                let ProbeSpec::Ping(s) = spec else { return None };
                (s.ip == ip(address))
                    .then(|| ProbeOutcome::Ping(PingOutcome { echo: Latency::of(s.count, Vec::new()), error: None }))
            };
            faults::time_out(spec, &[address]).or_else(no_echo)
        })
    }

    #[test]
    fn an_old_pods_address_is_named() {
        let case = gone(&World::shop(), "10.244.2.200");
        assert!(only(explain(&NobodyHasAddress, &case)).sentence.contains("an address of the pods of node/node2"));
        assert_eq!(causes(&judge(&case)), ["NC3044"]);
    }

    #[test]
    fn an_old_services_address_is_named() {
        let case = gone(&World::shop(), "10.96.200.200");
        assert!(only(explain(&NobodyHasAddress, &case)).sentence.contains("the range of Services 10.96.0.0/16"));
        assert_eq!(causes(&judge(&case)), ["NC3044"]);
    }

    #[test]
    fn a_slice_by_hand_with_an_address_that_nobody_has() {
        let mut world = World::shop();
        world.service("web").selector.clear();
        let slice = world.slices.iter_mut().find(|s| s.service.as_deref() == Some("web")).expect("there");
        slice.endpoints.truncate(1);
        (slice.endpoints[0].target, slice.endpoints[0].addresses) = (None, vec!["10.244.2.250".into()]);
        let to_web = crate::plan::testing::to_web();
        let dead = Case::measured(&world, &to_web, &|_, spec| faults::time_out(spec, &["10.96.1.10", "10.244.2.250"]));
        let found = only(explain(&NobodyHasAddress, &dead));
        assert!(found.sentence.ends_with("is an address of pods that no pod has."), "{}", found.sentence);
        assert_eq!((found.about.kind.as_str(), causes(&judge(&dead))), ("endpointslice", vec!["NC3044"]));
        assert_eq!(explain(&NobodyHasAddress, &Case::healthy(&world, &to_web)), Verdict::NotApplicable);
    }

    #[test]
    fn an_address_that_answers_and_one_outside_are_not() {
        assert_eq!(explain(&NobodyHasAddress, &Case::healthy(&World::shop(), &to("10.244.2.200"))), Verdict::Clear);
        assert_eq!(explain(&NobodyHasAddress, &gone(&World::shop(), "192.0.2.9")), Verdict::Clear);
        // a bridge's own
        assert_eq!(explain(&NobodyHasAddress, &gone(&World::shop(), "10.244.2.1")), Verdict::Clear);
    }

    #[test]
    fn healthy_is_silent() {
        let web = World::shop().service("web").cluster_ips[0].to_string();
        assert_eq!(explain(&NobodyHasAddress, &Case::healthy(&World::shop(), &to(&web))), Verdict::NotApplicable);
    }

    #[test]
    fn denied_pods_are_undetermined() {
        let mut world = World::shop();
        world.denied.push(crate::model::Resource::Pods);
        let mut case = gone(&World::shop(), "10.244.2.200");
        case.cluster.pods = crate::plan::testing::read(&world, &case.question.request).pods;
        assert!(matches!(explain(&NobodyHasAddress, &case), Verdict::Undetermined(_)));
    }
}
