use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ServiceKind;

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service of type ExternalName: it is an alias in DNS and nothing else. It has no address, no endpoints and no ports of its
    /// own; clients connect to the far end, on the far end's port, and TLS or HTTP see the alias as the host name.
    ///
    /// ## How it is proven
    ///
    /// From `spec.type` and `spec.externalName`.
    ///
    /// ## What to do
    ///
    /// Look at the far end for faults of connection. An `externalName` that is an IP address is a mistake: DNS takes it for a name.
    ExternalName, "NC3011", "external-name", "Service is an alias for an external name"
}

impl Check for ExternalName {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| s.kind == ServiceKind::ExternalName) else { return Verdict::NotApplicable };
        let object = service.object();
        let target = service.external_name.clone().unwrap_or_default();
        let field = format!("{object} spec.externalName");
        if target.parse::<std::net::IpAddr>().is_ok() {
            let sentence = format!(
                "{object} is an ExternalName for {target}, which is an address: DNS looks it up as a name and finds nothing."
            );
            let finding = Finding::cause(Self::META, object, sentence)
                .expected(field, "a DNS name", target)
                .next("use a Service without selector and an EndpointSlice for an address");
            return Verdict::Found(vec![finding]);
        }
        let sentence = format!("{object} is only an alias for {target}: connections go there, on that host's own port.");
        Verdict::Found(vec![Finding::note(Self::META, object, sentence).proven().seen(field, target)])
    }
}
