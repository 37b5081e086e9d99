use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::inside::{Listener, refusals};

declare_finding! {
    /// ## What it finds
    ///
    /// The application listens on the right port, and only on 127.0.0.1 (or `::1`): containers of its own pod reach it, nobody
    /// else does.
    ///
    /// ## How it is proven
    ///
    /// The pod's address refuses with a TCP RST, and an agent in the pod sees the listening socket bound to a loopback address.
    ///
    /// ## What to do
    ///
    /// Make the application listen on all addresses: `0.0.0.0` for IPv4, `::` for both families.
    ListensOnLoopback, "NC3006", "listens-on-loopback", "Application listens on loopback only"
}

impl Cause for ListensOnLoopback {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let mut found = Vec::new();
        for refusal in refusals(cx) {
            let Listener::OnlyOn(bound) = refusal.listener else { continue };
            let (pod, port) = (&refusal.pod, refusal.port);
            let what = if bound.is_loopback() {
                "which only its own pod reaches"
            } else {
                "which is not the address traffic is sent to"
            };
            let sentence = format!("{pod} listens on {bound} port {port}, {what}: {} is refused.", refusal.ip);
            let finding = Finding::cause(Self::META, pod.clone(), sentence)
                .proven()
                .expected(
                    format!("listening sockets in {pod}"),
                    format!("0.0.0.0 or {} port {port}", refusal.ip),
                    format!("{bound} port {port}"),
                )
                .expected(
                    format!("connections to {}", std::net::SocketAddr::new(refusal.ip, port)),
                    "accepted",
                    refusal.reach.words(),
                )
                .next("make the application listen on 0.0.0.0 (or :: for both families)");
            found.push(finding);
        }
        found.truncate(1);
        Verdict::of(found)
    }
}
