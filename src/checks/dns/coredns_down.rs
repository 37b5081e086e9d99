use super::state::{Dns, Trouble, logs};
use crate::checks::pods::trouble::{self, Kind};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Evidence, Finding, Meta, Verdict};
use crate::model::{Container, ContainerState, Pod};

declare_finding! {
    /// ## What it finds
    ///
    /// The pods of the cluster's DNS are not ready: they crash, run out of memory, cannot pull their image, find no node,
    /// or there are none. When all are down every name fails, which is a cause; when some are, it is a warning.
    ///
    /// ## How it is proven
    ///
    /// The pods with the label `k8s-app=kube-dns` are read, with the state of each container and how its last run ended:
    /// `OOMKilled` and exit code 137, `CrashLoopBackOff` and the exit code, `ImagePullBackOff`, the `PodScheduled` condition.
    /// The log of a pod that is not ready is searched for the line that says why. When there is no pod at all, the
    /// Deployment tells whether somebody scaled it to zero.
    ///
    /// ## What to do
    ///
    /// Out of memory: raise `resources.limits.memory`; CoreDNS needs about 170 MiB, and more in clusters with many pods and
    /// Services. Crashing: `kubectl -n kube-system logs -l k8s-app=kube-dns --previous`; a Corefile that does not parse is
    /// named there with its line. Scaled to zero: `kubectl -n kube-system scale deployment coredns --replicas=2`.
    CorednsDown, "NC1003", "coredns-down", "The cluster's DNS pods are down"
}

impl Check for CorednsDown {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let dns = match Dns::of(cx) {
            Ok(dns) => dns,
            Err(verdict) => return verdict,
        };
        match dns.trouble(cx.cluster) {
            Ok(Trouble::NoPods) => Verdict::Found(vec![no_pods(cx, &dns)]),
            Ok(Trouble::Down(down, all)) => Verdict::Found(vec![pods_down(cx, &dns, &down, all)]),
            // the Service lacks endpoints and its pods could not be read: whether they are down is not known
            Ok(Trouble::NoEndpoints) if dns.pods.got().is_none() => {
                Verdict::Undetermined(format!("the pods of the cluster's DNS: {}", dns.pods.missing().unwrap_or_default()))
            }
            Ok(Trouble::Looping(_) | Trouble::NoEndpoints | Trouble::Nothing) => Verdict::Clear,
            Err(why) => Verdict::Undetermined(why),
        }
    }
}

fn no_pods(cx: &Context<'_>, dns: &Dns<'_>) -> Finding {
    let (object, namespace) = (dns.service.object(), &dns.service.namespace);
    let labelled =
        |w: &&crate::model::Workload| w.namespace == *namespace && w.pod_labels.get("k8s-app").is_some_and(|v| v == "kube-dns");
    let base = |sentence: String| {
        Finding::cause(CorednsDown::META, object.clone(), sentence).expected(
            format!("pods of {object}"),
            "at least one ready pod",
            "none",
        )
    };
    match cx.cluster.workloads.seen().filter(|w| w.kind == "deployment").find(labelled) {
        Some(deployment) if deployment.desired == Some(0) => {
            base(format!("{} is scaled to zero, so {object} has no pod and no name resolves.", deployment.object()))
                .expected(format!("{} spec.replicas", deployment.object()), "2", "0")
                .next(format!("kubectl -n {namespace} scale deployment {} --replicas=2", deployment.name))
        }
        Some(deployment) => {
            let desired = deployment.desired.map_or_else(|| "unset".to_owned(), |n| n.to_string());
            base(format!("{object} has no pod although {} wants {desired}, so no name resolves.", deployment.object()))
                .seen(format!("{} spec.replicas", deployment.object()), desired)
                .next(format!("see why none is made: kubectl -n {namespace} describe deployment {}", deployment.name))
        }
        None => base(format!("{object} has no pod, so no name resolves."))
            .next(format!("see what should run it: kubectl -n {namespace} get deployments,daemonsets,pods -l k8s-app=kube-dns")),
    }
}

fn pods_down(cx: &Context<'_>, dns: &Dns<'_>, down: &[&Pod], all: usize) -> Finding {
    let object = dns.service.object();
    let states: Vec<State> = down.iter().map(|pod| state(cx, pod)).collect();
    // the pods of one Deployment fall for one reason: the first pod speaks for those that say the same
    let said = states.first().map(|s| s.says.clone()).unwrap_or_default();
    let same = states.iter().filter(|s| s.says == said).count();
    let named = down.first().map(|p| p.object().to_string()).unwrap_or_default();
    let who = match (same, down.len()) {
        (1, 1) => named,
        (n, total) if n == total => format!("{named} and {} more", n - 1),
        (_, total) => format!("{total} pods are not ready; {named}"),
    };
    let mut finding = if down.len() == all {
        Finding::cause(
            CorednsDown::META,
            object.clone(),
            format!("{object} has no ready pod, so no name resolves: {who}: {said}."),
        )
    } else {
        let ready = all - down.len();
        Finding::warning(CorednsDown::META, object.clone(), format!("{object} runs on {ready} of {all} pods: {who}: {said}."))
    };
    for state in &states {
        finding.evidence.extend(state.evidence.iter().cloned());
    }
    finding.next(states.into_iter().next().map(|s| s.next).unwrap_or_default())
}

/// Why a pod is not ready.
struct State {
    /// Follows the pod's name and a colon.
    says: String,
    evidence: Vec<Evidence>,
    next: String,
}

fn state(cx: &Context<'_>, pod: &Pod) -> State {
    let object = pod.object();
    let place = pod.node.as_ref().map(|n| format!(" on node/{n}")).unwrap_or_default();
    let row = |what: &str, expected: &str, seen: String| Evidence {
        source: format!("{object}{place} {what}"),
        expected: expected.to_owned(),
        seen,
    };
    let container = pod.containers.iter().find(|c| !c.ready && c.state != ContainerState::None);
    let trouble = trouble::of(pod, cx.cluster);
    let kind = trouble.as_ref().map_or(Kind::Unknown, |t| t.kind);
    let mut says = trouble.map_or_else(|| "it is not ready".to_owned(), |t| t.words);
    let limit = container.and_then(|c| c.memory_limit.as_ref()).filter(|_| kind == Kind::OutOfMemory);
    if let Some(limit) = limit {
        says = format!("{says}, limit {limit}");
    }
    let seen = container.map_or_else(|| format!("{}: {says}", pod.phase), container_words);
    let mut evidence = vec![row("status", "running and ready", seen)];
    if let Some(line) = telling_line(cx, pod) {
        evidence.push(row("log", "", line));
    }
    for event in cx.cluster.warnings_about(&object).take(2) {
        evidence.push(row("event", "", format!("{}: {}", event.reason, event.message)));
    }
    State { says, evidence, next: next(kind, pod) }
}

fn next(kind: Kind, pod: &Pod) -> String {
    let (namespace, name) = (&pod.namespace, &pod.name);
    match kind {
        Kind::OutOfMemory => {
            format!("raise resources.limits.memory of its Deployment: kubectl -n {namespace} get deployments -l k8s-app=kube-dns")
        }
        Kind::Crash => format!("kubectl -n {namespace} logs {name} --previous"),
        Kind::NodeDown => format!("kubectl get node {}", pod.node.as_deref().unwrap_or_default()),
        Kind::NoNetwork
        | Kind::Unscheduled
        | Kind::Image
        | Kind::Config
        | Kind::Probe
        | Kind::Gate
        | Kind::Terminating
        | Kind::Starting
        | Kind::Unknown => format!("kubectl -n {namespace} describe pod {name}"),
    }
}

fn container_words(container: &Container) -> String {
    let words = |state: &ContainerState| match state {
        ContainerState::None => None,
        ContainerState::Running => Some("running, not ready".to_owned()),
        ContainerState::Waiting { reason, message } if message.is_empty() => Some(format!("waiting: {reason}")),
        ContainerState::Waiting { reason, message } => Some(format!("waiting: {reason}: {message}")),
        ContainerState::Terminated { exit_code, reason, .. } => Some(format!("ended: {reason}, exit code {exit_code}")),
    };
    let last = words(&container.last).map(|w| format!("last run {w}"));
    let restarts = (container.restarts > 0).then(|| format!("{} restarts", container.restarts));
    let memory = container.memory_limit.as_ref().map(|limit| format!("memory limit {limit}"));
    words(&container.state).into_iter().chain(last).chain(restarts).chain(memory).collect::<Vec<_>>().join("; ")
}

/// The line of the log that says why it stopped, or what it waits for.
fn telling_line(cx: &Context<'_>, pod: &Pod) -> Option<String> {
    const TELLING: [&str; 6] = ["[FATAL]", "panic:", "Error during parsing", "plugin/ready", "[ERROR]", "Failed to"];
    let lines: Vec<&str> = logs(cx.cluster, pod).flat_map(str::lines).map(str::trim).filter(|l| !l.is_empty()).collect();
    // a Corefile that does not parse is told without a level: `/etc/coredns/Corefile:3 - Error during parsing: …`
    TELLING.iter().find_map(|mark| lines.iter().rev().find(|l| l.contains(mark))).or(lines.last()).map(|l| (*l).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::finding::Weight;
    use crate::model::testing::World;
    use crate::model::{Condition, ObjectRef, Resource};
    use crate::plan::testing::{Case, to_web};

    fn verdict(world: &World) -> Verdict {
        check(&CorednsDown, &Case::unmeasured(world, &to_web()))
    }

    fn crashed(reason: &str, code: i32) -> World {
        let mut world = World::shop();
        for name in ["coredns-1", "coredns-2"] {
            world.crash(name, "CrashLoopBackOff", code, reason);
        }
        world
    }

    #[test]
    fn every_pod_crashing_is_the_cause_and_the_log_says_why() {
        let mut world = crashed("Error", 1);
        let text = "/etc/coredns/Corefile:3 - Error during parsing: Unknown directive 'kubernets'\n";
        world.logs.insert((ObjectRef::pod("kube-system", "coredns-1"), true), text.into());
        let found = only(verdict(&world));
        assert_eq!(found.weight, Weight::Cause);
        assert_eq!(
            found.sentence,
            "service/kube-system/kube-dns has no ready pod, so no name resolves: pod/kube-system/coredns-1 and 1 more: \
             container coredns crashes again and again (7 restarts, last end: Error, exit code 1)."
        );
        assert!(found.evidence.iter().any(|e| e.seen.contains("Unknown directive")), "{:#?}", found.evidence);
        assert_eq!(causes(&judge(&Case::unmeasured(&world, &to_web()))), ["NC1003"]);
    }

    #[test]
    fn out_of_memory_is_said_with_the_limit() {
        let mut world = crashed("OOMKilled", 137);
        world.pod("coredns-1").containers[0].memory_limit = Some("32Mi".into());
        let found = only(verdict(&world));
        assert!(found.sentence.ends_with("more memory than its limit, 7 restarts, limit 32Mi."), "{}", found.sentence);
        assert!(found.evidence[0].seen.ends_with("memory limit 32Mi"), "{}", found.evidence[0].seen);
    }

    #[test]
    fn scaled_to_zero_names_the_deployment() {
        let mut world = World::shop();
        world.pods.retain(|p| p.namespace != "kube-system");
        world.workloads[0].desired = Some(0);
        world.write_slices();
        let case = Case::unmeasured(&world, &to_web());
        let found = only(check(&CorednsDown, &case));
        assert_eq!(
            found.sentence,
            "deployment/kube-system/coredns is scaled to zero, so service/kube-system/kube-dns has no pod and no name resolves."
        );
        assert_eq!(causes(&judge(&case)), ["NC1003"]);
    }

    #[test]
    fn images_and_scheduling_are_named() {
        let mut world = World::shop();
        world.crash("coredns-1", "ImagePullBackOff", 0, "");
        world.pod("coredns-1").containers[0].last = ContainerState::None;
        let pod = world.pod("coredns-2");
        pod.ready = false;
        pod.node = None;
        pod.phase = "Pending".into();
        pod.containers[0].ready = false;
        pod.containers[0].state = ContainerState::None;
        pod.conditions = vec![Condition {
            kind: "PodScheduled".into(),
            status: "False".into(),
            reason: "Unschedulable".into(),
            message: "0/3 nodes are available: 3 Insufficient memory.".into(),
        }];
        world.write_slices();
        let found = only(verdict(&world));
        assert!(found.sentence.contains("cannot be had: ImagePullBackOff"), "{}", found.sentence);
        assert!(found.evidence.iter().any(|e| e.seen.contains("Insufficient memory")));
    }

    #[test]
    fn one_pod_of_two_is_a_warning() {
        let mut world = World::shop();
        world.crash("coredns-1", "CrashLoopBackOff", 1, "Error");
        let found = only(verdict(&world));
        assert_eq!(found.weight, Weight::Warning);
        assert!(found.sentence.starts_with("service/kube-system/kube-dns runs on 1 of 2 pods"), "{}", found.sentence);
    }

    #[test]
    fn healthy_is_clear_and_pods_on_their_way_out_do_not_count() {
        assert_eq!(verdict(&World::shop()), Verdict::Clear);
        let mut world = World::shop();
        let mut old = world.pod("coredns-1").clone();
        old.name = "coredns-0".into();
        old.ready = false;
        old.terminating = true;
        world.pods.push(old);
        assert_eq!(verdict(&world), Verdict::Clear);
    }

    #[test]
    fn unread_pods_leave_it_open() {
        let mut case = Case::unmeasured(&World::shop(), &to_web());
        for listing in &mut case.cluster.pods.listings {
            if listing.query.namespace.as_deref() == Some("kube-system") {
                listing.items = crate::model::Known::Denied("list pods in namespace kube-system".into());
            }
        }
        assert!(matches!(check(&CorednsDown, &case), Verdict::Undetermined(why) if why.contains("not permitted")));
        let mut world = World::shop();
        world.denied.push(Resource::Services);
        let case = Case::unmeasured(&world, &crate::plan::testing::to_name("web"));
        assert!(matches!(check(&CorednsDown, &case), Verdict::Undetermined(_)));
    }

    #[test]
    fn a_pod_with_the_nodes_resolver_does_not_depend_on_it() {
        let mut world = crashed("Error", 1);
        world.pod("client").dns_policy = Some("Default".into());
        assert_eq!(verdict(&world), Verdict::NotApplicable);
    }
}
