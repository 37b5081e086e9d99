use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::plan::routes;

use super::view::{Request, Served, decisive, status, words};
use super::{explained, log_of};

declare_finding! {
    /// ## What it finds
    ///
    /// The controller of an Ingress or a Gateway answers, and not with what the application gives: 404 when it does not have the host
    /// and path, 502, 503 or 504 when it cannot reach the Service behind them. A Gateway also answers 500 for a backend that is not valid.
    ///
    /// ## How it is proven
    ///
    /// The same request, with the same host and path, is sent to the controller and past it to the Service's address. The Service
    /// answers otherwise, so the answer is the controller's own.
    ///
    /// ## What to do
    ///
    /// Read the controller's log: it says which objects it refused and which connections failed. For 404 see whether it serves the class
    /// and the namespace; for the others whether a NetworkPolicy lets it reach the pods, and whether it speaks their protocol (HTTPS, HTTP/2).
    RouteNotServed, "NC7006", "not-served", "The controller answers, and not for the application"
}

impl Cause for RouteNotServed {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if routes::of(cx.question).is_none() || explained(cx) {
            return Verdict::NotApplicable;
        }
        let requests = decisive(cx);
        let open: Vec<&Request<'_>> = requests.iter().filter(|r| r.served() == Served::Unknown).collect();
        let wrong = requests.iter().filter(|r| status(r.via).is_some() && r.served() == Served::No);
        let found: Vec<Finding> = wrong.filter_map(|r| finding(cx, r)).take(1).collect();
        if found.is_empty() && !open.is_empty() {
            let which: Vec<String> =
                open.iter().filter_map(|r| Some(format!("{} gives {}", r.entry.words(), status(r.via)?))).collect();
            return Verdict::Undetermined(format!(
                "{}, and the Service itself was not asked, so it is open whose answer that is",
                which.join(", ")
            ));
        }
        Verdict::of(found)
    }
}

fn finding(cx: &Correlation<'_>, request: &Request<'_>) -> Option<Finding> {
    let route = routes::of(cx.question)?;
    let code = status(request.via)?;
    let service = &request.entry.service;
    let direct = request.direct.and_then(status);
    // a Service that fails when asked itself is explained by its own findings
    if request.direct.is_some() && direct.is_none() {
        return None;
    }
    let why = match code {
        404 => "its controller does not have this host and path",
        504 => "its controller waits for the pods in vain",
        _ => "its controller cannot use the Service's pods",
    };
    let beside = direct.map(|d| format!(", though {service} itself answers {d}")).unwrap_or_default();
    let sentence = format!("{route} answers {} with {code}{beside}: {why}.", request.entry.words());
    let finding = Finding::cause(RouteNotServed::META, route.clone(), sentence)
        .expected(
            format!("GET {} at {}", request.url, request.at(cx.question.port)),
            "the application's answer",
            words(request.via),
        )
        .seen(request.entry.field.clone(), format!("{} port {}", service, request.entry.port));
    let finding = match request.direct {
        Some(outcome) => finding.seen(format!("the same request at {service}"), words(outcome)).proven(),
        None => finding.possible(),
    };
    Some(finding.next(log_of(route, cx)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::routes::testing::answers;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::model::testing::edge::change;
    use crate::plan::testing::{Case, to_http_route, to_ingress};
    use serde_json::json;

    #[test]
    fn an_answer_that_the_service_does_not_give_is_the_controllers() {
        let case = Case::measured(&World::edge(), &to_ingress(), &|_, spec| answers(spec, "192.0.2.34", 503));
        let found = only(explain(&RouteNotServed, &case));
        assert_eq!(
            found.sentence,
            "ingress/shop/web answers web.example.com/ with 503, though service/shop/web itself answers 200: its controller cannot use the Service's pods."
        );
        assert_eq!(found.next, "kubectl -n ingress-nginx logs deployment/ingress-nginx-controller --tail=100");
        let answer = judge(&case);
        assert_eq!((answer.exit_code, causes(&answer)), (1, vec!["NC7006"]), "{answer:#?}");
    }

    #[test]
    fn a_gateways_500_is_its_own_where_the_backend_is_not_valid() {
        let mut world = World::gateway();
        let gone = |spec: &crate::probe::ProbeSpec| answers(spec, "192.0.2.34", 500);
        change(&mut world, "httproutes", "/spec/rules/0/backendRefs/0/name", json!("wbe"));
        let answer = judge(&Case::measured(&world, &to_http_route(), &|_, spec| gone(spec)));
        assert_eq!((answer.exit_code, causes(&answer)), (1, vec!["NC7104"]), "{answer:#?}");
        // the application's own 500 is an answer
        let own = Case::measured(&World::gateway(), &to_http_route(), &|_, spec| {
            gone(spec).or_else(|| answers(spec, "10.96.1.10", 500))
        });
        assert_eq!(judge(&own).exit_code, 0);
    }

    #[test]
    fn what_the_application_says_itself_is_no_fault() {
        let case = Case::measured(&World::edge(), &to_ingress(), &|_, spec| {
            answers(spec, "192.0.2.34", 404).or_else(|| answers(spec, "10.96.1.10", 404))
        });
        assert_eq!(explain(&RouteNotServed, &case), Verdict::Clear);
        assert_eq!(judge(&case).exit_code, 0);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(explain(&RouteNotServed, &Case::healthy(&World::edge(), &to_ingress())), Verdict::Clear);
        let other = Case::healthy(&World::shop(), &crate::plan::testing::to_web());
        assert_eq!(explain(&RouteNotServed, &other), Verdict::NotApplicable);
    }

    #[test]
    fn a_404_beside_nothing_is_undetermined() {
        let case = Case::measured(&World::edge(), &to_ingress(), &|_, spec| {
            answers(spec, "192.0.2.34", 404).or_else(|| crate::correlate::routes::testing::fails(spec, "10.96.1.10"))
        });
        assert!(matches!(explain(&RouteNotServed, &case), Verdict::Undetermined(_)));
    }
}
