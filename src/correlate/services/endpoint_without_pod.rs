use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Confidence, Finding, Meta, Verdict};
use crate::model::{EndpointSlice, Known, Pod, Resource};

declare_finding! {
    /// ## What it finds
    ///
    /// An EndpointSlice of a Service with a selector lists an address that no pod has: a slice left behind or written by hand, or a
    /// controller that stopped. Part of the connections go nowhere.
    ///
    /// ## How it is proven
    ///
    /// The addresses in the slices are compared with the pods of the namespace, and the address is tried.
    ///
    /// ## What to do
    ///
    /// Look at the slice's `endpointslice.kubernetes.io/managed-by` label. Delete a slice that nobody manages; when the address is in a
    /// slice of the EndpointSlice controller, see whether kube-controller-manager runs.
    EndpointWithoutPod, "NC3009", "endpoint-without-pod", "EndpointSlice lists an address that no pod has"
}

impl Cause for EndpointWithoutPod {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some(service) = cx.service().filter(|s| !s.selector.is_empty()) else { return Verdict::NotApplicable };
        let slices = match cx.cluster.slices_of(&service.namespace, &service.name) {
            Known::Got(slices) => slices,
            other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
                return Verdict::Undetermined(format!(
                    "EndpointSlices of {}: {}",
                    service.object(),
                    other.missing().unwrap_or_default()
                ));
            }
        };
        let everybody = cx.cluster.pods.complete(&Resource::Pods, Some(&service.namespace));
        let mut found = Vec::new();
        for slice in slices {
            for endpoint in slice.endpoints.iter().filter(|e| e.ready && !e.terminating) {
                for address in endpoint.addresses.iter().filter(|a| !belongs(cx, a)) {
                    let Known::Got(_) = everybody else {
                        let why = everybody.missing().unwrap_or_default();
                        return Verdict::Undetermined(format!("pods of namespace {}: {why}", service.namespace));
                    };
                    found.push(finding(cx, slice, address));
                }
            }
        }
        Verdict::of(found)
    }
}

/// Any pod that was seen, in any namespace, has the address.
fn belongs(cx: &Correlation<'_>, address: &str) -> bool {
    let Ok(ip) = address.parse() else { return true };
    cx.cluster.pods.seen().any(|p: &Pod| !p.is_finished() && p.ips.contains(&ip))
}

fn finding(cx: &Correlation<'_>, slice: &EndpointSlice, address: &str) -> Finding {
    let service = cx.service().map(crate::model::Service::object);
    let name = service.as_ref().map(ToString::to_string).unwrap_or_default();
    let manager = slice.managed_by.clone().unwrap_or_else(|| "nobody (no managed-by label)".to_owned());
    let port = slice.ports.first().and_then(|p| p.port).unwrap_or_default();
    let reach = address.parse().map(|ip| cx.reach(ip, port)).unwrap_or_default();
    let object = slice.object();
    let sentence =
        format!("{object} lists {address} for {name}, and no pod has that address: part of the connections go nowhere.");
    let mut finding = Finding::cause(EndpointWithoutPod::META, object.clone(), sentence)
        .expected(format!("{object} endpoints"), "addresses of pods", address)
        .seen(format!("{object} managed by"), manager)
        .next(format!(
            "kubectl -n {} get endpointslice {} -o yaml; delete it when nobody manages it",
            slice.namespace, slice.name
        ));
    if reach.measured() {
        finding = finding.expected(format!("connections to {address}:{port}"), "every try succeeds", reach.words());
    }
    if reach.dead() {
        finding.confidence = Confidence::Proven;
    } else if reach.ok() {
        // somebody answers there: a host outside the cluster, which a Service may well use
        finding.weight = crate::finding::Weight::Warning;
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    fn world() -> World {
        let mut world = World::shop();
        let mut stray = world.slice_of("web").clone();
        (stray.name, stray.managed_by) = ("web-stray".into(), None);
        stray.endpoints.truncate(1);
        stray.endpoints[0].addresses = vec!["10.244.9.9".into()];
        stray.endpoints[0].target = None;
        world.slices.push(stray);
        world
    }

    #[test]
    fn an_address_of_no_pod_that_does_not_answer_is_proven() {
        let case = Case::measured(&world(), &to_web(), &|_, spec| faults::time_out(spec, &["10.244.9.9"]));
        let found = only(explain(&EndpointWithoutPod, &case));
        assert_eq!((found.about.to_string().as_str(), found.confidence), ("endpointslice/shop/web-stray", Confidence::Proven));
        assert_eq!(causes(&judge(&case)), ["NC3009"]);
    }

    #[test]
    fn tries_that_all_met_the_stray_are_intermittent_all_the_same() {
        let case = Case::measured(&world(), &to_web(), &|_, spec| faults::time_out(spec, &["10.96.1.10", "10.244.9.9"]));
        assert_eq!(judge(&case).verdict.measured, crate::report::diagnosis::Measured::Intermittent);
    }

    #[test]
    fn a_denied_list_of_pods_is_undetermined() {
        let mut case = Case::unmeasured(&world(), &to_web());
        case.cluster.pods = crate::model::Store::default();
        assert!(matches!(explain(&EndpointWithoutPod, &case), Verdict::Undetermined(_)));
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&EndpointWithoutPod, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
