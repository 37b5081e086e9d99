use std::collections::BTreeMap;

use crate::checks::pods::{selected, unknown_pods};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, Pod, Selector, Service};

use super::pods_not_created::refused;
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
        let pods = selected(cx, &service.namespace, &service.name);
        let Known::Got(pods) = &pods else { return unknown_pods(&service.object(), &pods) };
        // pods that cannot be created are another finding's
        if !pods.is_empty() || refused(service, cx.cluster).is_some() {
            return Verdict::Clear;
        }
        let all = cx.cluster.pods_in(&service.namespace);
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
    let has_ended = |p: &&Pod| p.namespace == *namespace && p.is_finished() && selector.matches(&p.labels);
    let ended: BTreeMap<&str, &Pod> = cx.cluster.pods.seen().filter(has_ended).map(|p| (p.name.as_str(), p)).collect();
    if let Some(pod) = ended.values().next() {
        let held = if pod.terminating { " and waits to be deleted" } else { "" };
        let reason = pod.reason.clone().unwrap_or_else(|| pod.phase.clone());
        let others = if ended.len() > 1 { format!(", as have {} others", ended.len() - 1) } else { String::new() };
        let sentence = format!("{object} has no pod that runs: {} has ended ({reason}){held}{others}.", pod.object());
        return Finding::cause(ServiceSelectsNothing::META, object, sentence)
            .seen(field, selector.to_string())
            .expected(format!("{} status.phase", pod.object()), "Running", pod.phase.clone())
            .next(if pod.terminating {
                format!("kubectl -n {namespace} describe pod {}: why did it end, and what holds it?", pod.name)
            } else {
                format!("kubectl -n {namespace} logs {}: why did it end? Pods of a Service have to keep running", pod.name)
            });
    }
    let Some(near) = all.got().and_then(|pods| nearest(service, pods)) else {
        let sentence = format!("{object} selects no pod: none in namespace {namespace} has the labels {selector}.");
        return Finding::cause(ServiceSelectsNothing::META, object, sentence)
            .expected(field, "labels of the pods meant", selector.to_string())
            .next(format!("kubectl -n {namespace} get pods --show-labels"));
    };
    let differing: Vec<(&String, &String)> = service.selector.iter().filter(|(k, v)| near.labels.get(*k) != Some(v)).collect();
    let has = |key: &String| match near.labels.get_key_value(key).or_else(|| alike(&near.labels, key)) {
        Some((k, v)) => format!("{k}={v}"),
        None => format!("no {key}"),
    };
    let wants: Vec<String> = differing.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let is: Vec<String> = differing.iter().map(|(k, _)| has(k)).collect();
    let sentence = format!("{object} selects no pod: it wants {}, and {} has {}.", wants.join(","), near.object(), is.join(","));
    Finding::cause(ServiceSelectsNothing::META, object, sentence)
        .expected(field, is.join(","), wants.join(","))
        .seen(format!("{} metadata.labels", near.object()), is.join(","))
        .next(format!("kubectl -n {namespace} edit service {}: set the selector to the pods' labels", service.name))
}

/// A label whose key differs only in upper and lower case: the API server takes them for two.
fn alike<'a>(labels: &'a BTreeMap<String, String>, key: &str) -> Option<(&'a String, &'a String)> {
    labels.iter().find(|(k, _)| k.eq_ignore_ascii_case(key))
}

/// The pod that misses fewest of the selector's labels, when it has at least one of its keys.
fn nearest<'a>(service: &Service, pods: &[&'a Pod]) -> Option<&'a Pod> {
    let misses = |p: &Pod| service.selector.iter().filter(|(k, v)| p.labels.get(*k) != Some(v)).count();
    // among pods that miss as many, the one whose differing value is spelt most alike
    let distance = |p: &Pod| -> usize {
        let far = |(k, v): (&String, &String)| {
            alike(&p.labels, k).map_or(v.len() + 8, |(_, seen)| strsim::damerau_levenshtein(v, seen))
        };
        service.selector.iter().map(far).sum()
    };
    // a pod that shares no label, and whose values are spelt quite differently, is simply another application's
    let near = |v: &String, seen: &String| strsim::damerau_levenshtein(v, seen) <= 2.max(v.len() / 3);
    let is_related = |p: &&&Pod| {
        let spelt = |(k, v): (&String, &String)| alike(&p.labels, k).is_some_and(|(_, seen)| near(v, seen));
        misses(p) < service.selector.len() || service.selector.iter().any(spelt)
    };
    pods.iter().filter(|p| !p.is_finished()).filter(is_related).min_by_key(|p| (misses(p), distance(p), p.name.clone())).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    fn broken() -> World {
        let mut world = World::shop();
        world.service("web").selector = crate::model::testing::labels("app=wbe");
        world.write_slices();
        world
    }

    #[test]
    fn the_differing_label_is_named() {
        let found = only(check(&ServiceSelectsNothing, &Case::unmeasured(&broken(), &to_web())));
        assert_eq!(found.sentence, "service/shop/web selects no pod: it wants app=wbe, and pod/shop/web-1 has app=web.");
        assert_eq!(found.about.to_string(), "service/shop/web");
    }

    #[test]
    fn a_key_in_another_case_is_named() {
        let mut world = World::shop();
        world.service("web").selector = crate::model::testing::labels("App=web");
        world.write_slices();
        let found = only(check(&ServiceSelectsNothing, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.sentence, "service/shop/web selects no pod: it wants App=web, and pod/shop/web-1 has app=web.");
    }

    #[test]
    fn a_pod_of_quite_another_name_is_no_suggestion() {
        let mut world = World::shop();
        world.service("web").selector = crate::model::testing::labels("app=checkout");
        world.write_slices();
        let found = only(check(&ServiceSelectsNothing, &Case::unmeasured(&world, &to_web())));
        assert!(found.sentence.contains("none in namespace shop has the labels app=checkout"), "{}", found.sentence);
    }

    #[test]
    fn a_workload_scaled_to_zero_is_named() {
        let mut world = World::shop();
        world.pods.retain(|p| !p.name.starts_with("web"));
        world.write_slices();
        let labels = crate::model::testing::labels("app=web");
        world.workloads.push(crate::model::Workload {
            kind: "deployment".into(),
            namespace: "shop".into(),
            name: "web".into(),
            selector: Selector::of(&labels),
            pod_labels: labels,
            desired: Some(0),
            ..Default::default()
        });
        let found = only(check(&ServiceSelectsNothing, &Case::unmeasured(&world, &to_web())));
        assert!(found.sentence.contains("deployment/shop/web, whose pods it selects, is scaled to zero"), "{}", found.sentence);
    }

    #[test]
    fn a_pod_that_has_ended_is_named() {
        let mut world = World::shop();
        for pod in world.pods.iter_mut().filter(|p| p.name.starts_with("web-")) {
            (pod.phase, pod.ready, pod.terminating) = ("Succeeded".into(), false, true);
        }
        world.write_slices();
        let found = only(check(&ServiceSelectsNothing, &Case::unmeasured(&world, &to_web())));
        assert!(
            found.sentence.contains("pod/shop/web-1 has ended (Succeeded) and waits to be deleted, as have 1 others"),
            "{}",
            found.sentence
        );
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&ServiceSelectsNothing, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn a_denied_list_is_undetermined() {
        let mut case = Case::unmeasured(&World::shop(), &to_web());
        case.cluster.pods = crate::model::Store::default();
        assert!(matches!(check(&ServiceSelectsNothing, &case), Verdict::Undetermined(_)));
    }
}
