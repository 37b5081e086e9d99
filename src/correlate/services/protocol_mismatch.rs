use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::inside::{Listener, refusals};

declare_finding! {
    /// ## What it finds
    ///
    /// The Service's port and the application speak different protocols: the Service says UDP and the application listens on
    /// TCP, or the other way round.
    ///
    /// ## How it is proven
    ///
    /// The endpoint refuses (TCP RST, or ICMP port unreachable for UDP), and an agent in the pod sees the port listened on with
    /// the other protocol.
    ///
    /// ## What to do
    ///
    /// Set `protocol` of the Service's port to what the application speaks. The default is TCP.
    ProtocolMismatch, "NC3005", "protocol-mismatch", "Service and application use different protocols"
}

impl Cause for ProtocolMismatch {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let mut found = Vec::new();
        for refusal in refusals(cx) {
            let Listener::OtherProtocol(spoken) = refusal.listener else { continue };
            let (pod, port, asked) = (&refusal.pod, refusal.port, cx.question.protocol);
            let about = cx.service().map_or_else(|| pod.clone(), crate::model::Service::object);
            let sentence = format!("{about} carries {asked} to port {port}, where {pod} listens on {spoken}.");
            let finding = Finding::cause(Self::META, about.clone(), sentence)
                .proven()
                .expected(format!("{about} protocol"), spoken.to_string(), asked.to_string())
                .expected(format!("listening sockets in {pod}"), format!("{asked} {port}"), format!("{spoken} {port}"))
                .expected(
                    format!("{asked} to {}", std::net::SocketAddr::new(refusal.ip, port)),
                    "answered",
                    refusal.reach.words(),
                )
                .next(format!("set the port's protocol to {spoken}, or ask with --protocol {spoken}"));
            found.push(finding);
        }
        found.truncate(1);
        Verdict::of(found)
    }
}
