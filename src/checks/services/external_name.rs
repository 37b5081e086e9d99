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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn an_alias_is_a_note_and_an_address_a_cause() {
        let mut world = World::shop();
        let web = world.service("web");
        web.kind = ServiceKind::ExternalName;
        web.cluster_ips.clear();
        web.external_name = Some("www.example.com".into());
        assert_eq!(only(check(&ExternalName, &Case::unmeasured(&world, &to_web()))).weight, crate::finding::Weight::Note);
        world.service("web").external_name = Some("203.0.113.80".into());
        assert_eq!(only(check(&ExternalName, &Case::unmeasured(&world, &to_web()))).weight, crate::finding::Weight::Cause);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&ExternalName, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
