use super::state::{Dns, Trouble};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, Selector};

declare_finding! {
    /// ## What it finds
    ///
    /// The cluster's DNS Service has no ready endpoint on port 53/UDP although DNS pods are ready. Every lookup is refused
    /// at once or lost, so every name fails, while connections to addresses still work.
    ///
    /// ## How it is proven
    ///
    /// The Service's EndpointSlices list no ready address for the port. The usual reasons are compared: a selector that
    /// matches none of the pods labelled `k8s-app=kube-dns`, a missing port 53/UDP, a `targetPort` name that no container
    /// has. Pods that are down are another finding (NC1003), and this one stays silent then.
    ///
    /// ## What to do
    ///
    /// Make `spec.selector` and `spec.ports` of the Service match the pods again:
    /// `kubectl -n kube-system get service kube-dns -o yaml` beside `kubectl -n kube-system get pods --show-labels`.
    DnsServiceWithoutEndpoints, "NC1002", "dns-service-without-endpoints", "The DNS Service has no endpoints"
}

impl Check for DnsServiceWithoutEndpoints {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let dns = match Dns::of(cx) {
            Ok(dns) => dns,
            Err(verdict) => return verdict,
        };
        match dns.trouble(cx.cluster) {
            Ok(Trouble::NoEndpoints) => Verdict::Found(vec![finding(cx, &dns)]),
            Ok(Trouble::Looping(_) | Trouble::NoPods | Trouble::Down(..) | Trouble::Nothing) => match dns.endpoints(cx.cluster) {
                Known::Got(_) | Known::Absent(_) => Verdict::Clear,
                unread @ (Known::Denied(_) | Known::Failed(_) | Known::Unasked) => Verdict::Undetermined(format!(
                    "the EndpointSlices of {}: {}",
                    dns.service.object(),
                    unread.missing().unwrap_or_default()
                )),
            },
            Err(why) => Verdict::Undetermined(why),
        }
    }
}

fn finding(cx: &Context<'_>, dns: &Dns<'_>) -> Finding {
    let service = dns.service;
    let (object, namespace, name) = (service.object(), &service.namespace, &service.name);
    let endpoints = dns.endpoints(cx.cluster);
    let edit = |what: &str| format!("{what}: kubectl -n {namespace} edit service {name}");
    if let Known::Absent(_) = endpoints {
        let ports: Vec<String> = service.ports.iter().map(|p| format!("{}/{}", p.port, p.protocol)).collect();
        return Finding::cause(
            DnsServiceWithoutEndpoints::META,
            object.clone(),
            format!("{object} has no port 53/UDP, so no name resolves."),
        )
        .expected(format!("{object} spec.ports"), "53/UDP and 53/TCP", ports.join(", "))
        .next(edit("add the port"));
    }
    let listed = endpoints.got().map_or(0, Vec::len);
    let selector = Selector::of(&service.selector);
    let pods = dns.pods.got().cloned().unwrap_or_default();
    let ready = pods.iter().filter(|p| p.ready).count();
    let selected = pods.iter().filter(|p| selector.matches(&p.labels)).count();
    let unselected = !pods.is_empty() && selected == 0;
    let why = match (unselected, dns.pods.got()) {
        (true, _) => format!("its selector {selector} matches none of the {} DNS pods", pods.len()),
        (false, Some(_)) => {
            format!("{ready} DNS pods are ready and its EndpointSlices list none of them as ready on port 53/UDP")
        }
        (false, None) => "its EndpointSlices list none as ready".to_owned(),
    };
    let mut finding = Finding::cause(
        DnsServiceWithoutEndpoints::META,
        object.clone(),
        format!("{object} has no ready endpoints, so no name resolves: {why}."),
    )
    .expected(
        format!("EndpointSlices of {object}"),
        "at least one ready endpoint on 53/UDP",
        format!("{listed} listed, none ready"),
    );
    if unselected {
        let labels: Vec<String> = pods.iter().take(2).map(|p| format!("{}: {}", p.object(), Selector::of(&p.labels))).collect();
        finding = finding.expected(format!("{object} spec.selector"), "labels of the DNS pods", selector.to_string());
        finding = finding.seen("labels of the DNS pods", labels.join("; "));
        return finding.next(edit("mend spec.selector"));
    }
    if let Some(why) = dns.pods.missing() {
        return finding
            .seen("the DNS pods", why)
            .next(format!("look at its pods: kubectl -n {namespace} get pods -l k8s-app=kube-dns"));
    }
    finding.next(format!("compare ports and endpoints: kubectl -n {namespace} describe service {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::testing::{World, labels};
    use crate::model::{Resource, TargetPort};
    use crate::plan::testing::{Case, to_web};

    fn verdict(world: &World) -> Verdict {
        check(&DnsServiceWithoutEndpoints, &Case::unmeasured(world, &to_web()))
    }

    #[test]
    fn a_selector_that_matches_no_pod_is_the_cause() {
        let mut world = World::shop();
        world.service("kube-dns").selector = labels("k8s-app=coredns");
        world.write_slices();
        let found = only(verdict(&world));
        assert_eq!(
            found.sentence,
            "service/kube-system/kube-dns has no ready endpoints, so no name resolves: its selector k8s-app=coredns matches \
             none of the 2 DNS pods."
        );
        let answer = judge(&Case::unmeasured(&world, &to_web()));
        assert_eq!(causes(&answer), ["NC1002"]);
    }

    #[test]
    fn a_target_port_that_no_container_has_is_the_cause() {
        let mut world = World::shop();
        world.service("kube-dns").ports[0].target = TargetPort::Name("domain".into());
        world.write_slices();
        assert!(only(verdict(&world)).sentence.contains("2 DNS pods are ready"));
    }

    #[test]
    fn healthy_is_clear() {
        assert_eq!(verdict(&World::shop()), Verdict::Clear);
    }

    #[test]
    fn unread_slices_leave_it_open() {
        let mut world = World::shop();
        world.denied.push(Resource::EndpointSlices);
        assert!(matches!(verdict(&world), Verdict::Undetermined(why) if why.contains("not permitted")));
    }

    #[test]
    fn questions_without_a_name_do_not_depend_on_it() {
        let mut world = World::shop();
        world.service("kube-dns").selector = labels("k8s-app=coredns");
        world.write_slices();
        let mut case = Case::unmeasured(&world, &to_web());
        case.question.name = None;
        assert_eq!(check(&DnsServiceWithoutEndpoints, &case), Verdict::NotApplicable);
    }
}
