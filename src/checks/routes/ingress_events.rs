use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Event, Known, Query, Resource};

use crate::plan::reads::ingress_warnings;

use super::ingress;

declare_finding! {
    /// ## What it finds
    ///
    /// The controller itself has complained about the Ingress: a Secret it cannot find, a rule it refuses, a load balancer it could not
    /// make.
    ///
    /// ## How it is proven
    ///
    /// From the events of type Warning about the Ingress, in the controller's own words.
    ///
    /// ## What to do
    ///
    /// What the event says. Events are kept for an hour unless the API server is set up otherwise: an older one may be settled.
    IngressEvents, "NC7011", "ingress-events", "The controller complains about the Ingress"
}

impl Check for IngressEvents {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(ingress) = ingress(cx) else { return Verdict::NotApplicable };
        let object = ingress.object();
        let asked = ingress_warnings(Query::within(Resource::Events, &ingress.namespace));
        let known = cx.cluster.events.answer(&asked);
        if !matches!(known, Known::Got(_)) {
            return Verdict::Undetermined(format!("events about {object}: {}", known.missing().unwrap_or_default()));
        }
        let mut events: Vec<&Event> = cx.cluster.warnings_about(&object).collect();
        events.sort_by(|a, b| b.last_seen.cmp(&a.last_seen));
        events.dedup_by(|a, b| a.message == b.message);
        let Some(last) = events.first() else { return Verdict::Clear };
        let sentence = format!("{object}: its controller says {}: {}.", last.reason, last.message.trim_end_matches('.'));
        let finding = Finding::warning(Self::META, object.clone(), sentence);
        let finding =
            events.iter().take(3).fold(finding, |f, e| f.seen(format!("event {} of {object}", e.reason), e.message.clone()));
        Verdict::Found(vec![finding.next(format!("kubectl -n {} describe ingress {}", ingress.namespace, ingress.name))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::finding::Weight;
    use crate::model::ObjectRef;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_ingress};

    #[test]
    fn the_controllers_words_are_quoted() {
        let mut world = World::edge();
        world.events.push(Event {
            about: ObjectRef::new("ingress", "shop", "web"),
            kind: "Warning".into(),
            reason: "FailedDeployModel".into(),
            // form of the AWS Load Balancer Controller's events (pkg/k8s/events.go); the text is made up
            message: "Failed deploy model due to no certificate found for host web.example.com".into(),
            count: 2,
            last_seen: None,
        });
        let found = only(check(&IngressEvents, &Case::unmeasured(&world, &to_ingress())));
        assert_eq!(found.weight, Weight::Warning);
        assert!(found.sentence.contains("FailedDeployModel: Failed deploy model due to"), "{}", found.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&IngressEvents, &Case::unmeasured(&World::edge(), &to_ingress())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&IngressEvents, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_events_are_undetermined() {
        let mut world = World::edge();
        world.denied.push(Resource::Events);
        assert!(matches!(check(&IngressEvents, &Case::unmeasured(&world, &to_ingress())), Verdict::Undetermined(_)));
    }
}
