use crate::checks::pods::trouble::{self, Kind, Trouble};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{ObjectRef, Pod, Subject};

use super::ends;

declare_finding! {
    /// ## What it finds
    ///
    /// The source or destination pod is not running: it crashes, its image cannot be had, it is not scheduled, or it has ended.
    ///
    /// ## How it is proven
    ///
    /// From the pod's status, its containers' last end and its events.
    ///
    /// ## What to do
    ///
    /// Mend the pod first: `kubectl describe pod` and `kubectl logs --previous` show why. There is no network fault to look for
    /// until it runs.
    PodNotRunning, "NC4002", "pod-not-running", "Pod is not running"
}

impl Check for PodNotRunning {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        Verdict::of(ends(cx).iter().filter_map(|object| finding(object, cx)).collect())
    }
}

fn finding(object: &ObjectRef, cx: &Context<'_>) -> Option<Finding> {
    let pod = cx.cluster.pod(object)?;
    let trouble = trouble::of(pod, cx.cluster)?;
    // these have findings of their own; a failing probe takes a pod out of Services, and does not stop its traffic
    if matches!(trouble.kind, Kind::NoNetwork | Kind::NodeDown | Kind::Probe | Kind::Gate | Kind::Unknown) {
        return None;
    }
    let next = next_of(pod, &trouble);
    let runs = pod.is_running() && pod.containers.iter().any(|c| c.state == crate::model::ContainerState::Running);
    let is_destination = cx.question.to == Subject::Pod(object.clone());
    let sentence = format!("{object} does not run: {}.", trouble.words.trim_end_matches('.'));
    let finding = if runs && !is_destination {
        Finding::warning(PodNotRunning::META, object.clone(), sentence)
    } else {
        Finding::cause(PodNotRunning::META, object.clone(), sentence).proven()
    };
    Some(finding.expected(trouble.source, "a running pod", trouble.words).next(next))
}

/// A container that crashes says why in the log of its last run.
fn next_of(pod: &Pod, trouble: &Trouble) -> String {
    let (namespace, name) = (&pod.namespace, &pod.name);
    let all = || pod.init_containers.iter().chain(&pod.containers);
    let crashed = all().find(|c| trouble.source.ends_with(&format!(" container {}", c.name)));
    match crashed.filter(|_| trouble.kind == Kind::Crash) {
        Some(c) if c.restarts > 0 => format!("kubectl -n {namespace} logs {name} -c {} --previous", c.name),
        Some(c) => format!("kubectl -n {namespace} logs {name} -c {}", c.name),
        None if pod.is_finished() => {
            format!("kubectl -n {namespace} logs {name}: why did it end? Ask about a pod that keeps running")
        }
        None => format!("kubectl -n {namespace} describe pod {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn a_crashed_source_is_a_cause() {
        let mut world = World::shop();
        world.crash("client", "CrashLoopBackOff", 137, "OOMKilled");
        let found = only(check(&PodNotRunning, &Case::unmeasured(&world, &to_web())));
        assert_eq!(found.about.to_string(), "pod/shop/client");
        assert!(found.sentence.contains("more memory than its limit"), "{}", found.sentence);
    }

    #[test]
    fn a_crash_is_looked_up_in_the_last_log() {
        let mut world = World::shop();
        world.crash("client", "CrashLoopBackOff", 1, "Error");
        let found = only(check(&PodNotRunning, &Case::unmeasured(&world, &to_web())));
        assert!(
            found.next.starts_with("kubectl -n shop logs client -c ") && found.next.ends_with("--previous"),
            "{}",
            found.next
        );
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&PodNotRunning, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
