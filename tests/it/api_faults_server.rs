//! A small API server on the loopback that misbehaves as told.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use netcheck::discover::{ConnectOptions, Discovery, Live, Notices, Reader, connect};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub(crate) type Socket = WebSocketStream<BufReader<TcpStream>>;
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the server does with one request.
pub(crate) enum Reply {
    /// A whole answer: status, `Retry-After`, body.
    Whole(u16, Option<u32>, String),
    /// A whole answer in protobuf.
    Protobuf(u16, Vec<u8>),
    /// An answer after a while.
    Late(Duration, String),
    /// Takes the request and never answers.
    Never,
    /// Announces more than it sends, then closes.
    Cut(String),
    /// Announces more than it sends, then resets the connection.
    Reset(String),
    /// Becomes a WebSocket, as exec does.
    Exec(Box<dyn FnOnce(Socket) -> Work + Send>),
    /// Lines of a watch, one by one, then silence.
    Watch(Vec<String>),
}

impl Reply {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self::Whole(200, None, body.into())
    }

    /// A `metav1.Status`.
    pub(crate) fn status(code: u16, message: &str) -> Self {
        let body =
            serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message});
        Self::Whole(code, None, body.to_string())
    }

    pub(crate) fn exec<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(Socket) -> F + Send + 'static) -> Self {
        Self::Exec(Box::new(move |socket| Box::pin(work(socket))))
    }
}

/// One request: method, path with query, the content types that are welcome, and how many times the same was asked before.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) accept: &'a str,
    pub(crate) before: usize,
}

type Handler = dyn Fn(&Asked<'_>) -> Reply + Send + Sync;

struct State {
    handler: Box<Handler>,
    seen: Mutex<BTreeMap<String, usize>>,
    busy: AtomicUsize,
    most_busy: AtomicUsize,
}

pub(crate) struct ApiServer {
    pub(crate) url: String,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
    place: TempDir,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ApiServer {
    pub(crate) async fn start(handler: impl Fn(&Asked<'_>) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            handler: Box::new(handler),
            seen: Mutex::default(),
            busy: AtomicUsize::new(0),
            most_busy: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state, task, place: tempfile::tempdir().unwrap() }
    }

    /// A server that only shows its certificate.
    pub(crate) async fn start_tls(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let state = Arc::new(State {
            handler: Box::new(|_| Reply::ok("{}")),
            seen: Mutex::default(),
            busy: AtomicUsize::new(0),
            most_busy: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        drop(answer_plain(BufReader::new(stream), &shared).await);
                    }
                });
            }
        });
        Self { url, state, task, place: tempfile::tempdir().unwrap() }
    }

    /// How often something was asked: method and path with query.
    pub(crate) fn asked(&self, request: &str) -> usize {
        self.state.seen.lock().unwrap().get(request).copied().unwrap_or(0)
    }

    /// Most requests that were open at the same time.
    pub(crate) fn most_busy(&self) -> usize {
        self.state.most_busy.load(Ordering::SeqCst)
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        // It says nothing, so that the machine's own is not read.
        let kubeconfig = self.place.path().join("config");
        std::fs::write(&kubeconfig, "apiVersion: v1\nkind: Config\n").unwrap();
        ConnectOptions {
            kubeconfig: Some(kubeconfig),
            server: Some(self.url.clone()),
            namespace: Some(String::from("shop")),
            request_timeout: Some(Duration::from_millis(300)),
            ..ConnectOptions::default()
        }
    }

    pub(crate) async fn live(&self) -> Live {
        connect(&self.options(), Notices::default()).await.unwrap()
    }

    pub(crate) async fn discovery(&self) -> Discovery {
        Discovery::new(Reader::Live(self.live().await))
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    // A failed write only means that the client has gone.
    while let Ok(Some(request)) = read_request(&mut stream).await {
        let reply = reply_to(&state, &request);
        let busy = state.busy.fetch_add(1, Ordering::SeqCst) + 1;
        state.most_busy.fetch_max(busy, Ordering::SeqCst);
        let outcome = act(&mut stream, reply, &request.key).await;
        state.busy.fetch_sub(1, Ordering::SeqCst);
        match outcome {
            Ok(None) => {}
            Ok(Some(work)) => return work(WebSocketStream::from_raw_socket(stream, Role::Server, None).await).await,
            Err(_) => return,
        }
    }
}

async fn answer_plain<S: AsyncRead + AsyncWrite + Unpin>(mut stream: BufReader<S>, state: &State) -> io::Result<()> {
    while let Some(request) = read_request(&mut stream).await? {
        if let Reply::Whole(status, _, body) = reply_to(state, &request) {
            write_whole(&mut stream, status, None, &body).await?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Request {
    method: String,
    path: String,
    accept: String,
    /// Of a WebSocket.
    key: String,
}

fn reply_to(state: &State, request: &Request) -> Reply {
    let Request { method, path, accept, .. } = request;
    let before = {
        let mut seen = state.seen.lock().unwrap();
        let count = seen.entry(format!("{method} {path}")).or_default();
        *count += 1;
        *count - 1
    };
    (state.handler)(&Asked { method, path, accept, before })
}

type Upgrade = Box<dyn FnOnce(Socket) -> Work + Send>;

async fn act(stream: &mut BufReader<TcpStream>, reply: Reply, key: &str) -> io::Result<Option<Upgrade>> {
    let closed = || io::Error::from(io::ErrorKind::ConnectionAborted);
    match reply {
        Reply::Whole(status, retry_after, body) => write_whole(stream, status, retry_after, &body).await?,
        Reply::Protobuf(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/vnd.kubernetes.protobuf\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), &body].concat()).await?;
            stream.flush().await?;
        }
        Reply::Late(after, body) => {
            tokio::time::sleep(after).await;
            write_whole(stream, 200, None, &body).await?;
        }
        Reply::Never => std::future::pending().await,
        Reply::Cut(part) => {
            write_part(stream, &part).await?;
            return Err(closed());
        }
        Reply::Reset(part) => {
            write_part(stream, &part).await?;
            // so that the part is read before the reset throws it away
            tokio::time::sleep(Duration::from_millis(20)).await;
            stream.get_ref().set_zero_linger()?;
            return Err(closed());
        }
        Reply::Watch(lines) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            for line in lines {
                stream.write_all(format!("{:x}\r\n{line}\n\r\n", line.len() + 1).as_bytes()).await?;
                stream.flush().await?;
            }
            std::future::pending::<()>().await;
        }
        Reply::Exec(work) => {
            let accept = derive_accept_key(key.as_bytes());
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\
                 Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            stream.flush().await?;
            return Ok(Some(work));
        }
    }
    Ok(None)
}

async fn write_whole<S: AsyncWrite + Unpin>(stream: &mut S, status: u16, retry_after: Option<u32>, body: &str) -> io::Result<()> {
    let wait = retry_after.map(|s| format!("Retry-After: {s}\r\n")).unwrap_or_default();
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let head = format!(
        "HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Type: application/json\r\n{wait}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.flush().await
}

async fn write_part<S: AsyncWrite + Unpin>(stream: &mut S, part: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", part.len() + 100);
    stream.write_all(format!("{head}{part}").as_bytes()).await?;
    stream.flush().await
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<Option<Request>> {
    let mut first = String::new();
    if stream.read_line(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let mut request =
        Request { method: words.next().unwrap_or_default(), path: words.next().unwrap_or_default(), ..Request::default() };
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "sec-websocket-key" => value.trim().clone_into(&mut request.key),
            "accept" => value.trim().clone_into(&mut request.accept),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(request))
}
