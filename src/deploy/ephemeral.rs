//! One ephemeral container a pod: reused when one of ours still runs, else appended, and followed until its agent talks.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::exec::{self, NoExec};
use super::lease;
use super::session::Session;
use super::trouble::{self, Progress};
use crate::discover::{Failure, Live, failure_of};
use crate::model::{self, ObjectRef};
use crate::protocol::{LaunchFailure, LaunchProblem};

/// What every container of ours is called first.
const PREFIX: &str = "netcheck-";

/// Exec goes to the kubelet, which need not wait for the API server to hear that the container runs: trying early and
/// often saves most of a second.
const FIRST_KNOCK: Duration = Duration::from_millis(150);
const KNOCK: Duration = Duration::from_millis(120);
/// Between tries once the start is slow, as when an image is pulled.
const SLOW_KNOCK: Duration = Duration::from_secs(2);
/// Before exec is tried again after an error that a restarted kubelet or a changed route may cure.
const RETRY: Duration = Duration::from_millis(600);
const SLOW_AFTER: Duration = Duration::from_secs(3);

/// Most agents run by then; where one does not, events say why.
const FIRST_LOOK: Duration = Duration::from_millis(1500);

/// Between looks at the pod where watching is not allowed.
const POLL: Duration = Duration::from_millis(500);

/// How agents are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentOptions {
    pub image: String,
    /// `IfNotPresent`, `Always` or `Never`.
    pub pull_policy: String,
    /// The container ends by itself after this many seconds without a run.
    pub ttl_s: u64,
    /// From the request to the agent's first line.
    pub start_timeout: Duration,
    /// Share the process namespace of this container of the pod.
    pub target_container: Option<String>,
    /// Start one even where many ephemeral containers are.
    pub force: bool,
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            image: format!("docker.io/netcheck/agent:{}", env!("CARGO_PKG_VERSION")),
            pull_policy: String::from("IfNotPresent"),
            ttl_s: 600,
            start_timeout: Duration::from_secs(20),
            target_container: None,
            force: false,
        }
    }
}

/// The container that is added to a pod: what Pod Security `restricted` admits, and no more.
pub fn container(options: &AgentOptions, name: &str) -> Value {
    let mut container = json!({
        "name": name,
        "image": options.image,
        "imagePullPolicy": options.pull_policy,
        "command": ["/netcheck-agent", "idle", "--ttl", options.ttl_s.to_string()],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    });
    if let (Some(target), Some(fields)) = (&options.target_container, container.as_object_mut()) {
        fields.insert(String::from("targetContainerName"), Value::from(target.as_str()));
    }
    container
}

/// How starting an agent went.
pub(super) struct Started {
    pub(super) session: Result<Session, LaunchFailure>,
    /// The container's name, when one is in the pod now because of us.
    pub(super) container: Option<String>,
    pub(super) took: Duration,
}

#[derive(Clone)]
pub(super) struct Launcher {
    pub(super) live: Live,
    pub(super) options: AgentOptions,
    pub(super) cancel: CancellationToken,
}

/// What the loops that follow one start tell each other.
#[derive(Default)]
struct Shared {
    /// What the kubelet last said of the container.
    state: Mutex<String>,
    /// Why the kubelet could not be reached for exec the last time.
    node: Mutex<Option<String>>,
    running: Notify,
}

impl Launcher {
    /// Starts an agent in a pod, or finds one.
    pub(super) async fn start(&self, pod: &model::Pod, node: Option<&model::Node>) -> Started {
        let began = Instant::now();
        if let Some((name, session)) = self.reuse(pod).await {
            return Started { session: Ok(session), container: Some(name), took: began.elapsed() };
        }
        if let Some(refusal) = trouble::refusal(pod, node, self.options.force) {
            return Started { session: Err(refusal), container: None, took: began.elapsed() };
        }
        let object = pod.object();
        // entries stay until the pod goes: one that still waits for the same image is not joined by another
        if let Some(name) = self.waiting(pod) {
            let session = self.follow(&object, pod.node.as_deref(), &name, "").await;
            return Started { session, container: Some(name), took: began.elapsed() };
        }
        let name = new_name();
        self.live.notices().send(format!(
            "starting an agent in {object} as an ephemeral container: it ends by itself, and its entry stays until the pod goes"
        ));
        let version = tokio::select! {
            version = self.append(&object, &name) => version,
            () = self.cancel.cancelled() => Err(cancelled(&object)),
        };
        match version {
            Err(failure) => Started { session: Err(failure), container: None, took: began.elapsed() },
            Ok(version) => {
                let session = self.follow(&object, pod.node.as_deref(), &name, &version).await;
                Started { session, container: Some(name), took: began.elapsed() }
            }
        }
    }

    /// A container of ours that still runs: the newest one of the same image.
    async fn reuse(&self, pod: &model::Pod) -> Option<(String, Session)> {
        let is_ours = |c: &&model::Container| {
            c.name.starts_with(PREFIX) && c.image == self.options.image && c.state == model::ContainerState::Running
        };
        let name = pod.ephemeral_containers.iter().rfind(is_ours)?.name.clone();
        let session = exec::open(&self.live, &pod.object(), &name).await.ok()?;
        // a moving tag may have brought an older agent
        (session.build() == env!("CARGO_PKG_VERSION")).then_some((name, session))
    }

    /// A container of ours that has not started yet. One that was never to be pulled waits for ever, and is left alone by a run that
    /// would pull.
    fn waiting(&self, pod: &model::Pod) -> Option<String> {
        let may_start = |c: &&model::Container| match &c.state {
            model::ContainerState::Waiting { reason, .. } => reason != "ErrImageNeverPull" || self.options.pull_policy == "Never",
            model::ContainerState::None | model::ContainerState::Running | model::ContainerState::Terminated { .. } => false,
        };
        let is_ours = |c: &&model::Container| c.name.starts_with(PREFIX) && c.image == self.options.image;
        let latest = pod.ephemeral_containers.iter().filter(is_ours).rfind(may_start)?;
        Some(latest.name.clone())
    }

    /// Adds the container to the list. A strategic merge patch never touches what others have put there. The answer is
    /// the version of the pod that has it.
    async fn append(&self, pod: &ObjectRef, name: &str) -> Result<String, LaunchFailure> {
        let api: Api<Pod> = Api::namespaced(self.live.client(), &pod.namespace);
        let patch = Patch::Strategic(json!({"spec": {"ephemeralContainers": [container(&self.options, name)]}}));
        let mut tries = 0;
        loop {
            tries += 1;
            self.live.count();
            let time = self.live.call_time();
            let parameters = PatchParams::default();
            let call = api.patch_ephemeral_containers(&pod.name, &parameters, &patch);
            let failure = match timeout(time, call).await {
                Ok(Ok(pod)) => return Ok(pod.metadata.resource_version.unwrap_or_default()),
                Ok(Err(error)) => failure_of(&error),
                Err(_) => Failure::Late(time),
            };
            // 409 means that nothing was written; any other failure may have been.
            if !matches!(failure, Failure::Status { code: 409, .. }) || tries == 3 {
                return Err(trouble::of_patch(pod, &failure));
            }
        }
    }

    async fn follow(&self, pod: &ObjectRef, node: Option<&str>, name: &str, version: &str) -> Result<Session, LaunchFailure> {
        let shared = Shared::default();
        let heard = || !shared.state.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        tokio::select! {
            session = self.knock(pod, name, &shared) => session,
            failure = self.watch(pod, name, version, &shared) => Err(failure),
            failure = self.watch_events(pod, name) => Err(failure),
            failure = lease::of_silent_kubelet(&self.live, pod, node.unwrap_or_default(), heard), if node.is_some() => Err(failure),
            () = sleep(self.options.start_timeout) => Err(self.too_late(pod, name, &shared).await),
            () = self.cancel.cancelled() => Err(cancelled(pod)),
        }
    }

    /// Tries exec until the agent answers or it is clear that it will not.
    async fn knock(&self, pod: &ObjectRef, name: &str, shared: &Shared) -> Result<Session, LaunchFailure> {
        let began = Instant::now();
        let mut pause = FIRST_KNOCK;
        let mut failed = 0;
        let mut is_told = false;
        loop {
            if !is_told && began.elapsed() > SLOW_AFTER {
                is_told = true;
                let state = shared.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let text = format!("waiting for the agent in pod {}/{}: {state}", pod.namespace, pod.name);
                self.live.notices().send(text.trim_end_matches([':', ' ']).to_owned());
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = shared.running.notified() => {}
            }
            pause = if began.elapsed() < SLOW_AFTER { KNOCK } else { SLOW_KNOCK };
            match exec::open(&self.live, pod, name).await {
                Ok(session) => return Ok(session),
                Err(NoExec::NotYet(_)) => *shared.node.lock().unwrap_or_else(PoisonError::into_inner) = None,
                // A kubelet that restarts is back within seconds.
                Err(NoExec::Node(why)) if failed < 4 => {
                    failed += 1;
                    pause = RETRY;
                    *shared.node.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                }
                Err(NoExec::Other(_)) if failed < 4 => {
                    failed += 1;
                    pause = RETRY;
                }
                Err(no) => return Err(trouble::of_exec(pod, &self.options.image, no)),
            }
        }
    }

    /// Follows the pod's status until it shows that the agent will not start.
    async fn watch(&self, pod: &ObjectRef, name: &str, version: &str, shared: &Shared) -> LaunchFailure {
        let api: Api<Pod> = Api::namespaced(self.live.client(), &pod.namespace);
        let only = WatchParams::default().fields(&format!("metadata.name={}", pod.name));
        self.live.count();
        if let Ok(Ok(stream)) = timeout(self.live.call_time(), api.watch(&only, version)).await {
            let mut stream = Box::pin(stream);
            while let Some(event) = stream.next().await {
                let seen = match event {
                    Ok(WatchEvent::Added(p) | WatchEvent::Modified(p)) => p,
                    Ok(WatchEvent::Deleted(_)) => {
                        return trouble::failure(pod, LaunchProblem::Pod, "the pod was deleted", "ask again for its successor");
                    }
                    Ok(WatchEvent::Bookmark(_)) => continue,
                    Ok(WatchEvent::Error(_)) | Err(_) => break,
                };
                if let Some(failure) = self.note(pod, &seen, name, shared) {
                    return failure;
                }
            }
        }
        // Watching may be forbidden where getting is not, and a watch may end early.
        loop {
            sleep(POLL).await;
            self.live.count();
            match timeout(self.live.call_time(), api.get(&pod.name)).await {
                Ok(Ok(seen)) => {
                    if let Some(failure) = self.note(pod, &seen, name, shared) {
                        return failure;
                    }
                }
                Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
                    return trouble::failure(pod, LaunchProblem::Pod, "the pod was deleted", "ask again for its successor");
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    fn note(&self, object: &ObjectRef, pod: &Pod, name: &str, shared: &Shared) -> Option<LaunchFailure> {
        match trouble::progress(object, pod, name, &self.options.image) {
            Progress::Failed(failure) => return Some(failure),
            Progress::Running => {
                *shared.state.lock().unwrap_or_else(PoisonError::into_inner) = String::from("it runs, and exec into it fails");
                shared.running.notify_one();
            }
            Progress::Waiting(state) => *shared.state.lock().unwrap_or_else(PoisonError::into_inner) = state,
        }
        None
    }

    /// The agent did not talk in time: what was last heard of it, from status and events.
    async fn too_late(&self, pod: &ObjectRef, name: &str, shared: &Shared) -> LaunchFailure {
        if let Some(why) = shared.node.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return trouble::of_exec(pod, &self.options.image, NoExec::Node(why));
        }
        let state = shared.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = if state.is_empty() { String::from("the kubelet has not reported it yet") } else { state };
        let warning = self.warning(pod, name).await.map(|w| format!("; {w}")).unwrap_or_default();
        let seconds = self.options.start_timeout.as_secs();
        let cause = format!("the agent did not start within {seconds} s: {state}{warning}");
        let next = "`kubectl describe pod` shows what its node is doing; a longer --timeout gives a slow registry or a busy node time: a third of it is for the start";
        trouble::failure(pod, LaunchProblem::TimedOut, &cause, next)
    }

    /// Events tell of an image that cannot be had seconds before the pod's status does. Never ends without such an event.
    async fn watch_events(&self, pod: &ObjectRef, name: &str) -> LaunchFailure {
        let mut pause = FIRST_LOOK;
        loop {
            sleep(pause).await;
            pause = SLOW_KNOCK;
            let events = self.events(pod).await.unwrap_or_default();
            if let Some(failure) = trouble::of_events(pod, &self.options.image, &events, name) {
                return failure;
            }
        }
    }

    async fn warning(&self, pod: &ObjectRef, name: &str) -> Option<String> {
        trouble::warning(&self.events(pod).await?, name)
    }

    async fn events(&self, pod: &ObjectRef) -> Option<Vec<Event>> {
        let api: Api<Event> = Api::namespaced(self.live.client(), &pod.namespace);
        let about = ListParams::default().fields(&format!("involvedObject.kind=Pod,involvedObject.name={}", pod.name)).limit(500);
        self.live.count();
        let events = timeout(Duration::from_secs(2).min(self.live.call_time()), api.list(&about)).await.ok()?.ok()?;
        Some(events.items)
    }
}

fn cancelled(pod: &ObjectRef) -> LaunchFailure {
    trouble::failure(pod, LaunchProblem::Cancelled, "the run was ended while the agent was starting", "run it again")
}

/// `netcheck-` and six letters or digits. Two runs at once must not choose the same.
fn new_name() -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    // Keyed from the system's random numbers, anew for each state.
    let mut bits = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let mut name = String::from(PREFIX);
    for _ in 0..6 {
        name.extend(LETTERS.get(usize::try_from(bits % 36).unwrap_or(0)).map(|b| char::from(*b)));
        bits /= 36;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_fit() {
        let (a, b) = (new_name(), new_name());
        assert_ne!(a, b);
        assert!(
            a.strip_prefix(PREFIX).is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|c| c.is_ascii_alphanumeric())),
            "{a}"
        );
    }

    #[test]
    fn the_container_asks_for_nothing_that_restricted_refuses() {
        let c = container(&AgentOptions { target_container: Some(String::from("web")), ..AgentOptions::default() }, "netcheck-x");
        let security = &c["securityContext"];
        assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
        assert_eq!(security["allowPrivilegeEscalation"], json!(false));
        assert_eq!(security["runAsNonRoot"], json!(true));
        assert_eq!(security["seccompProfile"]["type"], json!("RuntimeDefault"));
        assert!(security.get("privileged").is_none() && c.get("env").is_none() && c.get("volumeMounts").is_none());
        assert_eq!(c["targetContainerName"], json!("web"));
    }
}
