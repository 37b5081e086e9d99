//! What refuses at a destination port, as seen from inside the destination pod.

use std::net::IpAddr;

use crate::correlate::Correlation;
use crate::correlate::view::Reach;
use crate::finding::Verdict;
use crate::model::{ContainerPort, ObjectRef, Pod, Protocol, Subject};
use crate::probe::Socket;

/// One address and port of the destination that refused every try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub pod: ObjectRef,
    pub ip: IpAddr,
    pub port: u16,
    pub reach: Reach,
    pub listener: Listener,
}

/// Who listens inside, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listener {
    /// No agent looked inside the pod.
    NotLooked,
    /// Something listens on that port and takes packets to the pod's address.
    Here,
    /// On that port, and only on this address.
    OnlyOn(IpAddr),
    /// On that port, with another protocol.
    OtherProtocol(Protocol),
    /// Not on that port; on these, sorted. Empty: nothing listens at all.
    Elsewhere(Vec<u16>),
}

/// What the question's destination is tried at: address, port, pod; ready endpoints of a Service, or the pod itself.
pub fn targets(cx: &Correlation<'_>) -> Vec<(IpAddr, u16, ObjectRef)> {
    match &cx.question.to {
        Subject::Service { .. } => {
            let ready = cx.backends_in_use().into_iter();
            ready.filter_map(|b| Some((b.ip, b.port, b.pod?))).collect()
        }
        Subject::Pod(object) => {
            let Some(port) = cx.question.port else { return Vec::new() };
            let ips = cx.cluster.pod(object).map(|p| p.ips.clone()).unwrap_or_default();
            ips.into_iter().map(|ip| (ip, port, object.clone())).collect()
        }
        Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => Vec::new(),
    }
}

/// Why nothing can be said of the destination's ports: it has some, and none was tried.
pub fn not_tried(cx: &Correlation<'_>) -> Option<Verdict> {
    let targets = targets(cx);
    let tried = targets.iter().any(|(ip, port, _)| cx.reach(*ip, *port).measured());
    (!targets.is_empty() && !tried)
        .then(|| Verdict::Undetermined("no connection to the destination's own address was measured".to_owned()))
}

/// The targets that refused every try with a TCP RST or an ICMP port unreachable from the pod: the packets arrived, and
/// nobody took them. Empty unless every measured target refused so: one bad endpoint of several is another finding.
pub fn refusals(cx: &Correlation<'_>) -> Vec<Refusal> {
    let measured: Vec<_> = targets(cx)
        .into_iter()
        .map(|(ip, port, pod)| (ip, port, pod, cx.reach(ip, port)))
        .filter(|(_, _, _, r)| r.measured())
        .collect();
    let refused = |r: &Reach| r.dead() && (r.refused_by_rst() || cx.question.protocol == Protocol::Udp);
    if !measured.iter().all(|(_, _, _, r)| refused(r)) {
        return Vec::new();
    }
    measured
        .into_iter()
        .map(|(ip, port, pod, reach)| Refusal { listener: listener(cx, &pod, ip, port), pod, ip, port, reach })
        .collect()
}

/// Who listens on a port inside a pod.
pub fn listener(cx: &Correlation<'_>, pod: &ObjectRef, ip: IpAddr, port: u16) -> Listener {
    let Some(sockets) = cx.sockets(pod) else { return Listener::NotLooked };
    let wanted = cx.question.protocol;
    let on_port: Vec<&Socket> = sockets.listening.iter().filter(|s| s.port == port && s.protocol == wanted).collect();
    if on_port.iter().any(|s| s.takes(ip)) {
        return Listener::Here;
    }
    if let Some(socket) = on_port.first() {
        return Listener::OnlyOn(socket.ip);
    }
    if let Some(socket) = sockets.listening.iter().find(|s| s.port == port && s.takes(ip)) {
        return Listener::OtherProtocol(socket.protocol);
    }
    let mut ports: Vec<u16> = sockets.listening.iter().filter(|s| s.protocol == wanted && s.takes(ip)).map(|s| s.port).collect();
    ports.sort_unstable();
    ports.dedup();
    Listener::Elsewhere(ports)
}

/// The ports a pod's containers declare for the question's protocol.
pub fn declared(cx: &Correlation<'_>, pod: &Pod) -> Vec<u16> {
    let all: Vec<&ContainerPort> =
        pod.containers.iter().flat_map(|c| &c.ports).filter(|p| p.protocol == cx.question.protocol).collect();
    all.iter().map(|p| p.port).collect()
}

/// Whether a pod declares this port: then the Service's `targetPort` is what its author meant.
pub fn declares(cx: &Correlation<'_>, pod: &ObjectRef, port: u16) -> bool {
    cx.cluster.pod(pod).is_some_and(|p| declared(cx, p).contains(&port))
}

/// Ports for a sentence: `8080, 9090`.
pub fn list(ports: &[u16]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
