use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, ObjectRef, Query, Resource, Service, ServiceKind};
use crate::plan::{alias, names};

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
    /// An alias for a Service of this cluster is followed: the findings are those of that Service. One that does not exist is a fault.
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
        if let Some((namespace, name)) = alias::target(service, cx.cluster) {
            return of_cluster(cx, service, &namespace, &name);
        }
        let sentence = format!("{object} is only an alias for {target}: connections go there, on that host's own port.");
        Verdict::Found(vec![Finding::note(Self::META, object, sentence).proven().seen(field, target)])
    }
}

/// An alias for a Service of this cluster, which would have been followed if it were there.
fn of_cluster(cx: &Context<'_>, service: &Service, namespace: &str, name: &str) -> Verdict {
    let (object, target) = (service.object(), ObjectRef::service(namespace, name));
    let answer = cx.cluster.services.answer(&Query::named(Resource::Services, namespace, name));
    if !matches!(answer, Known::Absent(_)) {
        let why = answer.missing().unwrap_or_else(|| "it is an alias for itself".to_owned());
        return Verdict::Undetermined(format!("{target}, which {object} is an alias for: {why}"));
    }
    let there = cx.cluster.services_in(namespace);
    let near = there.got().and_then(|all| names::nearest(name, all.iter().map(|s| s.name.as_str())));
    let sentence = format!("{object} is an alias for {target}, and there is no such Service.");
    let finding = Finding::cause(ExternalName::META, object.clone(), sentence).expected(
        format!("{object} spec.externalName"),
        near.map_or_else(|| "a Service that exists".to_owned(), |n| format!("{n}.{namespace}.svc…")),
        service.external_name.clone().unwrap_or_default(),
    );
    let change = near.map_or_else(String::new, |n| format!("; did you mean service/{namespace}/{n}?"));
    Verdict::Found(vec![finding.next(format!("kubectl -n {} edit service {}{change}", service.namespace, service.name))])
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
    fn an_alias_for_a_service_that_is_not_there_is_a_cause() {
        let mut world = World::shop();
        let mut alias = world.service("web").clone();
        alias.name = "front".into();
        alias.kind = ServiceKind::ExternalName;
        alias.cluster_ips.clear();
        alias.external_name = Some("wbe.shop.svc.cluster.local".into());
        world.services.push(alias);
        let ask = crate::plan::testing::request(crate::model::Destination::Object(ObjectRef::service("shop", "front")));
        let found = only(check(&ExternalName, &Case::unmeasured(&world, &ask)));
        assert!(found.sentence.contains("service/shop/wbe, and there is no such Service"), "{}", found.sentence);
        assert!(found.next.contains("did you mean service/shop/web?"), "{}", found.next);
        world.denied.push(Resource::Services);
        assert!(matches!(
            check(
                &ExternalName,
                &Case {
                    cluster: crate::plan::testing::read(&world, &ask),
                    ..Case::unmeasured(
                        &{
                            world.denied.clear();
                            world
                        },
                        &ask
                    )
                }
            ),
            Verdict::Undetermined(_) | Verdict::NotApplicable
        ));
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&ExternalName, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
