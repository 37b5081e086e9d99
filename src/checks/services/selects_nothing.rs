use crate::checks::pods::selected;
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, Pod, Query, Resource, Selector, Service};

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service whose selector matches no pod: it has no endpoints, and connections to it are refused at once or dropped.
    ///
    /// ## How it is proven
    ///
    /// The pods of the namespace are compared with `spec.selector`. The pod that comes nearest shows which label differs, and a
    /// workload with the right labels and no replicas is named.
    ///
    /// ## What to do
    ///
    /// Make the selector and the pods' labels agree, or scale the workload up.
    ServiceSelectsNothing, "NC3001", "selects-nothing", "Service selects no pod"
}

impl Check for ServiceSelectsNothing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| !s.selector.is_empty()) else { return Verdict::NotApplicable };
        let selector = Selector::of(&service.selector);
        let asked = Query::within(Resource::Pods, &service.namespace).labelled(&selector.to_string());
        let (own, all) = (cx.cluster.pods.answer(&asked), cx.cluster.pods_in(&service.namespace));
        if own.got().is_none() && all.got().is_none() {
            let why = own.missing().unwrap_or_default();
            return Verdict::Undetermined(format!("pods that {} selects: {why}", service.object()));
        }
        if !selected(cx, &service.namespace, &service.name).is_empty() {
            return Verdict::Clear;
        }
        Verdict::Found(vec![finding(service, &selector, &all, cx)])
    }
}

fn finding(service: &Service, selector: &Selector, all: &Known<Vec<&Pod>>, cx: &Context<'_>) -> Finding {
    let (object, namespace) = (service.object(), &service.namespace);
    let field = format!("{object} spec.selector");
    let scaled_down = cx
        .cluster
        .workloads
        .seen()
        .find(|w| w.namespace == *namespace && selector.matches(&w.pod_labels) && w.desired == Some(0));
    if let Some(workload) = scaled_down {
        let sentence = format!("{object} has no pods: {}, whose pods it selects, is scaled to zero.", workload.object());
        return Finding::cause(ServiceSelectsNothing::META, object, sentence)
            .seen(field, selector.to_string())
            .expected(format!("{} spec.replicas", workload.object()), "at least 1", "0")
            .next(format!("kubectl -n {namespace} scale {} {} --replicas=1", workload.kind, workload.name));
    }
    let Some(near) = all.got().and_then(|pods| nearest(service, pods)) else {
        let sentence = format!("{object} selects no pod: none in namespace {namespace} has the labels {selector}.");
        return Finding::cause(ServiceSelectsNothing::META, object, sentence)
            .expected(field, "labels of the pods meant", selector.to_string())
            .next(format!("kubectl -n {namespace} get pods --show-labels"));
    };
    let differing: Vec<(&String, &String)> = service.selector.iter().filter(|(k, v)| near.labels.get(*k) != Some(v)).collect();
    let has = |key: &String| near.labels.get(key).map_or_else(|| format!("no {key}"), |v| format!("{key}={v}"));
    let wants: Vec<String> = differing.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let is: Vec<String> = differing.iter().map(|(k, _)| has(k)).collect();
    let sentence = format!("{object} selects no pod: it wants {}, and {} has {}.", wants.join(","), near.object(), is.join(","));
    Finding::cause(ServiceSelectsNothing::META, object, sentence)
        .expected(field, is.join(","), wants.join(","))
        .seen(format!("{} metadata.labels", near.object()), is.join(","))
        .next(format!("kubectl -n {namespace} edit service {}: set the selector to the pods' labels", service.name))
}

/// The pod that misses fewest of the selector's labels, when it has at least one of its keys.
fn nearest<'a>(service: &Service, pods: &[&'a Pod]) -> Option<&'a Pod> {
    let misses = |p: &Pod| service.selector.iter().filter(|(k, v)| p.labels.get(*k) != Some(v)).count();
    // among pods that miss as many, the one whose differing value is spelt most alike
    let distance = |p: &Pod| -> usize {
        let far = |(k, v): (&String, &String)| p.labels.get(k).map_or(v.len() + 8, |seen| strsim::damerau_levenshtein(v, seen));
        service.selector.iter().map(far).sum()
    };
    let has_key = |p: &&&Pod| service.selector.keys().any(|k| p.labels.contains_key(k));
    pods.iter().filter(|p| !p.is_finished()).filter(has_key).min_by_key(|p| (misses(p), distance(p), p.name.clone())).copied()
}
