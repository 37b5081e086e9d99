//! Starting an agent and talking to it through an API server that misbehaves.

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use netcheck::deploy::{AgentOptions, Prober};
use netcheck::discover::{Bundle, Discovery, Meta, Reader, connect};
use netcheck::model::{Cluster, ObjectRef, Query, Resource};
use netcheck::plan::Step;
use netcheck::probe::{EnvironmentSpec, ProbeOutcome, ProbeSpec, SocketsSpec};
use netcheck::protocol::{LaunchProblem, Measurement};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::api_faults_server::{ApiServer, Asked, Reply, Socket};

const HELLO: &str = r#"{"type":"hello","protocol":1,"build":"0.1.0","can":["environment","sockets"]}"#;
const ENVIRONMENT: &str = r#"{"type":"done","id":1,"outcome":{"probe":"environment","interfaces":[],"routes":[],"resolv_conf":null,"kernel":"6","errors":[]},"elapsed_us":7}"#;
const SOCKETS: &str = r#"{"type":"done","id":2,"outcome":{"probe":"sockets","listening":[],"error":null},"elapsed_us":9}"#;

fn pod(status: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client", "namespace": "shop", "resourceVersion": "7"},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}, "status": status})
}

fn running() -> Value {
    json!({"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]})
}

/// A watch event that shows our container in a state. Its name is the last one that was patched in.
fn event(state: &Value) -> String {
    let mut status = running();
    status["ephemeralContainerStatuses"] =
        json!([{"name": "NAME", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state}]);
    json!({"type": "MODIFIED", "object": pod(&status)}).to_string()
}

fn steps() -> [Step; 2] {
    let step = |spec| Step { why: String::new(), from: ObjectRef::pod("shop", "client"), spec };
    [step(ProbeSpec::Environment(EnvironmentSpec {})), step(ProbeSpec::Sockets(SocketsSpec {}))]
}

async fn cluster(server: &ApiServer) -> Cluster {
    let mut discovery = server.discovery().await;
    discovery.ask(&[Query::within(Resource::Pods, "shop")]).await;
    discovery.cluster().clone()
}

/// A server with one pod. `other` answers everything but the list of pods.
async fn server(other: impl Fn(&Asked<'_>) -> Reply + Send + Sync + 'static) -> ApiServer {
    ApiServer::start(move |asked| match asked.path {
        "/api/v1/namespaces/shop/pods?limit=500" => Reply::ok(json!({"metadata": {}, "items": [pod(&running())]}).to_string()),
        _ => other(asked),
    })
    .await
}

/// A server that takes the patch, shows `states` and answers exec with `exec`.
async fn with(states: Vec<String>, exec: impl Fn(usize) -> Reply + Send + Sync + 'static) -> ApiServer {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    server(move |asked| {
        if asked.method == "PATCH" {
            return Reply::ok(pod(&running()).to_string());
        }
        if asked.path.contains("/exec?") {
            return exec(tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        }
        if asked.path.contains("watch=true") {
            return Reply::Watch(states.clone());
        }
        Reply::status(404, asked.path)
    })
    .await
}

async fn prober(server: &ApiServer, cancel: &CancellationToken) -> Prober {
    let options = netcheck::discover::ConnectOptions { request_timeout: Some(Duration::from_secs(5)), ..server.options() };
    let live = connect(&options, netcheck::discover::Notices::default()).await.unwrap();
    let agent = AgentOptions { image: String::from("agent:1"), start_timeout: Duration::from_secs(6), ..AgentOptions::default() };
    Prober::live(live, agent, cancel.clone())
}

/// Runs both steps and gives what came of it.
async fn run(server: &ApiServer) -> (Vec<Measurement>, Prober) {
    let mut prober = prober(server, &CancellationToken::new()).await;
    let measured = prober.run(&cluster(server).await, &steps(), 0, Duration::from_millis(100)).await;
    assert_eq!(measured.len(), 2);
    (measured, prober)
}

fn why(measurement: &Measurement) -> &str {
    match &measurement.outcome {
        ProbeOutcome::NotRun { why } => why,
        other => panic!("{other:?}"),
    }
}

/// Says these lines on standard output, a message each.
async fn say(socket: &mut Socket, lines: &[&str]) {
    for line in lines {
        let bytes = [b"\x01", line.as_bytes(), b"\n"].concat();
        socket.send(Message::binary(bytes)).await.unwrap();
    }
}

/// Ends as exec does: a status on its own channel.
async fn end(mut socket: Socket, message: &str) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message});
    drop(socket.send(Message::binary([b"\x03", status.to_string().as_bytes()].concat())).await);
    drop(socket.close(None).await);
}

/// Waits for the requests on standard input.
async fn hear(socket: &mut Socket) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            return;
        }
    }
}

#[tokio::test]
async fn an_agent_is_tried_until_its_container_runs() {
    let server = with(vec![event(&json!({"waiting": {"reason": "ContainerCreating"}}))], |before| match before {
        0 => Reply::status(500, r#"unable to upgrade connection: container not found ("netcheck-x")"#),
        1 => Reply::exec(|socket| end(socket, r#"unable to upgrade connection: container not found ("netcheck-x")"#)),
        _ => Reply::exec(async |mut socket| {
            say(&mut socket, &[HELLO]).await;
            hear(&mut socket).await;
            say(&mut socket, &[SOCKETS, ENVIRONMENT]).await;
            hear(&mut socket).await;
            say(&mut socket, &[r#"{"type":"bye","peak_kib":1700}"#]).await;
            hear(&mut socket).await;
        }),
    })
    .await;
    let (measured, mut prober) = run(&server).await;
    assert!(matches!(measured[0].outcome, ProbeOutcome::Environment(_)), "{measured:?}");
    assert_eq!((measured[1].elapsed_us, prober.failures().len()), (9, 0));
    let left = prober.left_behind();
    assert!(left.len() == 1 && left[0].starts_with("shop/client: netcheck-"), "{left:?}");
    assert!(prober.start_time() > Duration::from_millis(300));
    prober.finish().await;
    assert_eq!(prober.peak_kib(), Some(1700));
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_keeps_the_answers_so_far() {
    let server = with(vec![], |_| {
        Reply::exec(async |mut socket| {
            say(&mut socket, &[HELLO]).await;
            hear(&mut socket).await;
            say(&mut socket, &[ENVIRONMENT]).await;
            // dropped without a closing handshake
        })
    })
    .await;
    let (measured, _) = run(&server).await;
    assert!(matches!(measured[0].outcome, ProbeOutcome::Environment(_)));
    assert_eq!(why(&measured[1]), "the connection to the agent was cut");
}

#[tokio::test]
async fn a_killed_agent_is_told() {
    let server = with(vec![], |_| {
        Reply::exec(async |mut socket| {
            say(&mut socket, &[HELLO]).await;
            hear(&mut socket).await;
            end(socket, "command terminated with non-zero exit code: exit code 137").await;
        })
    })
    .await;
    let (measured, _) = run(&server).await;
    assert!(why(&measured[0]).starts_with("the agent was killed (exit code 137)"), "{measured:?}");
}

/// Runs against a server that does this, and gives the one failure.
async fn failure(server: &ApiServer) -> netcheck::protocol::LaunchFailure {
    let began = Instant::now();
    let (measured, prober) = run(server).await;
    // far from the start of a loaded machine, and far below a minute: nothing waits for what cannot come
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let [failure] = prober.failures() else { panic!("{:?}", prober.failures()) };
    assert!(!failure.cause.contains(['\n', '\x1b']) && !failure.next.is_empty(), "{failure:?}");
    assert_eq!(why(&measured[0]), format!("the agent could not start: {}", failure.cause));
    failure.clone()
}

#[tokio::test]
async fn something_else_in_the_container_is_not_an_agent() {
    let says = |line: &'static str| {
        with(vec![], move |_| {
            Reply::exec(async move |mut socket| {
                say(&mut socket, &[line]).await;
                hear(&mut socket).await;
            })
        })
    };
    let shell = failure(&says("\x1b[31mroot@client:/# ").await).await;
    assert_eq!(shell.kind, LaunchProblem::NotAnAgent);
    assert!(shell.cause.starts_with("the image agent:1 is not a netcheck agent: it said "), "{shell:?}");
    let newer = failure(&says(r#"{"type":"hello","protocol":2,"build":"9.0.0","can":[]}"#).await).await;
    assert_eq!(newer.cause, "the agent in image agent:1 does not fit: it is agent 9.0.0 and speaks protocol 2, not 1");
    let huge: &'static str = Box::leak("x".repeat(2 << 20).into_boxed_str());
    assert!(failure(&says(huge).await).await.cause.ends_with("the agent sent a line longer than 1048576 bytes"));
    let missing = with(vec![], |_| {
        Reply::exec(|socket| {
            end(socket, "OCI runtime exec failed: exec: \"/netcheck-agent\": stat /netcheck-agent: no such file or directory")
        })
    });
    assert_eq!(failure(&missing.await).await.kind, LaunchProblem::NotAnAgent);
}

#[tokio::test]
async fn exec_may_be_forbidden_or_the_node_out_of_reach() {
    let forbidden = with(vec![], |_| Reply::status(403, "cannot create resource \"pods/exec\"")).await;
    assert_eq!(failure(&forbidden).await.kind, LaunchProblem::Forbidden);
    let unreachable =
        with(vec![], |_| Reply::status(500, "error dialing backend: dial tcp 10.0.0.2:10250: connect: no route to host")).await;
    let failure = failure(&unreachable).await;
    assert_eq!(failure.kind, LaunchProblem::Node);
    assert!(failure.cause.contains("no route to host") && failure.next.contains("10250"), "{failure:?}");
}

#[tokio::test]
async fn a_start_that_never_ends_is_given_up() {
    let not_found = |_| Reply::status(500, "container not found (\"netcheck-x\")");
    let slow = failure(&with(vec![], not_found).await).await;
    assert_eq!(slow.kind, LaunchProblem::TimedOut);
    assert_eq!(slow.cause, "the agent did not start within 6 s: the kubelet has not reported it yet");
}

#[tokio::test]
async fn a_pod_that_goes_meanwhile_is_told_at_once() {
    let not_found = |_| Reply::status(500, "container not found (\"netcheck-x\")");
    let gone = json!({"type": "DELETED", "object": pod(&running())}).to_string();
    assert_eq!(failure(&with(vec![gone], not_found).await).await.cause, "the pod was deleted");
    let evicted = json!({"type": "MODIFIED", "object": pod(&json!({"phase": "Failed", "reason": "Evicted"}))}).to_string();
    let failure = failure(&with(vec![evicted], not_found).await).await;
    assert_eq!(
        (failure.kind, failure.cause.as_str()),
        (LaunchProblem::Pod, "the pod ended while the agent was starting: Evicted")
    );
}

#[tokio::test]
async fn a_refused_patch_starts_nothing() {
    let psa = r#"pods "client" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true"#;
    let refused = server(move |_| Reply::status(403, psa)).await;
    let (_, prober) = run(&refused).await;
    assert_eq!(prober.failures()[0].kind, LaunchProblem::Admission);
    assert_eq!(prober.left_behind(), Vec::<String>::new());
    // a conflict is the one failure after which nothing was written for certain
    let conflict = server(|asked| if asked.method == "PATCH" { Reply::status(409, "modified") } else { Reply::Never }).await;
    assert_eq!(failure(&conflict).await.kind, LaunchProblem::Other);
    assert_eq!(conflict.asked("PATCH /api/v1/namespaces/shop/pods/client/ephemeralcontainers?"), 3);
}

#[tokio::test]
async fn ctrl_c_ends_the_wait() {
    let server = with(vec![], |_| Reply::Never).await;
    let cancel = CancellationToken::new();
    let mut prober = prober(&server, &cancel).await;
    let cluster = cluster(&server).await;
    let began = Instant::now();
    let ender = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        ender.cancel();
    });
    drop(prober.run(&cluster, &steps(), 0, Duration::from_secs(5)).await);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(prober.failures()[0].kind, LaunchProblem::Cancelled);
    assert_eq!(prober.left_behind().len(), 1, "the container is in the pod and has to be told of");
}

#[tokio::test]
async fn a_recorded_run_is_repeated() {
    let server = server(|_| Reply::status(403, "cannot patch resource \"pods/ephemeralcontainers\"")).await;
    let (measured, prober) = run(&server).await;
    let bundle =
        Bundle { meta: Meta::default(), reads: vec![], measurements: measured.clone(), launches: prober.failures().to_vec() };
    let bundle = Bundle::from_bytes(&bundle.to_bytes().unwrap()).unwrap();
    let mut replay = Prober::replay(&bundle);
    let discovery = Discovery::new(Reader::Bundle(Box::new(bundle)));
    let again = replay.run(discovery.cluster(), &steps(), 0, Duration::from_secs(1)).await;
    assert_eq!((again, replay.failures()), (measured, prober.failures()));
    let other = Step { from: ObjectRef::pod("shop", "other"), ..steps()[0].clone() };
    let unknown = replay.run(discovery.cluster(), &[other], 0, Duration::from_secs(1)).await;
    assert_eq!(why(&unknown[0]), "not in the bundle");
}

/// A server whose kubelet answers nothing, and renewed its lease this many seconds ago.
async fn silent_kubelet(renewed_ago: i64) -> ApiServer {
    server(move |asked| match asked.path {
        path if path.contains("/kube-node-lease/leases/n1") => {
            let renewed = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(renewed_ago);
            let spec = json!({"holderIdentity": "n1", "leaseDurationSeconds": 40, "renewTime": format!("{renewed:.6}")});
            Reply::ok(
                json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "n1"}, "spec": spec})
                    .to_string(),
            )
        }
        _ if asked.method == "PATCH" => Reply::ok(pod(&running()).to_string()),
        path if path.contains("/exec?") => Reply::Never,
        path if path.contains("watch=true") => Reply::Watch(Vec::new()),
        path => Reply::status(404, path),
    })
    .await
}

#[tokio::test]
async fn a_kubelet_that_stopped_is_not_waited_for() {
    let began = Instant::now();
    let failure = failure(&silent_kubelet(33).await).await;
    assert_eq!(failure.kind, LaunchProblem::Node);
    assert!(failure.cause.starts_with("the kubelet of node n1 does not report: it renewed its lease 3"), "{}", failure.cause);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_kubelet_that_renews_is_waited_for() {
    let failure = failure(&silent_kubelet(8).await).await;
    assert!(!failure.cause.contains("lease"), "{failure:?}");
}
