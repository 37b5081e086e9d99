//! `netcheck-agent run` inside a container, over the API server's exec.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use tokio::time::timeout;

use super::session::{Channel, NoHello, Session};
use crate::discover::{Failure, Live, failure_of};
use crate::model::ObjectRef;

/// Bytes of output that wait to be read. The library's default of 1 KiB costs a wake-up for each.
const BUFFER: usize = 64 * 1024;

/// How long one try may take to get through to the container.
const TRY: Duration = Duration::from_secs(5);

/// Why a try did not end in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoExec {
    /// The container does not run yet: another try may succeed.
    NotYet(String),
    /// The API server cannot reach the kubelet.
    Node(String),
    /// RBAC refuses exec.
    Forbidden(String),
    /// Something else runs there.
    NotAnAgent(String),
    /// It runs and said nothing for this long.
    Silent(Duration),
    OtherVersion(String),
    /// The pod is gone.
    Gone(String),
    Other(String),
}

/// Texts of the kubelet and of runtimes for a container that has not started. The kubelet says the first one.
const NOT_YET: &[&str] = &[
    "container not found",
    "container is not running",
    "not created or running",
    "is not valid for pod",
    "stopped container",
    "container is in CONTAINER_CREATED state",
    "pod does not exist",
    "not in running state",
];

/// Texts of the API server, of its tunnel to nodes, and of the network between them.
const NODE: &[&str] = &[
    "error dialing backend",
    "dial tcp",
    "i/o timeout",
    "no route to host",
    "No agent available",
    "failed to dial",
    "proxy error from",
];

/// Texts of runtimes when the agent's program is not in the image.
const NOT_AN_AGENT: &[&str] =
    &["no such file or directory", "executable file not found", "exec failed", "permission denied", "exec format error"];

/// Starts one run of the agent and waits for its hello.
pub(super) async fn open(live: &Live, pod: &ObjectRef, container: &str) -> Result<Session, NoExec> {
    let api: Api<Pod> = Api::namespaced(live.client(), &pod.namespace);
    let how = AttachParams::default()
        .container(container)
        .stdin(true)
        .stdout(true)
        // Nobody reads it, and output that nobody reads would block the rest.
        .stderr(false)
        .max_stdin_buf_size(BUFFER)
        .max_stdout_buf_size(BUFFER);
    live.count();
    let time = TRY.min(live.call_time());
    let mut process = match timeout(time, api.exec(&pod.name, ["/netcheck-agent", "run"], &how)).await {
        Ok(Ok(process)) => process,
        Ok(Err(error)) => return Err(refused(&failure_of(&error))),
        Err(_) => return Err(NoExec::Node(format!("exec into the container gave no answer within {} ms", time.as_millis()))),
    };
    let (Some(output), Some(input), Some(status)) = (process.stdout(), process.stdin(), process.take_status()) else {
        return Err(NoExec::Other(String::from("exec gave no streams")));
    };
    let ending = Box::pin(async move {
        let status = status.await?;
        status.message.or(status.reason).or(status.status)
    });
    let channel = Channel { output: Box::new(output), input: Box::new(input), ending, keep: Box::new(process) };
    Session::greet(channel).await.map_err(|no| match no {
        NoHello::Ended(Some(text)) => of_text(&text),
        NoHello::Ended(None) => NoExec::NotYet(String::from("the connection ended before the agent said hello")),
        NoHello::NotAnAgent(why) => NoExec::NotAnAgent(why),
        NoHello::Silent(time) => NoExec::Silent(time),
        NoHello::OtherVersion { protocol, build } => {
            NoExec::OtherVersion(format!("it is agent {build} and speaks protocol {protocol}, not {}", crate::protocol::VERSION))
        }
    })
}

fn refused(failure: &Failure) -> NoExec {
    let text = failure.text();
    match failure {
        Failure::Status { code: 401 | 403, .. } => NoExec::Forbidden(text),
        Failure::Status { code: 404, .. } if !text.contains("container not found") => NoExec::Gone(text),
        Failure::Status { .. } => of_text(&text),
        Failure::Late(_) | Failure::Cut(_) => NoExec::NotYet(text),
        Failure::Broken(_) => NoExec::Other(text),
    }
}

/// The API server passes the kubelet's and the runtime's words on, as the body of an error or on the status channel.
fn of_text(text: &str) -> NoExec {
    let is_one_of = |list: &[&str]| list.iter().any(|part| text.contains(part));
    if is_one_of(NOT_YET) {
        NoExec::NotYet(text.to_owned())
    } else if is_one_of(NODE) {
        NoExec::Node(text.to_owned())
    } else if is_one_of(NOT_AN_AGENT) {
        NoExec::NotAnAgent(text.to_owned())
    } else {
        NoExec::Other(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_kubelets_and_runtimes_are_told_apart() {
        let not_yet = r#"unable to upgrade connection: container not found ("netcheck-abc123")"#;
        assert!(matches!(of_text(not_yet), NoExec::NotYet(_)));
        assert!(matches!(of_text("error dialing backend: dial tcp 10.0.0.2:10250: i/o timeout"), NoExec::Node(_)));
        let other = r#"OCI runtime exec failed: exec failed: unable to start container process: exec: "/netcheck-agent": stat /netcheck-agent: no such file or directory"#;
        assert!(matches!(of_text(other), NoExec::NotAnAgent(_)));
        assert!(matches!(of_text("something new"), NoExec::Other(_)));
        let status = |code, message: &str| Failure::Status { code, message: message.to_owned(), retry_after: None };
        assert!(matches!(refused(&status(403, "cannot create resource pods/exec")), NoExec::Forbidden(_)));
        assert!(matches!(refused(&status(404, "pods \"x\" not found")), NoExec::Gone(_)));
        assert!(matches!(refused(&status(500, not_yet)), NoExec::NotYet(_)));
    }
}
