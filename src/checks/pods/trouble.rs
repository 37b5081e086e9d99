//! Why a pod takes no traffic, read from its status, its node and its events.

use crate::model::{Cluster, Container, ContainerState, Pod};

/// One reason, with where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub kind: Kind,
    /// In a few words: `container app: CrashLoopBackOff, exit code 1 after 4 restarts`.
    pub words: String,
    /// Where it was read: `pod/shop/web-1 status.conditions[Ready]`.
    pub source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The CNI plugin could not give it a network.
    NoNetwork,
    NodeDown,
    Unscheduled,
    Image,
    /// A ConfigMap, Secret or volume it needs is not there, or the container could not be created.
    Config,
    OutOfMemory,
    Crash,
    /// Its readiness probe fails.
    Probe,
    /// A readiness gate is not met.
    Gate,
    Terminating,
    Starting,
    Unknown,
}

/// Why the pod is not ready; `None` when it is.
pub fn of(pod: &Pod, cluster: &Cluster) -> Option<Trouble> {
    if pod.ready && !pod.terminating {
        return None;
    }
    let object = pod.object();
    let told = |kind: Kind, words: String, field: &str| Some(Trouble { kind, words, source: format!("{object} {field}") });
    if pod.terminating {
        return told(Kind::Terminating, "it is being deleted".to_owned(), "metadata.deletionTimestamp");
    }
    if pod.is_finished() {
        let reason = pod.reason.clone().unwrap_or_else(|| pod.phase.clone());
        return told(Kind::Crash, format!("it has ended: {reason}"), "status.phase");
    }
    if let Some(node) = pod.node.as_ref().and_then(|n| cluster.node(n)).filter(|n| n.ready != Some(true)) {
        return told(Kind::NodeDown, format!("its node {} is not ready", node.name), "spec.nodeName");
    }
    if let Some(scheduled) = pod.condition("PodScheduled").filter(|c| c.status == "False") {
        return told(Kind::Unscheduled, format!("it is not scheduled: {}", scheduled.message), "status.conditions[PodScheduled]");
    }
    if let Some(event) = cluster.warnings_about(&object).find(|e| is_network_setup(&e.reason, &e.message)) {
        return Some(Trouble {
            kind: Kind::NoNetwork,
            words: network_words(&event.message),
            source: format!("event {} of {object}", event.reason),
        });
    }
    if let Some(trouble) = pod.init_containers.iter().chain(&pod.containers).find_map(|c| container(c, &object.to_string())) {
        return Some(trouble);
    }
    if let Some(event) =
        cluster.warnings_about(&object).find(|e| e.reason == "Unhealthy" && e.message.contains("Readiness probe"))
    {
        // a probe that says nothing leaves its message without an end
        let words = event.message.trim_end_matches([' ', ':']).to_owned();
        return Some(Trouble { kind: Kind::Probe, words, source: format!("event Unhealthy of {object}") });
    }
    if let Some(unready) = pod.containers.iter().find(|c| !c.ready && c.state == ContainerState::Running) {
        let probe = unready.readiness_probe.clone().unwrap_or_else(|| "none set".to_owned());
        return told(
            Kind::Probe,
            format!("container {} runs and is not ready (readiness probe: {probe})", unready.name),
            "status.containerStatuses",
        );
    }
    if let Some(gate) = pod.conditions.iter().find(|c| c.status == "False" && c.kind.contains('/')) {
        return told(Kind::Gate, format!("its readiness gate {} is not met: {}", gate.kind, gate.message), "status.conditions");
    }
    let has_not_ended = |c: &&Container| !c.ready && c.state == ContainerState::Running;
    if let Some(init) = pod.init_containers.iter().rfind(has_not_ended).filter(|_| pod.phase == "Pending") {
        let words = format!("its init container {} runs and has not ended, so the others wait", init.name);
        return told(Kind::Starting, words, "status.initContainerStatuses");
    }
    if pod.phase == "Pending" {
        return told(Kind::Starting, "it is still starting".to_owned(), "status.phase");
    }
    let reason =
        pod.condition("Ready").map_or_else(|| "it has no Ready condition".to_owned(), |c| format!("{} {}", c.reason, c.message));
    told(Kind::Unknown, reason, "status.conditions[Ready]")
}

/// The kubelet's words for a CNI plugin that failed (pkg/kubelet/kuberuntime and containerd's CRI, Kubernetes 1.36).
fn is_network_setup(reason: &str, message: &str) -> bool {
    let about_network = message.contains("network for sandbox")
        || message.contains("cni")
        || message.contains("CNI")
        || message.contains("network plugin");
    (reason == "FailedCreatePodSandBox" && about_network) || (reason == "NetworkNotReady")
}

/// The plugin's own words, without the sandbox's long id before them.
fn network_words(message: &str) -> String {
    let start = message.find("failed to setup network").or_else(|| message.find("network is not ready")).unwrap_or(0);
    message.get(start..).unwrap_or(message).to_owned()
}

fn container(c: &Container, object: &str) -> Option<Trouble> {
    let told = |kind: Kind, words: String| Some(Trouble { kind, words, source: format!("{object} container {}", c.name) });
    if let ContainerState::Terminated { exit_code, reason, .. } = &c.last
        && (reason == "OOMKilled" || *exit_code == 137 && reason.contains("OOM"))
        && c.state != ContainerState::Running
    {
        return told(
            Kind::OutOfMemory,
            format!("container {} was killed for using more memory than its limit, {}", c.name, restarts(c)),
        );
    }
    match &c.state {
        ContainerState::Waiting { reason, message } => match reason.as_str() {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" => {
                told(Kind::Image, format!("image {} cannot be had: {reason}", c.image))
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                told(Kind::Config, format!("container {}: {reason}: {message}", c.name))
            }
            "CrashLoopBackOff" => told(Kind::Crash, crash_words(c, &c.last)),
            _ => None,
        },
        ContainerState::Terminated { exit_code, reason, .. } if *exit_code != 0 => {
            if reason == "OOMKilled" {
                return told(Kind::OutOfMemory, format!("container {} was killed for using more memory than its limit", c.name));
            }
            // between two tries of a crash loop the status says only that it has ended
            if c.restarts > 0 {
                return told(Kind::Crash, crash_words(c, &c.state));
            }
            told(Kind::Crash, format!("container {} ended: {reason}, exit code {exit_code}", c.name))
        }
        // and while it tries again, that it runs
        ContainerState::Running if !c.ready && c.restarts > 0 && failed(&c.last) => told(Kind::Crash, crash_words(c, &c.last)),
        ContainerState::Terminated { .. } | ContainerState::Running | ContainerState::None => None,
    }
}

fn failed(state: &ContainerState) -> bool {
    matches!(state, ContainerState::Terminated { exit_code, .. } if *exit_code != 0)
}

fn crash_words(c: &Container, end: &ContainerState) -> String {
    let end = match end {
        ContainerState::Terminated { exit_code, reason, .. } => format!(", last end: {reason}, exit code {exit_code}"),
        ContainerState::None | ContainerState::Waiting { .. } | ContainerState::Running => String::new(),
    };
    format!("container {} crashes again and again ({}{end})", c.name, restarts(c))
}

fn restarts(c: &Container) -> String {
    if c.restarts == 1 { "1 restart".to_owned() } else { format!("{} restarts", c.restarts) }
}
