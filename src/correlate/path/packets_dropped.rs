use crate::correlate::services::inside::{Listener, listener, not_tried, targets};
use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;
use crate::probe::TcpAttempt;

declare_finding! {
    /// ## What it finds
    ///
    /// Packets to the destination pod get no answer of any kind: something between the two pods drops them. A NetworkPolicy, a
    /// rule on a node, a missing route or a broken overlay does that; an application that is not there would refuse.
    ///
    /// ## How it is proven
    ///
    /// Every connection to the pod's own address times out. When an agent in the destination pod sees the port listened on, the
    /// application is cleared and the path is what is left.
    ///
    /// ## What to do
    ///
    /// Try from another pod on the same node and from one on the destination's node: that tells the source's side from the
    /// destination's. Look for NetworkPolicies that select either pod.
    PacketsDropped, "NC4004", "packets-dropped", "Packets to the pod get no answer"
}

impl Cause for PacketsDropped {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let reaches: Vec<_> = targets(cx)
            .into_iter()
            .map(|(ip, port, pod)| (ip, port, pod, cx.reach(ip, port)))
            .filter(|(_, _, _, r)| r.measured())
            .collect();
        let silent = |r: &crate::correlate::view::Reach| r.dead() && matches!(r.refusal, Some(TcpAttempt::TimedOut { .. }));
        if let Some(undetermined) = not_tried(cx) {
            return undetermined;
        }
        // one silent endpoint among others that answer is a finding of its own
        if reaches.is_empty() || !reaches.iter().all(|(_, _, _, r)| silent(r)) {
            return Verdict::Clear;
        }
        let found = reaches.iter().take(1).map(|(ip, port, pod, reach)| {
            let inside = match listener(cx, pod, *ip, *port) {
                Listener::Here => " although its application listens there",
                Listener::NotLooked | Listener::OnlyOn(_) | Listener::OtherProtocol(_) | Listener::Elsewhere(_) => "",
            };
            let at = std::net::SocketAddr::new(*ip, *port);
            let from = cx.question.from.clone();
            let sentence = format!(
                "{pod}{} gets no packets from {}{}: connections to {at} time out{inside}.",
                place(cx, pod),
                from.as_ref().map(ToString::to_string).unwrap_or_default(),
                from.as_ref().map(|f| place(cx, f)).unwrap_or_default()
            );
            let finding = Finding::cause(Self::META, pod.clone(), sentence)
                .expected(format!("connections to {at}"), "accepted or refused", reach.words())
                .next(next(cx, *ip));
            let finding = way(cx, *ip).into_iter().fold(finding, |f, (what, seen)| f.seen(what, seen));
            if inside.is_empty() { finding.possible() } else { finding }
        });
        Verdict::Found(found.collect())
    }
}

fn place(cx: &Correlation<'_>, pod: &ObjectRef) -> String {
    cx.cluster.pod(pod).and_then(|p| p.node.clone()).map(|n| format!(" on node/{n}")).unwrap_or_default()
}

/// Where to look: at the source's own node when not even that answers, else at what is between the two.
fn next(cx: &Correlation<'_>, ip: std::net::IpAddr) -> String {
    let node = cx.question.from.as_ref().and_then(|o| cx.cluster.pod(o)).and_then(|p| p.node.clone());
    match (cx.trace_words(ip).as_deref(), node) {
        (Some("no hop answers"), Some(node)) => format!(
            "no hop answers, not even the source's own node: look there first (ip route get {ip}, sysctl net.ipv4.ip_forward on {node}), then ask from a pod on another node"
        ),
        _ => "ask the same from a pod on the destination's node: that tells the source's side from the destination's".to_owned(),
    }
}

/// How far packets get, and whether the pod's node answers.
fn way(cx: &Correlation<'_>, ip: std::net::IpAddr) -> Vec<(String, String)> {
    let words = |(answered, sent): (u32, u32)| format!("{answered} of {sent} answered");
    let node = cx.cluster.pods.seen().find(|p| p.ips.contains(&ip)).and_then(|p| cx.cluster.node(p.node.as_ref()?));
    let of_node = node.and_then(|n| Some((n, n.internal_ips.iter().find_map(|ip| cx.echoes(*ip))?)));
    let mut way = vec![("echo requests to the pod".to_owned(), cx.echoes(ip).map_or_else(|| "not tried".to_owned(), words))];
    way.extend(of_node.map(|(node, echoes)| (format!("echo requests to node {}", node.name), words(echoes))));
    way.extend(cx.trace_words(ip).map(|words| ("packets on their way to the pod".to_owned(), words)));
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    #[test]
    fn silence_from_a_listening_pod_is_the_path() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| {
            faults::time_out(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"])
        });
        let found = only(explain(&PacketsDropped, &case));
        assert!(found.sentence.contains("time out although its application listens there"), "{}", found.sentence);
        assert_eq!(causes(&judge(&case)), ["NC4004"]);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&PacketsDropped, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&PacketsDropped, &Case::not_run(&World::shop(), &to_web())), Verdict::Undetermined(_)));
    }
}
