use crate::checks::pods::trouble::{self, Kind, Trouble};
use crate::checks::pods::{selected, unknown_pods};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, Pod, Selector, Service};

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// The pods behind a Service are not ready, so the Service sends them no traffic. When some are ready and others are not it
    /// is a warning: the Service works with what is left.
    ///
    /// ## How it is proven
    ///
    /// From the `Ready` condition of every selected pod, with the reason read from its containers, its node and its events: a
    /// failing readiness probe, a crash, an image that cannot be had, a pod that is not scheduled.
    ///
    /// ## What to do
    ///
    /// Mend the pods; the evidence names the reason for each. A Service that is meant to reach pods before they are ready sets
    /// `publishNotReadyAddresses`.
    EndpointsNotReady, "NC3002", "endpoints-not-ready", "Pods behind the Service are not ready"
}

/// Most pods named in one finding.
const SHOWN: usize = 4;

impl Check for EndpointsNotReady {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx).filter(|s| !s.publish_not_ready) else { return Verdict::NotApplicable };
        let pods = selected(cx, &service.namespace, &service.name);
        let Known::Got(pods) = &pods else { return unknown_pods(&service.object(), &pods) };
        // pods on their way out have left the Service in good order
        if !pods.is_empty() && pods.iter().all(|p| p.terminating) {
            return Verdict::Found(vec![leaving(cx, service, pods)]);
        }
        let lasting: Vec<&Pod> = pods.iter().filter(|p| !p.terminating).copied().collect();
        let troubled: Vec<(&Pod, Trouble)> = lasting.iter().filter_map(|p| Some((*p, trouble::of(p, cx.cluster)?))).collect();
        let Some((_, first)) = troubled.first() else { return Verdict::Clear };
        let all = troubled.len() == lasting.len();
        // a fault with a finding of its own is the root; this would only repeat it
        if troubled.iter().all(|(_, t)| matches!(t.kind, Kind::NoNetwork | Kind::NodeDown)) {
            return Verdict::Clear;
        }
        Verdict::Found(vec![finding(service, &troubled, &first.words, all, lasting.len())])
    }
}

/// Every pod is on its way out, and no other takes its place.
fn leaving(cx: &Context<'_>, service: &Service, pods: &[&Pod]) -> Finding {
    let object = service.object();
    let slices = cx.cluster.slices_of(&service.namespace, &service.name);
    let serves = slices.got().is_some_and(|all| all.iter().flat_map(|s| &s.endpoints).any(|e| e.serving && e.terminating));
    let names: Vec<String> = pods.iter().take(SHOWN).map(|p| p.object().to_string()).collect();
    let names = names.join(", ");
    let finding = if serves {
        let sentence = format!("{object} has only pods that are being deleted ({names}): it still works, and ends when they do.");
        Finding::warning(EndpointsNotReady::META, object, sentence).proven()
    } else {
        let sentence = format!("{object} has no ready endpoint: all of its pods are being deleted ({names}).");
        Finding::cause(EndpointsNotReady::META, object, sentence)
    };
    let shown = pods.iter().take(SHOWN);
    let finding = shown.fold(finding, |f, p| f.expected(format!("{} metadata.deletionTimestamp", p.object()), "not set", "set"));
    finding.next(format!(
        "kubectl -n {} get pods -l {}: why does no new pod take their place?",
        service.namespace,
        Selector::of(&service.selector)
    ))
}

fn finding(service: &Service, troubled: &[(&Pod, Trouble)], words: &str, all: bool, of: usize) -> Finding {
    let object = service.object();
    let words = words.trim_end_matches('.');
    let base = if all {
        let none = if of == 1 { "its only pod is not ready".to_owned() } else { format!("none of its {of} pods is ready") };
        let sentence = format!("{object} has no ready endpoint: {none} ({words}).");
        Finding::cause(EndpointsNotReady::META, object, sentence)
    } else {
        let sentence = format!("{object} has {} of {of} pods that are not ready ({words}).", troubled.len());
        Finding::warning(EndpointsNotReady::META, object, sentence).proven()
    };
    let with_pods = troubled.iter().take(SHOWN).fold(base, |f, (_, t)| f.expected(t.source.clone(), "ready", t.words.clone()));
    let name = troubled.first().map(|(p, _)| p.name.clone()).unwrap_or_default();
    with_pods.next(format!("kubectl -n {} describe pod {name}", service.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn all_crashed_is_a_cause_with_the_reason() {
        let mut world = World::shop();
        world.crash("web-1", "CrashLoopBackOff", 1, "Error");
        world.crash("web-2", "CrashLoopBackOff", 1, "Error");
        let found = only(check(&EndpointsNotReady, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.weight, crate::finding::Weight::Cause);
        assert!(
            found.sentence.contains("none of its 2 pods is ready") && found.sentence.contains("crashes again and again"),
            "{}",
            found.sentence
        );
    }

    #[test]
    fn one_of_two_is_a_warning() {
        let mut world = World::shop();
        world.crash("web-1", "ImagePullBackOff", 0, "Completed");
        let found = only(check(&EndpointsNotReady, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.weight, crate::finding::Weight::Warning);
        assert!(found.sentence.contains("1 of 2 pods that are not ready (image"), "{}", found.sentence);
    }

    #[test]
    fn pods_that_are_all_being_deleted_are_a_warning_while_they_serve() {
        let mut world = World::shop();
        world.pods.iter_mut().filter(|p| p.name.starts_with("web-")).for_each(|p| p.terminating = true);
        let slice = world.slices.iter_mut().find(|s| s.service.as_deref() == Some("web")).expect("there");
        for endpoint in &mut slice.endpoints {
            (endpoint.ready, endpoint.serving, endpoint.terminating) = (false, true, true);
        }
        let found = only(check(&EndpointsNotReady, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.weight, crate::finding::Weight::Warning);
        let slice = world.slices.iter_mut().find(|s| s.service.as_deref() == Some("web")).expect("there");
        slice.endpoints.iter_mut().for_each(|e| e.serving = false);
        let found = only(check(&EndpointsNotReady, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.weight, crate::finding::Weight::Cause);
        assert!(found.sentence.contains("all of its pods are being deleted"), "{}", found.sentence);
    }

    #[test]
    fn an_init_container_that_does_not_end_is_named() {
        let mut world = World::shop();
        for pod in world.pods.iter_mut().filter(|p| p.name.starts_with("web-")) {
            (pod.phase, pod.ready) = ("Pending".into(), false);
            pod.containers[0].state =
                crate::model::ContainerState::Waiting { reason: "PodInitializing".into(), message: String::new() };
            pod.init_containers.push(crate::model::Container {
                name: "wait-for-db".into(),
                state: crate::model::ContainerState::Running,
                ..Default::default()
            });
        }
        let found = only(check(&EndpointsNotReady, &Case::unmeasured(&world, &to_web())));
        assert!(found.sentence.contains("its init container wait-for-db runs and has not ended"), "{}", found.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&EndpointsNotReady, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn a_denied_list_is_undetermined() {
        let mut case = Case::unmeasured(&World::shop(), &to_web());
        case.cluster.pods = crate::model::Store::default();
        assert!(matches!(check(&EndpointsNotReady, &case), Verdict::Undetermined(_)));
    }
}
