//! Acts on [`crate::probe::HttpSpec`].
//!
//! Two connections: the first finds out how long each phase takes, where it fails and what certificate there is; the
//! second carries the request. reqwest does not tell the phases of its own connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tower::util::MapResponseLayer;

use super::tls::{Recorder, server_name};
use super::{micros, resolve};
use crate::agent::socket::{connect, errno_name};
use crate::probe::{Certificate, HttpOutcome, HttpSpec, Phases, ProbeOutcome, ResolveSpec};

/// Most bytes of a body that are kept.
const KEPT: usize = 4096;

/// Most bytes of a body that are read. Far more than one packet, so a path that loses large packets still shows.
const READ: u64 = 1 << 20;

pub(super) async fn run(spec: &HttpSpec) -> ProbeOutcome {
    let url = match Url::parse(&spec.url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        Ok(_) => return ProbeOutcome::NotRun { why: String::from("not an HTTP URL") },
        Err(error) => return ProbeOutcome::NotRun { why: format!("not a URL: {error}") },
    };
    let end = Instant::now() + Duration::from_millis(spec.timeout_ms);
    let mut request = Request { url, end, phases: Phases::default(), certificate: None };
    ProbeOutcome::Http(match request.run(spec.ip).await {
        Ok(outcome) => outcome,
        Err(Failed { phase, error }) => HttpOutcome::Failed {
            phase: phase.to_owned(),
            error,
            phases: Phases { total_us: request.phases.total(), ..request.phases },
            certificate: request.certificate,
        },
    })
}

struct Failed {
    phase: &'static str,
    error: String,
}

struct Request {
    url: Url,
    end: Instant,
    phases: Phases,
    certificate: Option<Certificate>,
}

trait Total {
    fn total(&self) -> u64;
}

impl Total for Phases {
    /// The phases as if they had been of one connection.
    fn total(&self) -> u64 {
        self.dns_us + self.connect_us + self.tls_us + self.first_byte_us
    }
}

impl Request {
    async fn run(&mut self, ip: Option<IpAddr>) -> Result<HttpOutcome, Failed> {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let ip = match ip.or_else(|| host.parse().ok()) {
            Some(ip) => ip,
            None => self.resolve(&host).await?,
        };
        let to = SocketAddr::from((ip, self.url.port_or_known_default().unwrap_or(80)));
        let recorder = Arc::new(Recorder::default());
        let config = recorder.config().map_err(|error| Failed { phase: "tls", error: error.to_string() })?;
        self.open(to, &host, &recorder, &config).await?;
        self.exchange(to, config).await
    }

    async fn resolve(&mut self, host: &str) -> Result<IpAddr, Failed> {
        let started = Instant::now();
        let left = self.end.saturating_duration_since(started);
        let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let outcome = resolve::run(&ResolveSpec { name: host.to_owned(), timeout_ms }).await;
        self.phases.dns_us = micros(started.elapsed());
        // IPv4 first where there are both: sorted as text, an IPv6 address may stand before it
        let addresses: Vec<IpAddr> = outcome.addresses.iter().filter_map(|text| text.parse().ok()).collect();
        let chosen = addresses.iter().find(|ip| ip.is_ipv4()).or(addresses.first()).copied();
        chosen.ok_or_else(|| Failed { phase: "dns", error: outcome.error.unwrap_or_else(|| String::from("no addresses")) })
    }

    /// Opens the first connection and, for HTTPS, speaks TLS on it.
    async fn open(
        &mut self,
        to: SocketAddr,
        host: &str,
        recorder: &Recorder,
        config: &rustls::ClientConfig,
    ) -> Result<(), Failed> {
        let connection = match timeout_at(self.end.into(), connect(to)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(failed)) => return Err(Failed { phase: "connect", error: errno_name(&failed.error) }),
            Err(_) => return Err(Failed { phase: "connect", error: String::from("timed out") }),
        };
        self.phases.connect_us = micros(connection.after);
        if self.url.scheme() != "https" {
            return Ok(());
        }
        let Some(name) = server_name(host) else {
            return Err(Failed { phase: "tls", error: format!("{host:?} cannot be the name of a server") });
        };
        let started = Instant::now();
        let connector = TlsConnector::from(Arc::new(config.clone()));
        let shaken = timeout_at(self.end.into(), connector.connect(name, connection.stream)).await;
        self.phases.tls_us = micros(started.elapsed());
        self.certificate = recorder.seen();
        match shaken {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failed { phase: "tls", error: error.to_string() }),
            Err(_) => Err(Failed { phase: "tls", error: String::from("timed out") }),
        }
    }

    /// Sends the request on a connection of its own.
    async fn exchange(&mut self, to: SocketAddr, config: rustls::ClientConfig) -> Result<HttpOutcome, Failed> {
        let failed = |phase| move |error: reqwest::Error| Failed { phase, error: causes(&error) };
        let connected = Arc::new(OnceLock::new());
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .dns_resolver(Fixed(to))
            .connector_layer(MapResponseLayer::new(stamp(Arc::clone(&connected))))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .user_agent(concat!("netcheck-agent/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(failed("request"))?;
        let mut url = self.url.clone();
        let mut request = client.get(url.clone());
        // An address in the URL is connected to as it is; to go elsewhere, only the Host header keeps it.
        if url.host_str().is_some_and(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()) {
            let host = url.host_str().unwrap_or_default().to_owned();
            let host = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
            if url.set_ip_host(to.ip()).is_ok() {
                request = client.get(url).header("host", host);
            }
        }
        let started = Instant::now();
        let answered = timeout_at(self.end.into(), request.send()).await;
        let sent = connected.get().copied().unwrap_or(started);
        self.phases.first_byte_us = micros(sent.elapsed());
        let mut response = match answered {
            Ok(answered) => answered.map_err(failed("request"))?,
            Err(_) => return Err(Failed { phase: "request", error: String::from("timed out") }),
        };
        let before_body = Instant::now();
        let (mut body, mut body_bytes) = (Vec::new(), 0);
        while body_bytes < READ {
            let chunk = match timeout_at(self.end.into(), response.chunk()).await {
                Ok(chunk) => chunk.map_err(failed("body"))?,
                Err(_) => return Err(Failed { phase: "body", error: format!("timed out after {body_bytes} bytes") }),
            };
            let Some(chunk) = chunk else { break };
            body_bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            body.extend(chunk.iter().take(KEPT - body.len()));
        }
        self.phases.total_us = self.phases.total() + micros(before_body.elapsed());
        let header = |name| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(HttpOutcome::Response {
            status: response.status().as_u16(),
            version: format!("{:?}", response.version()),
            location: header("location"),
            server: header("server"),
            body_start: String::from_utf8_lossy(&body).into_owned(),
            body_bytes,
            phases: self.phases,
            certificate: self.certificate.take(),
        })
    }
}

/// Notes when the connection of the request was ready.
fn stamp<C>(when: Arc<OnceLock<Instant>>) -> impl Fn(C) -> C + Clone {
    move |connection| {
        when.get_or_init(Instant::now);
        connection
    }
}

/// Stands where reqwest would call getaddrinfo(3): the address has been chosen.
struct Fixed(SocketAddr);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let address: Addrs = Box::new(std::iter::once(self.0));
        Box::pin(std::future::ready(Ok(address)))
    }
}

/// The error with what caused it; reqwest's own words name only the request.
fn causes(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
