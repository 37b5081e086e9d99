//! A destination that is no pod answers nothing.

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::Subject;
use crate::probe::TcpAttempt;

use super::nobody_has_address::is_nobodys;
use super::outside::{self, Outside};

declare_finding! {
    /// ## What it finds
    ///
    /// A destination that is no pod (the API server, a node, an address, a host of a name, an endpoint that somebody wrote by hand)
    /// gives no answer of any kind: packets to it, or its answers, are dropped on the way.
    ///
    /// ## How it is proven
    ///
    /// Every connection times out. Echo requests and a trace say how far packets get: the last hop that answers is before the fault.
    ///
    /// ## What to do
    ///
    /// Ask the same from the node (`kubectl netcheck node/NAME --deep to …`). When that works, the node drops or does not translate
    /// what comes from its pods: look for egress policies, FORWARD rules and the masquerading of pod addresses. When it fails too,
    /// the fault is beyond the node: routes, security groups and the firewall of the destination.
    AddressSilent, "NC4040", "address-silent", "An address that is no pod does not answer"
}

impl Cause for AddressSilent {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let addresses = outside::addresses(cx);
        if addresses.is_empty() || outside::explained(cx) || is_nobodys(cx) {
            return Verdict::NotApplicable;
        }
        let tried = outside::tried(cx);
        if tried.is_empty() {
            return Verdict::Undetermined("no connection to the destination's own address was measured".to_owned());
        }
        let silent = tried.iter().filter(|o| o.reach.dead() && matches!(o.reach.refusal, Some(TcpAttempt::TimedOut { .. })));
        Verdict::of(silent.take(1).map(|o| finding(cx, o)).collect())
    }
}

fn finding(cx: &Correlation<'_>, silent: &Outside) -> Finding {
    let from = outside::source(cx);
    let beside = match cx.echoes(silent.ip) {
        Some((1.., _)) => ", though the host answers echo requests",
        Some((0, _)) | None => "",
    };
    let sentence = format!("{} does not answer {from}{beside}: packets are dropped on the way.", silent.words);
    let mut finding = Finding::cause(AddressSilent::META, silent.about.clone(), sentence).expected(
        format!("connections to {}", silent.at),
        "accepted or refused",
        silent.reach.words(),
    );
    if let Some((answered, sent)) = cx.echoes(silent.ip) {
        finding = finding.seen(format!("echo requests to {}", silent.ip), format!("{answered} of {sent} answered"));
    }
    if let Some(words) = cx.trace_words(silent.ip) {
        finding = finding.seen(format!("packets on their way to {}", silent.ip), words);
    }
    let node = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o)).and_then(|p| p.node.clone());
    let to = match &cx.question.to {
        Subject::Service { namespace, name } => format!("svc/{namespace}/{name}"),
        Subject::Node(name) => format!("node/{name}"),
        Subject::Ip(_) | Subject::Pod(_) | Subject::Route(_) | Subject::Name(_) => silent.ip.to_string(),
    };
    finding.next(match (node, &cx.question.from_node) {
        (Some(node), None) => format!(
            "ask from the node: kubectl netcheck node/{node} --deep to {to} --port {}; when that works, the node drops its pods' packets",
            cx.question.port.unwrap_or_default()
        ),
        _ => "look at routes and firewalls between the node and that address".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::Destination;
    use crate::model::testing::{World, ip};
    use crate::plan::testing::{Case, faults, request, to_name};
    use crate::probe::{Latency, PingOutcome, ProbeOutcome, ProbeSpec};

    fn silent(spec: &ProbeSpec, address: &str) -> Option<ProbeOutcome> {
        let no_echo = || {
            let ProbeSpec::Ping(s) = spec else { return None };
            (s.ip == ip(address)).then(|| ProbeOutcome::Ping(PingOutcome { echo: Latency::of(s.count, Vec::new()), error: None }))
        };
        faults::time_out(spec, &[address]).or_else(no_echo)
    }

    fn to_address() -> crate::model::Request {
        let mut ask = request(Destination::Ip(ip("192.0.2.9")));
        ask.port = Some(crate::model::PortRef::Number(443));
        ask
    }

    #[test]
    fn silence_is_told_with_how_far_packets_get() {
        let case = Case::measured(&World::shop(), &to_address(), &|_, spec| silent(spec, "192.0.2.9"));
        let found = only(explain(&AddressSilent, &case));
        assert!(found.sentence.starts_with("192.0.2.9:443 does not answer pod/shop/client on node/node1"), "{}", found.sentence);
        assert!(found.evidence.iter().any(|e| e.source.starts_with("packets on their way")), "{found:#?}");
        assert_eq!(causes(&judge(&case)), ["NC4040"]);
    }

    #[test]
    fn a_name_whose_host_is_silent_is_followed_to_its_address() {
        let mut ask = to_name("www.example.com");
        ask.port = Some(crate::model::PortRef::Number(80));
        let case = Case::measured(&World::shop(), &ask, &|_, spec| silent(spec, "192.0.2.34"));
        assert_eq!(causes(&judge(&case)), ["NC4040"]);
        assert!(case.measured.iter().any(|m| matches!(&m.spec, ProbeSpec::Trace(t) if t.ip == ip("192.0.2.34"))));
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(explain(&AddressSilent, &Case::healthy(&World::shop(), &to_address())), Verdict::Clear);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&AddressSilent, &Case::not_run(&World::shop(), &to_address())), Verdict::Undetermined(_)));
    }
}
