//! Why an agent does not start, in words: pure functions from what the API server says to a cause and a next step.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Event, Pod};

use super::exec::NoExec;
use crate::discover::{Failure, one_line};
use crate::model::{self, ContainerState as State, ObjectRef};
use crate::protocol::{LaunchFailure, LaunchProblem};

/// Most ephemeral containers a pod may have before another one needs `--force`: each stays until the pod goes.
pub(super) const MANY: usize = 20;

const IMAGE: [&str; 6] =
    ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"];
const CONTAINER: [&str; 5] =
    ["CreateContainerError", "CreateContainerConfigError", "RunContainerError", "StartError", "PostStartHookError"];

pub(super) fn failure(pod: &ObjectRef, kind: LaunchProblem, cause: &str, next: &str) -> LaunchFailure {
    LaunchFailure { pod: pod.clone(), kind, cause: one_line(cause), next: next.to_owned() }
}

/// What makes trying pointless, seen in the model alone.
pub(super) fn refusal(pod: &model::Pod, node: Option<&model::Node>, force: bool) -> Option<LaunchFailure> {
    let object = pod.object();
    let because = |kind, cause: &str, next: &str| Some(failure(&object, kind, cause, next));
    if pod.mirror {
        let cause = "it is a static pod, and those take no ephemeral container";
        return because(LaunchProblem::Unsupported, cause, "ask from another pod on the same node");
    }
    if pod.is_finished() || pod.terminating {
        let cause = if pod.terminating { "the pod is being deleted" } else { "the pod has finished" };
        return because(LaunchProblem::Pod, cause, "ask from a pod that is running");
    }
    if pod.node.is_none() {
        return because(LaunchProblem::Pod, "the pod has no node yet", "`kubectl describe pod` says why it is not scheduled");
    }
    if pod.os.as_deref() == Some("windows") {
        return because(LaunchProblem::Unsupported, "it is a Windows pod", "ask from a Linux pod");
    }
    if let Some(why) = node.and_then(model::Node::cannot_run_agent) {
        return because(LaunchProblem::Unsupported, &format!("no agent runs there: {why}"), "ask from a pod on another node");
    }
    let silent = node.and_then(|n| n.conditions.iter().find(|c| c.kind == "Ready" && c.status == "Unknown").map(|_| &n.name));
    if let Some(name) = silent {
        let cause = format!("node {name} is not ready: its kubelet no longer reports, so it starts no container");
        return because(LaunchProblem::Node, &cause, &format!("`kubectl describe node {name}`, and look at the kubelet on it"));
    }
    let count = pod.ephemeral_containers.len();
    if count > MANY && !force {
        let cause = format!("the pod has {count} ephemeral containers, and they stay until it goes");
        return because(LaunchProblem::Unsupported, &cause, "delete the pod if something recreates it, or ask from another one");
    }
    None
}

/// Why the API server does not add the container.
pub(super) fn of_patch(pod: &ObjectRef, failure_: &Failure) -> LaunchFailure {
    let text = failure_.text();
    let because = |kind, cause: &str, next: &str| failure(pod, kind, cause, next);
    let has = |part: &str| text.contains(part);
    match failure_ {
        Failure::Status { code: 403, .. } if has("violates PodSecurity") => because(
            LaunchProblem::Admission,
            &format!("Pod Security refuses it: {text}"),
            "Pod Security looks at the whole pod: an older debug container or the pod's own settings may be what violates the level",
        ),
        Failure::Status { code: 403, .. } if has("exceeded quota") => because(
            LaunchProblem::Quota,
            &format!("a quota refuses it: {text}"),
            "`kubectl describe resourcequota`, and ask its owner",
        ),
        Failure::Status { code: 401 | 403, .. } if has("cannot patch resource") || has("cannot update resource") => because(
            LaunchProblem::Forbidden,
            &format!("not permitted: {text}"),
            &format!(
                "the roles edit and admin do not include it: ask for a Role in namespace {} with patch on pods/ephemeralcontainers \
                 and get, create on pods/exec",
                pod.namespace
            ),
        ),
        Failure::Status { code: 500.., .. } if has("webhook") || has("context deadline exceeded") => because(
            LaunchProblem::Admission,
            &format!("an admission webhook does not answer: {text}"),
            "`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`, and look at the pods behind it",
        ),
        Failure::Status { code: 400.., .. }
            if has("admission webhook")
                || has("denied the request")
                || has("ValidatingAdmissionPolicy")
                || has("denied request") =>
        {
            because(
                LaunchProblem::Admission,
                &format!("an admission policy refuses it: {text}"),
                "ask its owner to allow ephemeral containers that Pod Security restricted admits",
            )
        }
        Failure::Status { code: 401 | 403, .. } => because(
            LaunchProblem::Forbidden,
            &format!("not permitted: {text}"),
            "ask whoever set the rule that the message names",
        ),
        Failure::Status { code: 404, .. } if has("the server could not find the requested resource") => because(
            LaunchProblem::Unsupported,
            "this cluster has no ephemeral containers",
            "they are part of Kubernetes since 1.25: update the cluster",
        ),
        Failure::Status { code: 404, .. } => {
            because(LaunchProblem::Pod, &format!("the pod is gone: {text}"), "ask again for its successor")
        }
        Failure::Status { .. } | Failure::Late(_) | Failure::Cut(_) | Failure::Broken(_) => {
            because(LaunchProblem::Other, &format!("the API server did not add the container: {text}"), "try again")
        }
    }
}

/// Why exec into the container will not succeed.
pub(super) fn of_exec(pod: &ObjectRef, image: &str, no: NoExec) -> LaunchFailure {
    match no {
        NoExec::Forbidden(why) => failure(
            pod,
            LaunchProblem::Forbidden,
            &format!("not permitted: {why}"),
            &format!("ask for a Role in namespace {} with get and create on pods/exec", pod.namespace),
        ),
        NoExec::Node(why) => failure(
            pod,
            LaunchProblem::Node,
            &format!("the API server cannot reach the kubelet of the pod's node: {why}"),
            "check that the node is up and that the control plane reaches it on TCP 10250",
        ),
        NoExec::NotAnAgent(why) => failure(
            pod,
            LaunchProblem::NotAnAgent,
            &format!("the image {image} is not a netcheck agent: {why}"),
            "pass the image that belongs to this version with --image",
        ),
        NoExec::Silent(time) => failure(
            pod,
            LaunchProblem::Other,
            &format!("the program of image {image} runs and said nothing for {} s", time.as_secs()),
            "its node may be overloaded: try again; else the image is not netcheck's: pass --image",
        ),
        NoExec::OtherVersion(why) => failure(
            pod,
            LaunchProblem::NotAnAgent,
            &format!("the agent in image {image} does not fit: {why}"),
            "pass the image that belongs to this version with --image",
        ),
        NoExec::Gone(why) => failure(pod, LaunchProblem::Pod, &format!("the pod is gone: {why}"), "ask again for its successor"),
        NoExec::NotYet(why) | NoExec::Other(why) => {
            failure(pod, LaunchProblem::Other, &format!("exec into the agent's container fails: {why}"), "try again")
        }
    }
}

/// What the kubelet says of the agent's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// In words, for a timeout.
    Waiting(String),
    Running,
    Failed(LaunchFailure),
}

/// Reads the pod's status for one container.
pub(super) fn progress(object: &ObjectRef, pod: &Pod, name: &str, image: &str) -> Progress {
    if pod.metadata.deletion_timestamp.is_some() {
        return Progress::Failed(failure(object, LaunchProblem::Pod, "the pod is being deleted", "ask again for its successor"));
    }
    let status = pod.status.as_ref();
    let phase = status.and_then(|s| s.phase.as_deref()).unwrap_or_default();
    if phase == "Succeeded" || phase == "Failed" {
        let reason = status.and_then(|s| s.reason.as_deref()).unwrap_or("it is over");
        let cause = format!("the pod ended while the agent was starting: {reason}");
        return Progress::Failed(failure(object, LaunchProblem::Pod, &cause, "ask from a pod that is running"));
    }
    let all = status.and_then(|s| s.ephemeral_container_statuses.as_deref()).unwrap_or_default();
    let Some(state) = all.iter().find(|s| s.name == name).map(state) else {
        return Progress::Waiting(String::from("the kubelet has not reported it yet"));
    };
    match state {
        State::Running => Progress::Running,
        State::None => Progress::Waiting(String::from("the kubelet has not reported it yet")),
        State::Waiting { reason, message } => match of_reason(object, image, &reason, &message) {
            Some(failure) => Progress::Failed(failure),
            None => Progress::Waiting(one_line(&format!("it is waiting: {reason} {message}"))),
        },
        State::Terminated { exit_code, reason, message } => {
            if let Some(failure) = of_reason(object, image, &reason, &message) {
                return Progress::Failed(failure);
            }
            let cause = format!("the agent ended at once with exit code {exit_code}: {reason} {message}");
            let kind = if exit_code == 137 { LaunchProblem::Container } else { LaunchProblem::NotAnAgent };
            let next = if exit_code == 137 {
                "the pod is short of memory: raise its limit"
            } else {
                "check that --image is a netcheck agent"
            };
            Progress::Failed(failure(object, kind, cause.trim_end_matches([' ', ':']), next))
        }
    }
}

fn of_reason(object: &ObjectRef, image: &str, reason: &str, message: &str) -> Option<LaunchFailure> {
    let told = if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
    if IMAGE.contains(&reason) {
        let next = "check the image's name and the node's way to the registry, or load it on the node and pass --image";
        return Some(failure(object, LaunchProblem::Image, &format!("the image {image} cannot be used: {told}"), next));
    }
    if !CONTAINER.contains(&reason) && reason != "ContainerCannotRun" {
        return None;
    }
    if message.contains("no such file or directory") || message.contains("executable file not found") {
        return Some(of_exec(object, image, NoExec::NotAnAgent(told)));
    }
    let next = "`kubectl describe pod` and the log of the kubelet on its node say more";
    Some(failure(object, LaunchProblem::Container, &format!("the container cannot be started: {told}"), next))
}

fn state(status: &ContainerStatus) -> State {
    let Some(ContainerState { running, terminated, waiting }) = &status.state else { return State::None };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    if let Some(t) = terminated {
        return State::Terminated { exit_code: t.exit_code, reason: text(&t.reason), message: text(&t.message) };
    }
    if running.is_some() {
        return State::Running;
    }
    waiting.as_ref().map_or(State::None, |w| State::Waiting { reason: text(&w.reason), message: text(&w.message) })
}

/// An event of the kubelet that says that the image cannot be had (pkg/kubelet/events/event.go, v1.34: `Failed`, `ErrImageNeverPull`,
/// `InspectFailed`; the messages are those of `pkg/kubelet/images/image_manager.go`).
pub(super) fn of_events(object: &ObjectRef, image: &str, events: &[Event], name: &str) -> Option<LaunchFailure> {
    let ours = format!("spec.ephemeralContainers{{{name}}}");
    let tells = |e: &&Event| {
        let message = e.message.as_deref().unwrap_or_default();
        match e.reason.as_deref() {
            Some("ErrImageNeverPull" | "InspectFailed") => true,
            Some("Failed") => message.starts_with("Failed to pull image") || message.contains("is not present with pull policy"),
            Some(_) | None => false,
        }
    };
    let event = events.iter().filter(|e| e.involved_object.field_path.as_deref() == Some(ours.as_str())).rfind(tells)?;
    let reason = event.reason.as_deref().unwrap_or_default();
    let reason = if reason == "Failed" { "ErrImagePull" } else { reason };
    let reason = if reason == "InspectFailed" { "ImageInspectError" } else { reason };
    of_reason(object, image, reason, event.message.as_deref().unwrap_or_default())
}

/// The latest warning about the agent's container, or about the pod as a whole.
pub(super) fn warning(events: &[Event], name: &str) -> Option<String> {
    let ours = format!("spec.ephemeralContainers{{{name}}}");
    let is_ours = |e: &&Event| e.involved_object.field_path.as_deref() == Some(ours.as_str());
    let is_pods = |e: &&Event| e.involved_object.field_path.is_none() && e.reason.as_deref() == Some("FailedSync");
    let warnings = || events.iter().filter(|e| e.type_.as_deref() == Some("Warning"));
    let event = warnings().rfind(is_ours).or_else(|| warnings().rfind(is_pods))?;
    Some(one_line(&format!("{}: {}", event.reason.as_deref()?, event.message.as_deref().unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> ObjectRef {
        ObjectRef::pod("shop", "client")
    }

    fn patch(code: u16, message: &str) -> LaunchFailure {
        of_patch(&object(), &Failure::Status { code, message: message.to_owned(), retry_after: None })
    }

    #[test]
    fn refusals_of_the_api_server_are_told_apart() {
        let cases = [
            (
                403,
                r#"pods "client" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false"#,
                LaunchProblem::Admission,
            ),
            (
                403,
                r#"pods "client" is forbidden: User "dev" cannot patch resource "pods/ephemeralcontainers" in API group """#,
                LaunchProblem::Forbidden,
            ),
            (403, r#"pods "client" is forbidden: exceeded quota: small"#, LaunchProblem::Quota),
            (403, r#"admission webhook "policy.example" denied the request: no debugging"#, LaunchProblem::Admission),
            (
                422,
                r#"pods "client" is forbidden: ValidatingAdmissionPolicy 'no-debug' with binding 'all' denied request: no debugging"#,
                LaunchProblem::Admission,
            ),
            (500, r#"failed calling webhook "policy.example": context deadline exceeded"#, LaunchProblem::Admission),
            (404, r#"pods "client" not found"#, LaunchProblem::Pod),
            (404, "the server could not find the requested resource", LaunchProblem::Unsupported),
            (409, "the object has been modified", LaunchProblem::Other),
        ];
        for (code, message, kind) in cases {
            let failure = patch(code, message);
            assert_eq!(failure.kind, kind, "{message}");
            assert!(!failure.next.is_empty() && !failure.cause.contains('\n'));
        }
        assert!(patch(403, r#"cannot patch resource "pods/ephemeralcontainers""#).next.contains("namespace shop"));
    }

    fn with_state(state: &serde_json::Value) -> Progress {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "client"}, "status": {"phase": "Running",
            "ephemeralContainerStatuses": [{"name": "netcheck-a", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state}]}}))
        .expect("valid");
        progress(&object(), &pod, "netcheck-a", "agent:1")
    }

    #[test]
    fn states_of_the_container_are_read() {
        let kind = |state| match with_state(&state) {
            Progress::Failed(failure) => failure.kind,
            other @ (Progress::Waiting(_) | Progress::Running) => panic!("{other:?}"),
        };
        for reason in IMAGE {
            assert_eq!(kind(json!({"waiting": {"reason": reason, "message": "x"}})), LaunchProblem::Image);
        }
        assert_eq!(kind(json!({"waiting": {"reason": "CreateContainerError", "message": "x"}})), LaunchProblem::Container);
        let missing = "exec: \"/netcheck-agent\": stat /netcheck-agent: no such file or directory";
        assert_eq!(
            kind(json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": missing}})),
            LaunchProblem::NotAnAgent
        );
        assert_eq!(kind(json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})), LaunchProblem::Container);
        assert!(matches!(with_state(&json!({"waiting": {"reason": "ContainerCreating"}})), Progress::Waiting(_)));
        assert_eq!(with_state(&json!({"running": {}})), Progress::Running);
    }

    #[test]
    fn pods_that_take_no_agent_are_known_beforehand() {
        let fine = model::Pod {
            namespace: String::from("shop"),
            name: String::from("client"),
            node: Some(String::from("n1")),
            phase: String::from("Running"),
            ..model::Pod::default()
        };
        assert_eq!(refusal(&fine, None, false), None);
        let kind = |pod: &model::Pod, node: Option<&model::Node>| refusal(pod, node, false).expect("refused").kind;
        assert_eq!(kind(&model::Pod { mirror: true, ..fine.clone() }, None), LaunchProblem::Unsupported);
        assert_eq!(kind(&model::Pod { phase: String::from("Failed"), ..fine.clone() }, None), LaunchProblem::Pod);
        assert_eq!(kind(&model::Pod { node: None, ..fine.clone() }, None), LaunchProblem::Pod);
        let many = model::Pod { ephemeral_containers: vec![model::Container::default(); MANY + 1], ..fine.clone() };
        assert_eq!(kind(&many, None), LaunchProblem::Unsupported);
        assert_eq!(refusal(&many, None, true), None);
        let windows = model::Node { os: String::from("windows"), ..model::Node::default() };
        assert_eq!(kind(&fine, Some(&windows)), LaunchProblem::Unsupported);
        let ready =
            model::Condition { kind: String::from("Ready"), status: String::from("Unknown"), ..model::Condition::default() };
        let silent = model::Node { name: String::from("n1"), conditions: vec![ready], ..model::Node::default() };
        assert_eq!(kind(&fine, Some(&silent)), LaunchProblem::Node);
    }

    #[test]
    fn events_tell_of_an_image_that_cannot_be_had() {
        let event = |path: &str, reason: &str, message: &str| -> Event {
            serde_json::from_value(json!({"metadata": {}, "involvedObject": {"fieldPath": path}, "type": "Warning", "reason": reason, "message": message})).expect("valid")
        };
        let ours = "spec.ephemeralContainers{netcheck-a}";
        let kind = |e: Event| of_events(&object(), "agent:1", &[e], "netcheck-a").map(|f| f.kind);
        let never = r#"Container image "agent:1" is not present with pull policy of Never"#;
        assert_eq!(kind(event(ours, "ErrImageNeverPull", never)), Some(LaunchProblem::Image));
        assert_eq!(kind(event(ours, "Failed", r#"Failed to pull image "agent:1": not found"#)), Some(LaunchProblem::Image));
        assert_eq!(kind(event(ours, "Pulling", r#"Pulling image "agent:1""#)), None);
        assert_eq!(kind(event("spec.containers{web}", "Failed", r#"Failed to pull image "agent:1": not found"#)), None);
    }

    #[test]
    fn the_latest_warning_about_our_container_wins() {
        let event = |path: &str, message: &str| -> Event {
            serde_json::from_value(json!({"metadata": {}, "involvedObject": {"fieldPath": path}, "type": "Warning", "reason": "Failed", "message": message})).expect("valid")
        };
        let ours = "spec.ephemeralContainers{netcheck-a}";
        let events = [event(ours, "first"), event(ours, "second"), event("spec.containers{web}", "other")];
        assert_eq!(warning(&events, "netcheck-a").as_deref(), Some("Failed: second"));
        assert_eq!(warning(&events, "netcheck-b"), None);
    }
}
