use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::plan::routes::gateway::Attachment;

use super::{Parent, asked, attachments, describe, listeners, meant};

declare_finding! {
    /// ## What it finds
    ///
    /// A route names a Gateway, and no listener of it takes the route up: none has the name or port it asks for, none is for its kind, or none
    /// has a host in common with it.
    ///
    /// ## How it is proven
    ///
    /// `sectionName`, `port` and `hostnames` of the route are compared with the Gateway's listeners. A star stands for one or more labels.
    ///
    /// ## What to do
    ///
    /// Name a listener that exists, or give the route a host that falls under the listener's. A listener without a host takes every one.
    ListenerMismatch, "NC7102", "listener-mismatch", "No listener of the Gateway fits the route"
}

impl Check for ListenerMismatch {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let routes = asked(cx);
        if routes.is_empty() {
            return Verdict::NotApplicable;
        }
        match attachments(cx, &routes) {
            Ok(all) => Verdict::of(all.iter().filter_map(finding).collect()),
            Err(undetermined) => undetermined,
        }
    }
}

fn finding(parent: &Parent<'_>) -> Option<Finding> {
    let (object, gateway) = (parent.route.object(), parent.gateway.object());
    let hosts = parent.route.spec.hostnames.join(", ");
    let (why, field, expected, seen) = match &parent.attachment {
        Attachment::NoListener => {
            let field = if parent.reference.section_name.is_some() { "sectionName" } else { "port" };
            let asked = meant(parent.reference);
            (format!("{asked} does not exist there"), format!("spec.parentRefs {field}"), listeners(&parent.gateway), asked)
        }
        Attachment::NotItsKind => (
            format!("{} is not for routes of kind {}", meant(parent.reference), parent.route.kind),
            "kind".to_owned(),
            listeners(&parent.gateway),
            parent.route.kind.clone(),
        ),
        Attachment::NoHost => (
            format!("none of its hosts ({hosts}) falls under those of {}", meant(parent.reference)),
            "spec.hostnames".to_owned(),
            listeners(&parent.gateway),
            hosts,
        ),
        Attachment::On(_) | Attachment::NotAllowed(_) | Attachment::Unknown(_) => return None,
    };
    let sentence = format!("{object} is not served by {gateway}: {why}.");
    let finding = Finding::cause(ListenerMismatch::META, object.clone(), sentence)
        .expected(format!("{object} {field}"), format!("one of {expected}"), seen)
        .next(describe(&gateway));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::routes::gateway::deny;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::gateway::GATEWAYS;
    use crate::model::testing::World;
    use crate::model::testing::edge::change;
    use crate::plan::testing::{Case, to_http_route};
    use serde_json::{Value, json};

    #[track_caller]
    fn says(pointer: &str, value: Value, words: &str) {
        let mut world = World::gateway();
        change(&mut world, "httproutes", pointer, value);
        let case = Case::unmeasured(&world, &to_http_route());
        let found = only(check(&ListenerMismatch, &case));
        assert_eq!(found.sentence, format!("httproute/shop/web is not served by gateway/infra/edge: {words}."));
        assert_eq!(causes(&judge(&case)), ["NC7102"]);
    }

    #[test]
    fn a_section_a_port_and_a_host_that_do_not_fit() {
        says("/spec/parentRefs/0/sectionName", json!("https"), "listener https does not exist there");
        says("/spec/parentRefs/0/port", json!(8080), "a listener on port 8080 does not exist there");
        says(
            "/spec/hostnames",
            json!(["web.example.net"]),
            "none of its hosts (web.example.net) falls under those of its listeners",
        );
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&ListenerMismatch, &Case::unmeasured(&World::gateway(), &to_http_route())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&ListenerMismatch, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_gateways_are_undetermined() {
        let mut world = World::gateway();
        deny(&mut world, GATEWAYS);
        assert!(matches!(check(&ListenerMismatch, &Case::unmeasured(&world, &to_http_route())), Verdict::Undetermined(_)));
    }
}
