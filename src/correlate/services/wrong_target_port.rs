use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::inside::{Listener, Refusal, declared, declares, list, refusals};

declare_finding! {
    /// ## What it finds
    ///
    /// A Service sends traffic to a port of its pods on which nothing listens, while the pods listen on another one.
    ///
    /// ## How it is proven
    ///
    /// Every endpoint refuses with a TCP RST: the packets arrive. An agent in the destination pod reads which ports are listened
    /// on. Without such an agent, declared container ports that differ from `targetPort` make it likely.
    ///
    /// ## What to do
    ///
    /// Set the Service's `targetPort` to the port the application listens on.
    WrongTargetPort, "NC3003", "wrong-target-port", "Service's targetPort is not the application's port"
}

impl Cause for WrongTargetPort {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if cx.service_port().is_none() {
            return Verdict::NotApplicable;
        }
        let refusals = refusals(cx);
        Verdict::of(refusals.iter().find_map(|r| finding(cx, r)).into_iter().collect())
    }
}

fn finding(cx: &Correlation<'_>, refusal: &Refusal) -> Option<Finding> {
    let (service, port) = (cx.service()?, cx.service_port()?);
    let pod = &refusal.pod;
    // the pod itself declares the port: then the application is what differs
    if declares(cx, pod, refusal.port) {
        return None;
    }
    let object = service.object();
    let (others, proven, source) = match &refusal.listener {
        Listener::Elsewhere(ports) if !ports.is_empty() => (ports.clone(), true, format!("listening sockets in {pod}")),
        Listener::NotLooked => {
            let declared = cx.cluster.pod(pod).map(|p| declared(cx, p)).filter(|d| !d.is_empty())?;
            (declared, false, format!("{pod} spec.containers[].ports"))
        }
        Listener::Elsewhere(_) | Listener::Here | Listener::OnlyOn(_) | Listener::OtherProtocol(_) => return None,
    };
    let verb = if proven { "listens on" } else { "declares" };
    let sentence = format!(
        "{object} port {} sends to port {} (targetPort), where nothing listens: {pod} {verb} {}.",
        port.port,
        refusal.port,
        list(&others)
    );
    let finding = Finding::cause(WrongTargetPort::META, object.clone(), sentence)
        .expected(format!("{object} spec.ports[{}].targetPort", port.port), list(&others), port.target.to_string())
        .expected(
            format!("connections to {}", std::net::SocketAddr::new(refusal.ip, refusal.port)),
            "accepted",
            refusal.reach.words(),
        )
        .expected(source, refusal.port.to_string(), list(&others))
        .next(format!("kubectl -n {} edit service {}: set targetPort to {}", service.namespace, service.name, others.first()?));
    Some(if proven { finding.proven() } else { finding })
}
