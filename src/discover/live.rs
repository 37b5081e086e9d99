//! A live cluster: one request at a time is sent, timed, limited, counted, and tried again when that is safe.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use http::header;
use http_body_util::BodyExt as _;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::kubeconfig;
use super::options::{ConnectError, ConnectOptions, Notices, one_line};
use super::wire;

/// Everything but protobuf.
pub(super) const ACCEPT_JSON: &str = "application/json, */*";

/// How long one call may take when nobody says otherwise.
const CALL: Duration = Duration::from_secs(15);

/// Requests in flight. Each is a TLS connection of its own, as the client speaks HTTP/1.1.
const IN_FLIGHT: usize = 8;

/// How often one GET is sent at most.
const TRIES: u32 = 3;

/// Longest wait between two tries, whatever the server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How a connection ends that was open.
const CUTS: [ErrorKind; 3] = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::UnexpectedEof];

/// A connection to an API server. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    client: kube::Client,
    server: String,
    namespace: String,
    timeout: Duration,
    deadline: Option<Instant>,
    in_flight: Semaphore,
    requests: AtomicU32,
    /// Any HTTP answer arrived: from then on a failure is one read's, not the connection's.
    answered: AtomicBool,
    unauthorized: AtomicBool,
    /// A read got no answer in its whole time.
    late: AtomicBool,
    json: AtomicBool,
    /// The first failure without an HTTP answer.
    unreachable: Mutex<Option<String>>,
    ca_is_a_leaf: bool,
    notices: Notices,
    /// What was said of retries.
    told: Mutex<BTreeSet<String>>,
    /// How far the API server's clock is ahead of this machine's, once it said.
    clock: OnceLock<SignedDuration>,
}

/// Takes the answer to one GET.
pub(super) trait Answer: Send {
    /// An answer starts. Whatever came before belongs to one that was cut.
    fn begin(&mut self, is_protobuf: bool);

    /// The next bytes. `Break`: the rest is of no use.
    fn more(&mut self, bytes: &[u8]) -> ControlFlow<()>;
}

/// An answer in one piece.
#[derive(Default)]
struct Whole {
    bytes: Vec<u8>,
}

impl Answer for Whole {
    fn begin(&mut self, _is_protobuf: bool) {
        self.bytes.clear();
    }

    fn more(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.bytes.extend_from_slice(bytes);
        ControlFlow::Continue(())
    }
}

/// Why a request has no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server's answer is an error.
    Status { code: u16, message: String, retry_after: Option<Duration> },
    /// No answer in this time.
    Late(Duration),
    /// The connection ended before the answer did.
    Cut(String),
    /// No connection, or not a usable one.
    Broken(String),
}

impl Failure {
    /// One line.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Status { code, message, .. } if message.is_empty() => format!("HTTP {code}"),
            Self::Status { code, message, .. } if *code >= 500 => format!("HTTP {code}: {message}"),
            Self::Status { message, .. } => message.clone(),
            Self::Late(after) => format!("no answer within {} ms", after.as_millis()),
            Self::Cut(why) | Self::Broken(why) => why.clone(),
        }
    }

    /// How long to wait before the same GET may be sent again. `None`: another try would not help.
    fn pause(&self, tries: u32) -> Option<Duration> {
        let own = Duration::from_millis(200 << tries.min(4));
        match self {
            Self::Status { code: 429 | 503 | 504, retry_after, .. } => Some(retry_after.unwrap_or(own).min(LONGEST_WAIT)),
            Self::Cut(_) => Some(own),
            Self::Status { .. } | Self::Late(_) | Self::Broken(_) => None,
        }
    }
}

/// Reads the kubeconfig and makes the client, exec plugins included. No request is sent.
pub async fn connect(options: &ConnectOptions, notices: Notices) -> Result<Live, ConnectError> {
    let config = kubeconfig::load(options).await?;
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let namespace = config.default_namespace.clone();
    let ca_is_a_leaf = kubeconfig::ca_is_a_leaf(&config);
    // An exec plugin runs in here and may wait for the user: it must not hold up Ctrl-C.
    let made = tokio::task::spawn_blocking(move || kube::Client::try_from(config)).await;
    let client = match made {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return Err(cannot_log_in(&error)),
        Err(error) => return Err(ConnectError::new(format!("cannot start the client: {error}"), "report this as a bug")),
    };
    let shared = Shared {
        client,
        server,
        namespace,
        timeout: options.request_timeout.filter(|t| !t.is_zero()).unwrap_or(CALL),
        deadline: options.deadline.map(|d| Instant::now() + d),
        in_flight: Semaphore::new(IN_FLIGHT),
        requests: AtomicU32::new(0),
        answered: AtomicBool::new(false),
        unauthorized: AtomicBool::new(false),
        late: AtomicBool::new(false),
        json: AtomicBool::new(false),
        unreachable: Mutex::new(None),
        ca_is_a_leaf,
        notices,
        told: Mutex::new(BTreeSet::new()),
        clock: OnceLock::new(),
    };
    Ok(Live { shared: Arc::new(shared) })
}

fn cannot_log_in(error: &kube::Error) -> ConnectError {
    let text = chain(error);
    let is_login = matches!(error, kube::Error::Auth(_));
    if is_login {
        let next = "run the login command of your provider, then `kubectl get --raw /version` to see that it works";
        return ConnectError::new(format!("the kubeconfig's login does not work: {text}"), next);
    }
    ConnectError::new(format!("the kubeconfig does not make a connection: {text}"), "check the file with `kubectl config view`")
}

impl Live {
    /// The namespace of names without one.
    pub fn namespace(&self) -> &str {
        &self.shared.namespace
    }

    /// Requests sent so far, the retried ones included.
    pub fn request_count(&self) -> u32 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The API server's address, as `https://10.0.0.1:6443`.
    pub fn server(&self) -> &str {
        &self.shared.server
    }

    /// For requests that are not reads. Each is counted with `count`.
    pub(crate) fn client(&self) -> kube::Client {
        self.shared.client.clone()
    }

    pub(crate) fn notices(&self) -> &Notices {
        &self.shared.notices
    }

    pub(crate) fn count(&self) {
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The time by the API server's clock, to the second. `None` when it never said.
    pub(crate) fn server_time(&self) -> Option<Timestamp> {
        self.shared.clock.get().and_then(|ahead| Timestamp::now().checked_add(*ahead).ok())
    }

    /// The time one call may take now.
    pub(crate) fn call_time(&self) -> Duration {
        let left = self.shared.deadline.map(|d| d.saturating_duration_since(Instant::now()));
        left.map_or(self.shared.timeout, |left| left.min(self.shared.timeout))
    }

    /// Why no read of this run can succeed, once that is clear.
    pub fn fatal(&self) -> Option<ConnectError> {
        let shared = &self.shared;
        if shared.unauthorized.load(Ordering::Relaxed) {
            let cause = format!("the API server at {} does not accept these credentials", shared.server);
            return Some(ConnectError::new(
                cause,
                "log in again, or choose another --context or --user; `kubectl auth whoami` tests it",
            ));
        }
        let why = self.silent()?;
        let next = way_out(&why, shared.ca_is_a_leaf);
        Some(ConnectError::new(format!("cannot reach the API server at {}: {why}", shared.server), next))
    }

    /// Sends one GET for JSON or text and reads the whole answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let mut body = Whole::default();
        self.get_into(path, ACCEPT_JSON, &mut body).await?;
        Ok(body.bytes)
    }

    /// Sends one GET and hands the answer over as it arrives. An answer that is cut is begun again.
    pub(super) async fn get_into(&self, path: &str, accept: &str, body: &mut dyn Answer) -> Result<(), Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.once(path, accept, body).await;
            let Err(failure) = &outcome else { return outcome };
            let left = self.shared.deadline.map_or(Duration::MAX, |d| d.saturating_duration_since(Instant::now()));
            match failure.pause(tries).filter(|pause| tries < TRIES && *pause < left) {
                Some(pause) => {
                    let why = failure.text();
                    let text = format!("the API server: {why}; trying again in {} ms", pause.as_millis());
                    // reads run side by side and fail the same way: once is enough
                    if self.shared.told.lock().unwrap_or_else(PoisonError::into_inner).insert(why) {
                        self.shared.notices.send(text);
                    }
                    tokio::time::sleep(pause).await;
                }
                None => return outcome,
            }
        }
    }

    /// Why the server counts as out of reach: a read ended without any HTTP answer, and none ever came.
    fn silent(&self) -> Option<String> {
        if self.shared.answered.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.unreachable.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends one GET once.
    pub(super) async fn once(&self, path: &str, accept: &str, body: &mut dyn Answer) -> Result<(), Failure> {
        let shared = &self.shared;
        let Ok(_turn) = shared.in_flight.acquire().await else { return Err(Failure::Broken(String::from("shutting down"))) };
        // a server that left one read without any answer is not asked by those that waited for their turn
        if shared.late.load(Ordering::Relaxed)
            && let Some(why) = self.silent()
        {
            return Err(Failure::Broken(why));
        }
        let time = self.call_time();
        if time.is_zero() {
            return Err(Failure::Broken(String::from("the run's time is over")));
        }
        self.count();
        let outcome = tokio::time::timeout(time, self.exchange(path, accept, body)).await.unwrap_or(Err(Failure::Late(time)));
        match &outcome {
            Ok(()) => shared.answered.store(true, Ordering::Relaxed),
            Err(Failure::Status { code, .. }) => {
                shared.answered.store(true, Ordering::Relaxed);
                if *code == 401 {
                    shared.unauthorized.store(true, Ordering::Relaxed);
                }
            }
            Err(failure @ (Failure::Late(_) | Failure::Cut(_) | Failure::Broken(_))) => {
                if matches!(failure, Failure::Late(_)) {
                    shared.late.store(true, Ordering::Relaxed);
                }
                let mut first = shared.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| failure.text());
            }
        }
        outcome
    }

    async fn exchange(&self, path: &str, accept: &str, answer: &mut dyn Answer) -> Result<(), Failure> {
        let request = http::Request::get(path).header(header::ACCEPT, accept).body(Body::empty());
        let request = request.map_err(|e| Failure::Broken(format!("cannot ask for {path}: {e}")))?;
        let response = self.shared.client.send(request).await.map_err(|e| failure_of(&e))?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|v: &header::HeaderValue| v.to_str().ok());
        let retry_after = header(header::RETRY_AFTER).and_then(|v| v.parse().ok()).map(Duration::from_secs);
        let is_protobuf = header(header::CONTENT_TYPE).is_some_and(|t| t.starts_with(wire::CONTENT_TYPE));
        if let Some(said) = header(header::DATE).and_then(|d| rfc2822::DateTimeParser::new().parse_timestamp(d).ok()) {
            self.shared.clock.get_or_init(|| said.duration_since(Timestamp::now()));
        }
        // The status line is an answer even when the body never ends.
        self.shared.answered.store(true, Ordering::Relaxed);
        if !status.is_success() {
            let body = response.into_body().collect_bytes().await.unwrap_or_default();
            return Err(Failure::Status { code: status.as_u16(), message: message_of(&body), retry_after });
        }
        answer.begin(is_protobuf);
        let mut body = response.into_body().into_data_stream();
        while let Some(bytes) = body.next().await {
            if answer.more(&bytes.map_err(|e| failure_of(&e))?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Lists are read in JSON: somebody wants it so, or protobuf was answered once that could not be read.
    pub fn reads_json(&self) -> bool {
        self.shared.json.load(Ordering::Relaxed)
    }

    /// From now on, reads lists in JSON. The answers are the same, and take longer.
    pub fn read_json(&self) {
        self.shared.json.store(true, Ordering::Relaxed);
    }
}

/// What to do about a server that cannot be reached for this reason.
fn way_out(why: &str, ca_is_a_leaf: bool) -> &'static str {
    if (why.contains("UnknownIssuer") || why.contains("CaUsedAsEndEntity")) && ca_is_a_leaf {
        return "the kubeconfig's certificate-authority is a server certificate, not a CA: put the CA that signed it there";
    }
    if why.contains("UnknownIssuer") {
        return "the kubeconfig's certificate-authority did not sign the server's certificate: fetch the kubeconfig again";
    }
    if why.contains("CaUsedAsEndEntity") {
        return "the server serves a CA certificate as its own, which no TLS client but Go's takes: give the server one that is not a CA";
    }
    if why.contains("not valid for name") {
        return "connect by a name that is in the server's certificate, or pass --tls-server-name NAME";
    }
    if why.contains("certificate") && why.to_lowercase().contains("expired") {
        return "renew the certificate that has run out, and check this machine's clock";
    }
    "check that the cluster is up, the address in the kubeconfig, VPN and proxy"
}

/// The message of a `metav1.Status`, or the beginning of whatever came.
fn message_of(body: &[u8]) -> String {
    if let Some(message) = wire::status_message(body) {
        return one_line(&message);
    }
    let status: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = status.as_ref().and_then(|s| s.get("message")).and_then(serde_json::Value::as_str);
    match message {
        Some(message) => one_line(message),
        None => one_line(&String::from_utf8_lossy(body.get(..body.len().min(1024)).unwrap_or_default())),
    }
}

/// What went wrong below HTTP.
pub(crate) fn failure_of(error: &kube::Error) -> Failure {
    if let kube::Error::Api(status) = error {
        return Failure::Status { code: status.code, message: one_line(&status.message), retry_after: None };
    }
    let text = chain(error);
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.downcast_ref::<std::io::Error>().is_some_and(|io| CUTS.contains(&io.kind())) {
            return Failure::Cut(text);
        }
        source = inner.source();
    }
    let is_cut = ["connection closed before", "IncompleteMessage", "unexpected EOF", "end of file before"]
        .iter()
        .any(|t| text.contains(t));
    if is_cut { Failure::Cut(text) } else { Failure::Broken(text) }
}

/// The innermost causes of an error, on one line: the outer ones only say that something failed.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(e) = next {
        texts.push(e.to_string());
        next = e.source();
    }
    // An outer text usually repeats the inner one.
    let mut told: Vec<String> = Vec::new();
    for text in texts.into_iter().rev() {
        if told.iter().all(|t| !text.contains(t.as_str())) || told.is_empty() {
            told.push(text);
        }
    }
    told.reverse();
    let skip = ["ServiceError: ", "HyperError: ", "client error (Connect)", "client error (SendRequest)", "auth error: "];
    let mut text = told.join(": ");
    for word in skip {
        text = text.replace(word, "");
    }
    one_line(text.trim_matches([':', ' ']))
}
