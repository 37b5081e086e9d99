use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{EndpointSlice, Known, Service, ServiceKind};
use crate::plan::backends::{asked_port, backends};

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service without selector that has no endpoints: nobody selects pods for it, and nobody wrote an EndpointSlice, or the
    /// EndpointSlices that there are have no port of the Service port's name and protocol.
    ///
    /// ## How it is proven
    ///
    /// `spec.selector` is empty and the EndpointSlices labelled with the Service's name hold no address, or none for the port.
    ///
    /// ## What to do
    ///
    /// Give the Service a selector, or write an EndpointSlice with the label `kubernetes.io/service-name`.
    ServiceWithoutEndpoints, "NC3016", "without-endpoints", "Service without selector has no endpoints"
}

impl Check for ServiceWithoutEndpoints {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let without_selector = service(cx).filter(|s| s.selector.is_empty() && s.kind != ServiceKind::ExternalName);
        let Some(service) = without_selector else { return Verdict::NotApplicable };
        let object = service.object();
        match cx.cluster.slices_of(&service.namespace, &service.name) {
            Known::Got(slices) if slices.iter().any(|s| s.endpoints.iter().any(|e| !e.addresses.is_empty())) => {
                Verdict::of(unmatched_port(cx, service, &slices).into_iter().collect())
            }
            Known::Got(slices) => {
                let sentence =
                    format!("{object} has no endpoints: it has no selector, and no EndpointSlice gives it an address.");
                let finding = Finding::cause(Self::META, object.clone(), sentence)
                    .seen(format!("{object} spec.selector"), "none")
                    .expected(
                        "EndpointSlices of the Service",
                        "at least one address",
                        format!("{} slices, no address", slices.len()),
                    )
                    .next(format!(
                        "kubectl -n {} get endpointslices -l kubernetes.io/service-name={}",
                        service.namespace, service.name
                    ));
                Verdict::Found(vec![finding])
            }
            other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
                Verdict::Undetermined(format!("EndpointSlices of {object}: {}", other.missing().unwrap_or_default()))
            }
        }
    }
}

/// The slices have addresses, and no port that belongs to the Service's: name and protocol must be the same in both.
fn unmatched_port(cx: &Context<'_>, service: &Service, slices: &[&EndpointSlice]) -> Option<Finding> {
    let port = asked_port(service, cx.question.port, cx.question.protocol)?;
    let known = backends(cx.cluster, service, port);
    if known.got().is_none_or(|found| !found.is_empty()) {
        return None;
    }
    let object = service.object();
    let name = |name: &Option<String>| {
        name.as_ref().filter(|n| !n.is_empty()).map_or_else(|| "no name".to_owned(), |n| format!("name {n}"))
    };
    let wanted = format!("{}, {}", name(&port.name), port.protocol);
    let mut has: Vec<String> =
        slices.iter().flat_map(|s| &s.ports).map(|p| format!("{}, {}", name(&p.name), p.protocol)).collect();
    has.sort();
    has.dedup();
    let has = if has.is_empty() { "no port".to_owned() } else { has.join("; ") };
    let slice = slices.first()?.object();
    let sentence = format!(
        "{object} has no endpoint for port {}: its EndpointSlices have a port with {has}, and the Service's has {wanted}.",
        port.port
    );
    let finding = Finding::cause(ServiceWithoutEndpoints::META, object.clone(), sentence)
        .seen(format!("{object} spec.selector"), "none")
        .expected(format!("{slice} ports"), wanted, has);
    Some(finding.next(format!(
        "kubectl -n {} edit endpointslice {}: give its port the Service port's name and protocol",
        slice.namespace, slice.name
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    fn without_selector() -> World {
        let mut world = World::shop();
        world.service("web").selector.clear();
        world
    }

    #[test]
    fn no_slice_is_a_cause_and_a_slice_clears_it() {
        let mut world = without_selector();
        assert_eq!(check(&ServiceWithoutEndpoints, &Case::unmeasured(&world, &to_web())), Verdict::Clear);
        world.slices.retain(|s| s.service.as_deref() != Some("web"));
        let found = only(check(&ServiceWithoutEndpoints, &Case::unmeasured(&world, &to_web())));
        assert!(found.sentence.contains("has no endpoints"), "{}", found.sentence);
    }

    #[test]
    fn a_slice_with_another_port_name_gives_the_port_no_endpoint() {
        let mut world = without_selector();
        let slice = world.slices.iter_mut().find(|s| s.service.as_deref() == Some("web")).expect("there");
        slice.ports[0].name = Some("web".into());
        let found = only(check(&ServiceWithoutEndpoints, &Case::unmeasured(&world, &to_web())));
        assert!(
            found.sentence.contains("have a port with name web, TCP, and the Service's has name http, TCP"),
            "{}",
            found.sentence
        );
    }

    #[test]
    fn denied_slices_are_undetermined() {
        let mut world = without_selector();
        world.denied.push(crate::model::Resource::EndpointSlices);
        assert!(matches!(check(&ServiceWithoutEndpoints, &Case::unmeasured(&world, &to_web())), Verdict::Undetermined(_)));
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&ServiceWithoutEndpoints, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
