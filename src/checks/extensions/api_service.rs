use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::extension::{API_SERVICES, ApiService};
use crate::model::{Destination, Known, ObjectRef, Query, Resource};

use super::{Callee, api_services, dead_service, may_be_called};

declare_finding! {
    /// ## What it finds
    ///
    /// An aggregated API, such as that of metrics, is served by a Service that does not answer the API server: requests for it end with 503,
    /// and what walks all APIs stumbles over it, as deleting a namespace does.
    ///
    /// ## How it is proven
    ///
    /// From `spec.service` of the APIService and the Service's EndpointSlices, and in a question about the API server from the APIService's
    /// condition `Available`, in the API server's own words.
    ///
    /// ## What to do
    ///
    /// Bring the pods behind the Service up. Where they run, see whether the API server reaches them: it connects from the control plane, which
    /// NetworkPolicies and firewalls see as another source than any pod.
    ApiServiceUnavailable, "NC7202", "api-service", "An aggregated API is not available"
}

impl Check for ApiServiceUnavailable {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let of_api_server = cx.question.request.destination == Destination::ApiServer;
        let service = dead_service(cx);
        let dead = service.map(crate::model::Service::object);
        if !of_api_server && dead.is_none() {
            return Verdict::NotApplicable;
        }
        let known = cx.cluster.custom_answer(&Query::all(Resource::Custom(API_SERVICES.to_owned())));
        if let Known::Denied(_) | Known::Failed(_) | Known::Unasked = known {
            // the API server itself is in reach or not without them, and a Service on a plain port serves none
            if of_api_server || !service.is_some_and(may_be_called) {
                return Verdict::NotApplicable;
            }
            return Verdict::Undetermined(format!("aggregated APIs: {}", known.missing().unwrap_or_default()));
        }
        let all = api_services(cx.cluster);
        let concerned =
            |c: &Callee, api: &ApiService| dead.as_ref() == Some(&c.service) || (of_api_server && down(api).is_some());
        Verdict::of(all.iter().filter(|(c, api)| concerned(c, api)).map(|(c, api)| finding(c, api, dead.as_ref())).collect())
    }
}

/// What the API server says against it.
pub(super) fn down(api: &ApiService) -> Option<String> {
    let condition = api.status.conditions.iter().find(|c| c.kind == "Available" && c.status == "False")?;
    Some(format!("{}: {}", condition.reason, condition.message.trim_end_matches('.')))
}

fn finding(callee: &Callee, api: &ApiService, dead: Option<&ObjectRef>) -> Finding {
    let words = down(api);
    let why = match (&words, dead) {
        (Some(words), _) => words.clone(),
        (None, _) => format!("{} has no ready endpoint", callee.service),
    };
    let sentence = format!("{} is not available: {why}.", callee.object);
    let finding = Finding::warning(ApiServiceUnavailable::META, callee.object.clone(), sentence)
        .proven()
        .seen(format!("{} spec.service", callee.object), callee.service.to_string());
    let finding = match words {
        Some(words) => {
            finding.expected(format!("{} status.conditions[Available]", callee.object), "True", format!("False, {words}"))
        }
        None => finding.expected(format!("EndpointSlices of {}", callee.service), "a ready endpoint", "none"),
    };
    finding.next(format!("kubectl -n {} describe service {}", callee.service.namespace, callee.service.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, request, to_web};
    use serde_json::{Value, json};

    fn api(available: &str) -> Value {
        json!({"metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": {"service": {"namespace": "shop", "name": "web", "port": 443}},
            "status": {"conditions": [{"type": "Available", "status": available, "reason": "MissingEndpoints",
                "message": "endpoints for service/web in \"shop\" have no addresses"}]}})
    }

    fn world(available: &str) -> World {
        let mut world = World::shop();
        world.custom.insert(API_SERVICES.into(), vec![api(available), json!({"metadata": {"name": "v1."}, "spec": {}})]);
        world
    }

    fn dead(available: &str) -> World {
        let mut world = world(available);
        world.service("web").ports[0].port = 443;
        world.crash("web-1", "CrashLoopBackOff", 1, "Error");
        world.crash("web-2", "CrashLoopBackOff", 1, "Error");
        world
    }

    #[test]
    fn the_api_servers_words_are_quoted() {
        let case = Case::healthy(&world("False"), &request(Destination::ApiServer));
        let found = only(check(&ApiServiceUnavailable, &case));
        assert!(
            found.sentence.starts_with("apiservice/v1beta1.metrics.k8s.io is not available: MissingEndpoints: endpoints for"),
            "{}",
            found.sentence
        );
        assert!(judge(&case).causes.is_empty());
    }

    #[test]
    fn a_dead_service_names_the_api_it_serves() {
        let world = dead("True");
        let found = only(check(&ApiServiceUnavailable, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.sentence, "apiservice/v1beta1.metrics.k8s.io is not available: service/shop/web has no ready endpoint.");
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(
            check(&ApiServiceUnavailable, &Case::unmeasured(&world("True"), &request(Destination::ApiServer))),
            Verdict::Clear
        );
        assert_eq!(check(&ApiServiceUnavailable, &Case::unmeasured(&World::shop(), &to_web())), Verdict::NotApplicable);
    }

    #[test]
    fn denied_api_services_are_undetermined_where_one_may_be_served() {
        let mut world = dead("False");
        world.denied.push(Resource::Custom(API_SERVICES.into()));
        assert!(matches!(check(&ApiServiceUnavailable, &Case::unmeasured(&world, &to_web())), Verdict::Undetermined(_)));
        let case = Case::unmeasured(&world, &request(Destination::ApiServer));
        assert_eq!(check(&ApiServiceUnavailable, &case), Verdict::NotApplicable);
        world.service("web").ports[0].port = 80;
        assert_eq!(check(&ApiServiceUnavailable, &Case::unmeasured(&world, &to_web())), Verdict::NotApplicable);
    }
}
