//! Ingress controllers and the Gateway API.

use serde_json::Value;

use super::controllers::{CONTROLLERS, Controller};
use super::facts::Facts;
use crate::model::{Cluster, Known, Query, Resource, Workload};
use crate::report::info::{Fact, Topic};

pub(super) fn facts(cluster: &Cluster, facts: &mut Facts) {
    ingress(cluster, facts);
    gateway(cluster, facts);
}

fn ingress(cluster: &Cluster, facts: &mut Facts) {
    let classes = cluster.ingress_classes.complete(&Resource::IngressClasses, None);
    let mut any = false;
    for controller in CONTROLLERS {
        let workload = controller.workloads(cluster).first().copied();
        let mut own: Vec<_> =
            cluster.ingress_classes.seen().filter(|c| controller.classes.contains(&c.controller.as_str())).collect();
        own.sort_by(|a, b| a.name.cmp(&b.name));
        own.dedup_by(|a, b| a.name == b.name);
        if workload.is_none() && own.is_empty() {
            continue;
        }
        any = true;
        facts.add(controller_fact(controller, workload, &own, cluster));
    }
    for class in cluster.ingress_classes.seen() {
        if !CONTROLLERS.iter().any(|c| c.classes.contains(&class.controller.as_str())) {
            any = true;
            let fact =
                Fact::new(Topic::Ingress, "controller", format!("{} for class {}", class.controller, class.name), "likely");
            facts.add(fact.seen(format!("ingressclass/{} spec.controller", class.name), class.controller.clone()));
        }
    }
    match classes {
        Known::Got(_) if !any => {
            facts.add(Fact::new(Topic::Ingress, "controller", "none was seen", "certain").seen("IngressClasses", "none"));
        }
        Known::Got(_) => {}
        other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
            if !any {
                facts.add(Fact::new(Topic::Ingress, "controller", "undetermined", "unknown"));
            }
            facts.missing("IngressClasses", &other);
        }
    }
}

fn controller_fact(
    controller: &Controller,
    workload: Option<&Workload>,
    classes: &[&crate::model::IngressClass],
    cluster: &Cluster,
) -> Fact {
    let names: Vec<&str> = classes.iter().map(|c| c.name.as_str()).collect();
    let words =
        if names.is_empty() { String::from(", without an IngressClass") } else { format!(" for class {}", names.join(", ")) };
    let ready = workload.and_then(|w| Some(format!(", {} of {} ready", w.ready?, w.desired?))).unwrap_or_default();
    let sure = if workload.is_some() { "certain" } else { "likely" };
    let mut fact = Fact::new(Topic::Ingress, "controller", format!("{}{words}{ready}", controller.name), sure);
    for class in classes {
        fact = fact.seen(format!("ingressclass/{} spec.controller", class.name), class.controller.clone());
    }
    if let Some(workload) = workload {
        fact = fact.seen(workload.object().to_string(), format!("image {}", workload.images.first().map_or("", String::as_str)));
        if workload.ready == Some(0) && workload.desired != Some(0) {
            fact = fact.warning("no pod of it is ready: no Ingress of its class works");
        }
    } else if !controller.images.is_empty() && matches!(cluster.workloads.complete(&Resource::Deployments, None), Known::Got(_)) {
        fact = fact.warning("an IngressClass names it, and no Deployment of it was seen");
    }
    fact
}

fn gateway(cluster: &Cluster, facts: &mut Facts) {
    const GROUP: &str = "gateway.networking.k8s.io";
    let Known::Got(groups) = &cluster.api_groups else {
        facts.missing("API groups, which show the Gateway API", &cluster.api_groups);
        return;
    };
    if !groups.iter().any(|g| g == GROUP) {
        facts.add(Fact::new(Topic::Gateway, "Gateway API", "not installed", "certain").seen("API groups", format!("no {GROUP}")));
        return;
    }
    facts.add(Fact::new(Topic::Gateway, "Gateway API", "installed", "certain").seen("API groups", GROUP));
    let classes = Query::all(Resource::Custom(String::from("gatewayclasses.v1.gateway.networking.k8s.io")));
    let known = cluster.custom_answer(&classes);
    for class in known.got().into_iter().copied().flatten() {
        facts.add(gateway_class(class));
    }
    facts.missing("GatewayClasses", &known);
}

fn gateway_class(class: &Value) -> Fact {
    let text = |pointer: &str| class.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (name, controller) = (text("/metadata/name"), text("/spec/controllerName"));
    let conditions = class.pointer("/status/conditions").and_then(Value::as_array);
    let accepted = conditions.into_iter().flatten().find(|c| c.get("type").and_then(Value::as_str) == Some("Accepted"));
    let status = accepted.and_then(|c| c.get("status")?.as_str()).unwrap_or("Unknown");
    let fact = Fact::new(Topic::Gateway, "class", format!("{name} by {controller}"), "certain")
        .seen(format!("gatewayclass/{name} spec.controllerName"), controller)
        .seen(format!("gatewayclass/{name} status Accepted"), status);
    if status == "True" { fact } else { fact.warning("no controller has accepted it: Gateways of this class do not work") }
}
