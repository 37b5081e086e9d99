//! The chain of a route link by link: route, controller, Service, EndpointSlice, pod.

use crate::correlate::Correlation;
use crate::correlate::summary::{decisive as reaches, hop};
use crate::model::Subject;
use crate::plan::routes::{self, controllers};
use crate::report::diagnosis::HopPart;

use super::view::{Served, decisive, words};

/// The hops behind the source.
pub(in crate::correlate) fn hops(cx: &Correlation<'_>) -> Vec<HopPart> {
    let Some(route) = routes::of(cx.question) else { return Vec::new() };
    let mut hops = Vec::new();
    let requests = decisive(cx);
    for request in &requests {
        let ok = match request.served() {
            Served::Yes => Some(true),
            Served::No => Some(false),
            Served::Unknown => None,
        };
        let at = format!("{route} {} at {}", request.entry.words(), request.at(cx.question.port));
        hops.push(hop(at, ok, words(request.via)));
    }
    if requests.is_empty() {
        let doors = routes::doors(route, cx.cluster).len();
        let seen = if doors == 0 { "no address to connect to" } else { "not tried" };
        hops.push(hop(route.to_string(), None, seen.to_owned()));
    }
    for workload in controllers(route, cx.cluster) {
        let (ready, desired) = (workload.ready.unwrap_or(0), workload.desired.unwrap_or(0));
        hops.push(hop(format!("controller {}", workload.object()), Some(ready > 0), format!("{ready} of {desired} ready")));
    }
    for part in routes::parts(cx.question, cx.cluster) {
        hops.extend(service(&Correlation { question: &part, ..*cx }));
    }
    hops
}

fn service(cx: &Correlation<'_>) -> Vec<HopPart> {
    let Subject::Service { namespace, name } = &cx.question.to else { return Vec::new() };
    let all = reaches(cx);
    let vips = cx.service().map_or(0, |s| s.cluster_ips.len()).min(all.len());
    let (own, pods) = all.split_at(vips);
    let told = |(what, reach): &(String, crate::correlate::view::Reach)| {
        hop(what.clone(), reach.measured().then_some(reach.ok()), reach.words())
    };
    let mut hops: Vec<HopPart> = own.iter().map(told).collect();
    if hops.is_empty() {
        hops.push(hop(cx.question.to.to_string(), None, "not tried".to_owned()));
    }
    for slice in cx.cluster.slices_of(namespace, name).got().into_iter().flatten() {
        let ready = slice.endpoints.iter().filter(|e| e.ready).count();
        let seen = format!("{ready} of {} endpoints ready", slice.endpoints.len());
        hops.push(hop(slice.object().to_string(), Some(ready > 0), seen));
    }
    hops.extend(pods.iter().map(told));
    hops
}

#[cfg(test)]
mod tests {
    use crate::correlate::testing::{causes, judge};
    use crate::model::testing::World;
    use crate::model::testing::edge::ingress;
    use crate::plan::testing::{Case, faults, read, to_gateway, to_http_route, to_ingress};
    use crate::report::diagnosis::Measured;

    fn chain(case: &Case) -> Vec<String> {
        judge(case).path.iter().map(|h| format!("{} {}: {}", h.state, h.at, h.seen)).collect()
    }

    #[test]
    fn the_chain_is_told_link_by_link() {
        assert_eq!(
            chain(&Case::healthy(&World::edge(), &to_ingress())),
            [
                "ok pod/shop/client on node/node1: 10.244.1.5, MTU 1450",
                "ok ingress/shop/web web.example.com/ at 192.0.2.34:80: answered 200 in 900 µs",
                "ok controller deployment/ingress-nginx/ingress-nginx-controller: 1 of 1 ready",
                "ok service/shop/web 10.96.1.10:80: 3 of 3 succeeded",
                "ok endpointslice/shop/web-x7k2p: 2 of 2 endpoints ready",
                "ok pod/shop/web-1 10.244.2.10:8080: 2 of 2 succeeded",
                "ok pod/shop/web-2 10.244.3.10:8080: 2 of 2 succeeded",
            ]
        );
    }

    #[test]
    fn a_healthy_ingress_has_no_cause_and_no_notice() {
        let answer = judge(&Case::healthy(&World::edge(), &to_ingress()));
        assert_eq!((answer.exit_code, causes(&answer), answer.notices.len()), (0, vec![], 0), "{answer:#?}");
        assert_eq!(answer.question.to, "ingress/shop/web");
    }

    #[test]
    fn a_gateway_and_its_route_are_told_the_same_way() {
        for request in [to_http_route(), to_gateway()] {
            let case = Case::healthy(&World::gateway(), &request);
            let told = chain(&case);
            assert!(told[1].ends_with("web.example.com/ at 192.0.2.34:80: answered 200 in 900 µs"), "{told:#?}");
            assert!(told.iter().any(|l| l.starts_with("ok endpointslice/shop/web-x7k2p: 2 of 2")), "{told:#?}");
            let answer = judge(&case);
            assert_eq!((answer.exit_code, causes(&answer), answer.notices.len()), (0, vec![], 0), "{answer:#?}");
        }
    }

    #[test]
    fn few_requests_are_enough() {
        for (world, to, most) in
            [(World::edge(), to_ingress(), 23), (many(), to_ingress(), 23), (World::gateway(), to_http_route(), 20)]
        {
            let cluster = read(&world, &to);
            let count = cluster.pods.listings.len()
                + cluster.services.listings.len()
                + cluster.endpoint_slices.listings.len()
                + cluster.nodes.listings.len()
                + cluster.namespaces.listings.len()
                + cluster.events.listings.len()
                + cluster.config_maps.listings.len()
                + cluster.workloads.listings.len()
                + cluster.ingresses.listings.len()
                + cluster.ingress_classes.listings.len()
                + cluster.network_policies.listings.len()
                + cluster.custom.values().map(|s| s.listings.len()).sum::<usize>()
                + 1;
            assert!(count <= most, "{count}");
        }
    }

    /// Six Services behind one Ingress.
    fn many() -> World {
        let mut world = World::edge();
        for i in 0..6 {
            let name = format!("web{i}");
            let mut service = world.service("web").clone();
            service.name.clone_from(&name);
            world.services.push(service);
            let backends = ingress("web", "web.example.com", &format!("/{i}"), &name, "80").backends;
            world.ingresses[0].backends.extend(backends);
        }
        world.write_slices();
        world
    }

    /// What is wrong with the Service behind an Ingress is told as in a question about that Service.
    #[test]
    fn the_service_behind_is_judged_as_any_other() {
        let mut world = World::edge();
        world.crash("web-1", "CrashLoopBackOff", 1, "Error");
        world.crash("web-2", "CrashLoopBackOff", 1, "Error");
        let broken = |_: &crate::model::ObjectRef, spec: &crate::probe::ProbeSpec| {
            crate::correlate::routes::testing::answers(spec, "192.0.2.34", 503)
                .or_else(|| crate::correlate::routes::testing::fails(spec, "10.96.1.10"))
                .or_else(|| faults::refuse(spec, &["10.96.1.10"]))
        };
        let answer = judge(&Case::measured(&world, &to_ingress(), &broken));
        assert_eq!(causes(&answer), ["NC3002"], "{answer:#?}");
        assert_eq!(answer.verdict.measured, Measured::Unreachable);
    }

    /// A policy may let the controller in and not the source: what works for users is not broken by that.
    #[test]
    fn pods_that_only_the_source_cannot_reach_break_nothing() {
        let silent = |_: &crate::model::ObjectRef, spec: &crate::probe::ProbeSpec| {
            faults::time_out(spec, &["10.96.1.10", "10.244.2.10", "10.244.3.10"])
                .or_else(|| crate::correlate::routes::testing::fails(spec, "10.96.1.10"))
        };
        let answer = judge(&Case::measured(&World::edge(), &to_ingress(), &silent));
        assert_eq!((answer.exit_code, causes(&answer)), (0, vec![]), "{answer:#?}");
    }
}
