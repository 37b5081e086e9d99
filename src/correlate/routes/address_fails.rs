use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::plan::routes;
use crate::probe::HttpOutcome;

use super::view::{Request, Served, control, decisive, words};
use super::{explained, log_of};

declare_finding! {
    /// ## What it finds
    ///
    /// The address of an Ingress or a Gateway does not answer: no request gets as far as a status code.
    ///
    /// ## How it is proven
    ///
    /// By connecting to the address that the object's status publishes, or to the controller's Service when it publishes none, and for
    /// comparison to the controller's Service and to the Service behind the route. When the controller answers inside the cluster, what
    /// lies in front of it fails: a load balancer, its health checks, or a load balancer that cannot be used from inside.
    ///
    /// ## What to do
    ///
    /// Look at the Service of the controller: its type, its external address, `externalTrafficPolicy`, and the endpoints behind it.
    RouteAddressFails, "NC7007", "address-fails", "The address of the route does not answer"
}

impl Cause for RouteAddressFails {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some(route) = routes::of(cx.question) else { return Verdict::NotApplicable };
        if explained(cx) {
            return Verdict::NotApplicable;
        }
        let requests = decisive(cx);
        if requests.is_empty() {
            return if routes::doors(route, cx.cluster).is_empty() {
                Verdict::NotApplicable
            } else {
                Verdict::Undetermined(format!("no request to an address of {route} was measured"))
            };
        }
        // one path of several that fails is no matter of the address
        let failed = |r: &&Request<'_>| matches!(r.via, HttpOutcome::Failed { .. });
        let Some(first) = requests.iter().find(failed).filter(|_| requests.iter().all(|r| failed(&r))) else {
            return Verdict::Clear;
        };
        let at = first.at(cx.question.port);
        let inside = control(cx);
        let works = inside.iter().find(|r| r.served() == Served::Yes);
        let beside = match works {
            Some(own) => {
                format!("; at {} inside the cluster it answers, so what is in front of the controller fails", own.door.source)
            }
            None => String::new(),
        };
        let sentence = format!("{route} does not answer at {at}, {}: {}{beside}.", first.door.source, words(first.via));
        let mut finding = Finding::cause(Self::META, route.clone(), sentence).proven().expected(
            format!("GET {} at {at}", first.url),
            "an answer",
            words(first.via),
        );
        for own in &inside {
            finding = finding.seen(format!("the same at {}", own.door.source), words(own.via));
        }
        if let Some(direct) = first.direct {
            finding = finding.seen(format!("the same at {}", first.entry.service), words(direct));
        }
        Verdict::Found(vec![finding.next(log_of(route, cx))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::routes::testing::fails;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_ingress};

    #[test]
    fn the_load_balancer_is_told_from_the_controller() {
        let case = Case::measured(&World::edge(), &to_ingress(), &|_, spec| fails(spec, "192.0.2.34"));
        let found = only(explain(&RouteAddressFails, &case));
        assert!(
            found.sentence.starts_with("ingress/shop/web does not answer at 192.0.2.34:80, ingress/shop/web status.loadBalancer: failed at connect: timed out; at service/ingress-nginx/ingress-nginx-controller inside"),
            "{}",
            found.sentence
        );
        assert_eq!(causes(&judge(&case)), ["NC7007"]);
    }

    #[test]
    fn a_controller_that_answers_nowhere() {
        let case = Case::measured(&World::edge(), &to_ingress(), &|_, spec| {
            fails(spec, "192.0.2.34").or_else(|| fails(spec, "10.96.7.7"))
        });
        assert!(!only(explain(&RouteAddressFails, &case)).sentence.contains("inside the cluster"));
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(explain(&RouteAddressFails, &Case::healthy(&World::edge(), &to_ingress())), Verdict::Clear);
        let other = Case::healthy(&World::shop(), &crate::plan::testing::to_web());
        assert_eq!(explain(&RouteAddressFails, &other), Verdict::NotApplicable);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        let case = Case::not_run(&World::edge(), &to_ingress());
        assert!(matches!(explain(&RouteAddressFails, &case), Verdict::Undetermined(_)));
    }
}
