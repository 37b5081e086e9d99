use serde_json::Value;

use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::gateway::{GATEWAY_CLASSES, Gateway};
use crate::model::{Known, Query, Resource};

use super::gateways;

declare_finding! {
    /// ## What it finds
    ///
    /// A Gateway's class does not exist, or no controller has accepted the class: no controller makes the Gateway work.
    ///
    /// ## How it is proven
    ///
    /// `spec.gatewayClassName` is looked for among the GatewayClasses, and the class's condition `Accepted` is read.
    ///
    /// ## What to do
    ///
    /// Install a controller, or name the class of one that runs: `kubectl get gatewayclasses`.
    GatewayClassMissing, "NC7107", "gateway-class", "No controller serves the Gateway's class"
}

impl Check for GatewayClassMissing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let gateways = gateways(cx);
        if gateways.is_empty() {
            return Verdict::NotApplicable;
        }
        let known = cx.cluster.custom_answer(&Query::all(Resource::Custom(GATEWAY_CLASSES.to_owned())));
        let classes = match &known {
            Known::Got(classes) => classes.as_slice(),
            Known::Absent(_) => &[],
            Known::Denied(_) | Known::Failed(_) | Known::Unasked => {
                return Verdict::Undetermined(format!("GatewayClasses: {}", known.missing().unwrap_or_default()));
            }
        };
        Verdict::of(gateways.iter().filter_map(|g| finding(g, classes)).collect())
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn finding(gateway: &Gateway, classes: &[Value]) -> Option<Finding> {
    let object = gateway.object();
    let name = &gateway.spec.gateway_class_name;
    let field = format!("{object} spec.gatewayClassName");
    let Some(class) = classes.iter().find(|c| text(c, "/metadata/name") == name) else {
        let have: Vec<&str> = classes.iter().map(|c| text(c, "/metadata/name")).collect();
        let have = if have.is_empty() { "there is none".to_owned() } else { have.join(", ") };
        let sentence = format!("{object} is of class {name}, which does not exist: no controller serves it.");
        let finding = Finding::cause(GatewayClassMissing::META, object, sentence).expected(field, have, name.clone());
        return Some(finding.next("kubectl get gatewayclasses"));
    };
    let conditions = class.pointer("/status/conditions").and_then(Value::as_array);
    let accepted = conditions.into_iter().flatten().find(|c| text(c, "/type") == "Accepted");
    let (status, reason, message) =
        accepted.map_or(("Unknown", "", ""), |c| (text(c, "/status"), text(c, "/reason"), text(c, "/message")));
    if status == "True" {
        return None;
    }
    let controller = text(class, "/spec/controllerName");
    let why = if reason.is_empty() { String::new() } else { format!(" ({reason}: {message})") };
    let sentence =
        format!("{object} is of class {name}, which no controller has accepted{why}: {controller} does not run, or refuses it.");
    let finding = Finding::cause(GatewayClassMissing::META, object, sentence)
        .seen(field, name.clone())
        .expected(format!("gatewayclass/{name} status.conditions[Accepted]"), "True", status)
        .next(format!("kubectl describe gatewayclass {name}"));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::routes::gateway::deny;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::testing::World;
    use crate::model::testing::edge::change;
    use crate::plan::testing::{Case, to_http_route};
    use serde_json::json;

    #[test]
    fn a_class_that_is_not_there_or_not_accepted() {
        let mut world = World::gateway();
        change(&mut world, "gateways", "/spec/gatewayClassName", json!("other"));
        let case = Case::unmeasured(&world, &to_http_route());
        let found = only(check(&GatewayClassMissing, &case));
        assert_eq!(found.sentence, "gateway/infra/edge is of class other, which does not exist: no controller serves it.");
        assert_eq!(causes(&judge(&case)), ["NC7107"]);
        let mut world = World::gateway();
        let waiting =
            json!([{"type": "Accepted", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller"}]);
        change(&mut world, "gatewayclasses", "/status/conditions", waiting);
        let found = only(check(&GatewayClassMissing, &Case::unmeasured(&world, &to_http_route())));
        assert!(found.sentence.contains("no controller has accepted (Pending: Waiting for controller)"), "{}", found.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(check(&GatewayClassMissing, &Case::unmeasured(&World::gateway(), &to_http_route())), Verdict::Clear);
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&GatewayClassMissing, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn denied_classes_are_undetermined() {
        let mut world = World::gateway();
        deny(&mut world, GATEWAY_CLASSES);
        assert!(matches!(check(&GatewayClassMissing, &Case::unmeasured(&world, &to_http_route())), Verdict::Undetermined(_)));
    }
}
