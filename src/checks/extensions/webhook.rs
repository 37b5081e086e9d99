use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, Service};

use super::{Callee, dead_service, lists, may_be_called, webhooks};

declare_finding! {
    /// ## What it finds
    ///
    /// The API server calls this Service as an admission webhook, and nobody is behind it. With `failurePolicy: Fail` whatever the webhook is
    /// asked about is refused, often in every namespace; with `Ignore` the webhook is passed over.
    ///
    /// ## How it is proven
    ///
    /// From `clientConfig.service` of the validating and mutating webhook configurations, and from the Service's EndpointSlices.
    /// `kubectl netcheck info` looks at every webhook, also at those whose Service does not exist.
    ///
    /// ## What to do
    ///
    /// Bring the webhook's pods up. When they are refused by their own webhook, exempt their namespace with `namespaceSelector`, or delete the
    /// configuration until they run.
    WebhookUnavailable, "NC7201", "webhook", "An admission webhook has nobody behind it"
}

impl Check for WebhookUnavailable {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = dead_service(cx) else { return Verdict::NotApplicable };
        let [validating, mutating, _] = lists();
        let found: Vec<Finding> =
            webhooks(cx.cluster).iter().filter(|c| c.service == service.object()).map(|c| finding(service, c)).collect();
        for query in [validating, mutating] {
            let known = cx.cluster.custom_answer(&query);
            let matters = found.is_empty() && may_be_called(service);
            if let (true, Known::Denied(_) | Known::Failed(_) | Known::Unasked) = (matters, &known) {
                return Verdict::Undetermined(format!(
                    "which webhooks use {}: {}",
                    service.object(),
                    known.missing().unwrap_or_default()
                ));
            }
        }
        Verdict::of(found)
    }
}

fn finding(service: &Service, webhook: &Callee) -> Finding {
    let object = service.object();
    let effect = if webhook.strict {
        format!("the API server refuses what it is to be asked about ({})", webhook.scope)
    } else {
        format!("the API server passes it over ({})", webhook.scope)
    };
    let sentence = format!("{} calls {object}, which has no ready endpoint: {effect}.", webhook.object);
    let base = if webhook.strict {
        Finding::warning(WebhookUnavailable::META, webhook.object.clone(), sentence)
    } else {
        Finding::note(WebhookUnavailable::META, webhook.object.clone(), sentence)
    };
    base.proven()
        .seen(
            format!("{} webhook {} failurePolicy", webhook.object, webhook.name),
            if webhook.strict { "Fail" } else { "Ignore" },
        )
        .expected(format!("EndpointSlices of {object}"), "a ready endpoint", "none")
        .next(format!("kubectl -n {} describe service {}", service.namespace, service.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::finding::Weight;
    use crate::model::Resource;
    use crate::model::extension::{API_SERVICES, MUTATING, VALIDATING};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};
    use serde_json::json;

    /// `service/shop/web` is a webhook for pods, and its pods crash.
    fn world(policy: &str) -> World {
        let mut world = World::shop();
        world.service("web").ports[0].port = 443;
        world.crash("web-1", "CrashLoopBackOff", 1, "Error");
        world.crash("web-2", "CrashLoopBackOff", 1, "Error");
        let webhook = json!({"name": "guard.example.com", "failurePolicy": policy, "clientConfig": {"service": {"namespace": "shop", "name": "web"}},
            "rules": [{"operations": ["CREATE"], "resources": ["pods"]}]});
        world.custom.insert(VALIDATING.into(), vec![json!({"metadata": {"name": "guard"}, "webhooks": [webhook]})]);
        world.custom.insert(MUTATING.into(), vec![]);
        world.custom.insert(API_SERVICES.into(), vec![]);
        world
    }

    #[test]
    fn a_dead_webhook_is_a_warning_and_a_lenient_one_a_note() {
        let found = only(check(&WebhookUnavailable, &Case::unmeasured(&world("Fail"), &to_web())));
        assert_eq!(found.weight, Weight::Warning);
        assert_eq!(
            found.sentence,
            "validatingwebhookconfiguration/guard calls service/shop/web, which has no ready endpoint: the API server refuses what it is to be asked about (create pods)."
        );
        assert_eq!(only(check(&WebhookUnavailable, &Case::unmeasured(&world("Ignore"), &to_web()))).weight, Weight::Note);
    }

    #[test]
    fn healthy_and_unused_are_silent() {
        assert_eq!(check(&WebhookUnavailable, &Case::unmeasured(&World::shop(), &to_web())), Verdict::NotApplicable);
        let mut unused = world("Fail");
        unused.custom.insert(VALIDATING.into(), vec![]);
        assert_eq!(check(&WebhookUnavailable, &Case::unmeasured(&unused, &to_web())), Verdict::Clear);
    }

    #[test]
    fn denied_configurations_are_undetermined() {
        let mut world = world("Fail");
        world.denied.push(Resource::Custom(VALIDATING.into()));
        assert!(matches!(check(&WebhookUnavailable, &Case::unmeasured(&world, &to_web())), Verdict::Undetermined(_)));
        // a plain port is no webhook's
        world.service("web").ports[0].port = 80;
        assert_eq!(check(&WebhookUnavailable, &Case::unmeasured(&world, &to_web())), Verdict::Clear);
    }
}
