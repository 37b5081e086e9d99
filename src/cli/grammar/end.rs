//! One end of a question: an object, an address, a name, or one of a few fixed words.

use std::net::{IpAddr, Ipv6Addr};

use crate::model::{Destination, ObjectRef, PortRef, Source};

use super::kinds::{self, Kind};
use super::port;
use crate::cli::error::CliError;

/// An end as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    what: What,
    /// The namespace written with it.
    pub namespace: Option<String>,
    pub port: Option<PortRef>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Object(Kind, String),
    Ip(IpAddr),
    Name(String),
    Url(String),
    ApiServer,
    Internet,
    Dns,
}

/// What is wrong with an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndError {
    pub cause: String,
    pub next: String,
}

impl EndError {
    pub(super) fn new(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { cause: cause.into(), next: next.into() }
    }
}

/// Text of the user inside an error: escaped, and no longer than a line bears.
pub(super) fn quote(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", shown.escape_debug())
}

/// Reads the words before `to`.
pub(super) fn source(words: &[&str]) -> Result<End, EndError> {
    let end = match words {
        [word] => one_word(word, Side::Source),
        [kind, name] => object(kind, name),
        _ => Err(EndError::new("no words", "name a pod")),
    }?;
    if let Some(port) = &end.port {
        return Err(EndError::new(
            format!("a source has no port, and \":{port}\" was written behind it"),
            "write the port behind the destination",
        ));
    }
    match &end.what {
        What::Object(Kind::Service, name) => Err(EndError::new(
            format!("Service {} sends no traffic: the pods behind it do", quote(name)),
            "name a pod or a workload, as in: pod client, or deploy/client",
        )),
        What::Object(kind, name) if !kind.has_pods() => Err(EndError::new(
            format!("{} {} sends no traffic: the pods of its controller do", kind.singular(), quote(name)),
            "name a pod or a workload, as in: pod client, or deploy/client",
        )),
        What::Object(..) => Ok(end),
        What::Ip(_) | What::Name(_) | What::Url(_) | What::ApiServer | What::Internet | What::Dns => Err(EndError::new(
            format!("{} is no place netcheck can start from", quote(words.join(" ").trim())),
            "traffic starts in a pod, a workload or a node",
        )),
    }
}

/// The words before `to`, where they name a place outside the cluster: `internet` or an address.
pub(super) fn outside(words: &[&str]) -> Option<Source> {
    match words {
        ["internet"] => Some(Source::Outside(None)),
        [word] => word.parse().ok().map(|ip| Source::Outside(Some(ip))),
        _ => None,
    }
}

/// Reads the words after `to`.
pub(super) fn destination(words: &[&str]) -> Result<End, EndError> {
    match words {
        [word] => one_word(word, Side::Destination),
        // as kubectl port-forward takes it
        [word, ports] if is_ports(ports) && Kind::read(word).is_none() => {
            let port = ports.rsplit(':').next().unwrap_or_default();
            Err(EndError::new(format!("{} stands apart from its destination", quote(ports)), format!("write {word}:{port}")))
        }
        [kind, name] => object(kind, name),
        _ => Err(EndError::new("no words", "name a Service, a pod, a name or an address")),
    }
}

/// `80` or `8080:80`.
fn is_ports(word: &str) -> bool {
    word.split(':').count() <= 2 && word.split(':').all(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
}

fn one_word(word: &str, side: Side) -> Result<End, EndError> {
    if word.contains("://") {
        return url(word);
    }
    if let Some((ip, port)) = address(word)? {
        return Ok(End { what: What::Ip(ip), namespace: None, port });
    }
    if word.contains('/') {
        return slashed(word);
    }
    let (name, port) = cut_port(word)?;
    if let Some(kind) = Kind::read(name) {
        return Err(EndError::new(
            format!("{} is a kind without a name", quote(name)),
            format!("write {name}/NAME, or {}/{name} for one of that name", kind.singular()),
        ));
    }
    let fixed = match name {
        "apiserver" => Some(What::ApiServer),
        "internet" => Some(What::Internet),
        "dns" => Some(What::Dns),
        _ => None,
    };
    match (fixed, side) {
        (Some(what), Side::Destination) => Ok(End { what, namespace: None, port }),
        (None, Side::Destination) => {
            // no top-level domain is a number (RFC 3696, section 2)
            if name.split('.').count() == 4
                && name.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
            {
                return Err(EndError::new(format!("{} is no address", quote(name)), "its four numbers go from 0 to 255"));
            }
            dns_name(name)?;
            Ok(End { what: What::Name(name.to_owned()), namespace: None, port })
        }
        (_, Side::Source) => {
            object_name(name)?;
            Ok(End { what: What::Object(Kind::Pod, name.to_owned()), namespace: None, port })
        }
    }
}

/// `KIND/NAME`, `KIND/NAMESPACE/NAME` and `NAMESPACE/POD`.
fn slashed(word: &str) -> Result<End, EndError> {
    let parts: Vec<&str> = word.split('/').collect();
    match parts.as_slice() {
        [kind, _] if Kind::read(kind).is_some() || kinds::refused(kind).is_some() => {
            object(kind, word.split_once('/').map_or("", |(_, name)| name))
        }
        [kind, namespace, name] if !kind.is_empty() => object(kind, &format!("{namespace}/{name}")),
        [first, rest] => match kinds::swapped(first) {
            Some(near) => Err(unknown_kind(first, Some(near))),
            None if range_head(first) => Err(not_a_range(word)),
            None => object("pod", &format!("{first}/{rest}")),
        },
        _ => Err(EndError::new(format!("cannot read {}", quote(word)), "write TYPE/NAME, TYPE/NAMESPACE/NAME or NAMESPACE/POD")),
    }
}

fn range_head(first: &str) -> bool {
    first.parse::<IpAddr>().is_ok()
}

fn not_a_range(word: &str) -> EndError {
    EndError::new(format!("{} is a range of addresses", quote(word)), "name one address")
}

/// A kind in one word and `NAME[:PORT]` or `NAMESPACE/NAME[:PORT]` in the next.
fn object(kind: &str, rest: &str) -> Result<End, EndError> {
    if let Some((why, next)) = kinds::refused(kind) {
        return Err(EndError::new(format!("{why} ({})", quote(kind)), next));
    }
    let Some(known) = Kind::read(kind) else {
        return Err(unknown_kind(kind, kinds::nearest(kind)));
    };
    let (path, port) = cut_port(rest)?;
    let (namespace, name) = match path.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, path),
    };
    object_name(name)?;
    if known == Kind::Service {
        service_name(namespace, name)?;
    }
    if let Some(namespace) = namespace {
        object_name(namespace)?;
        if known == Kind::Node {
            return Err(EndError::new("a node belongs to no namespace", format!("write node/{name}")));
        }
    }
    Ok(End { what: What::Object(known, name.to_owned()), namespace: namespace.map(str::to_owned), port })
}

/// A Service is named by a DNS label that begins with a letter (`ValidateServiceName`, pkg/apis/core/validation, v1.34): a dot is that
/// of a DNS name, and a number the port.
fn service_name(namespace: Option<&str>, name: &str) -> Result<(), EndError> {
    if let (Some(service), true) = (namespace, name.bytes().all(|b| b.is_ascii_digit())) {
        return Err(EndError::new(
            format!("{} cannot be the name of a Service", quote(name)),
            format!("write svc/{service}:{name}"),
        ));
    }
    if let Some((service, rest)) = name.split_once('.') {
        let of = rest.split('.').next().unwrap_or_default();
        let next = format!("write svc/{of}/{service}, or {name} without a kind for the DNS name");
        return Err(EndError::new(format!("{} cannot be the name of a Service: it has a dot", quote(name)), next));
    }
    Ok(())
}

const KINDS: &str = "kinds: pod, svc, ingress, gateway, httproute, grpcroute, deploy, sts, ds, rs, job, cronjob, node";

fn unknown_kind(kind: &str, near: Option<&str>) -> EndError {
    match near {
        Some(near) => EndError::new(format!("unknown kind {}: did you mean \"{near}\"?", quote(kind)), KINDS),
        None => EndError::new(format!("unknown kind {}", quote(kind)), KINDS),
    }
}

/// Cuts `:PORT` off the end of a name.
fn cut_port(word: &str) -> Result<(&str, Option<PortRef>), EndError> {
    match word.rsplit_once(':') {
        Some((name, port)) => Ok((name, Some(port::read(port)?))),
        None => Ok((word, None)),
    }
}

/// `10.0.0.1`, `10.0.0.1:80`, `fd00::1`, `[fd00::1]`, `[fd00::1]:80`. `None` when the word is no address at all.
fn address(word: &str) -> Result<Option<(IpAddr, Option<PortRef>)>, EndError> {
    if let Ok(ip) = word.parse::<IpAddr>() {
        return Ok(Some((ip, None)));
    }
    if let Some(rest) = word.strip_prefix('[') {
        let bad = || EndError::new(format!("{} is no IPv6 address", quote(word)), "write it as [fd00::1]:80");
        let (inside, after) = rest.split_once(']').ok_or_else(bad)?;
        if inside.contains('%') {
            return Err(EndError::new(
                format!("{} names an interface of one machine", quote(word)),
                "write the address without %, and not a link-local one",
            ));
        }
        // IPv6 only: `[10.0.0.1]` means nothing to any client (RFC 3986, section 3.2.2).
        let ip = inside.parse::<Ipv6Addr>().ok().ok_or_else(bad)?;
        let port = match after {
            "" => None,
            _ => Some(port::read(after.strip_prefix(':').ok_or_else(bad)?)?),
        };
        return Ok(Some((IpAddr::V6(ip), port)));
    }
    if let Some((head, port)) = word.rsplit_once(':')
        && let Ok(ip @ IpAddr::V4(_)) = head.parse::<IpAddr>()
    {
        return Ok(Some((ip, Some(port::read(port)?))));
    }
    Ok(None)
}

fn url(word: &str) -> Result<End, EndError> {
    let bad =
        |why: &str| EndError::new(format!("{} is no URL netcheck can ask: {why}", quote(word)), "write http://HOST[:PORT]/PATH");
    let uri: http::Uri = match word.parse() {
        Ok(uri) => uri,
        Err(_) => return Err(bad("it does not parse")),
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(bad("only http and https are known"));
    }
    let Some(authority) = uri.authority() else {
        return Err(bad("it has no host"));
    };
    if authority.as_str().contains('@') {
        // A report is shared with others: a password must not get into it.
        return Err(EndError::new(
            "a URL with a user name or a password is not taken",
            "leave it out: netcheck sends no credentials",
        ));
    }
    if authority.host().is_empty() || authority.port().is_some_and(|_| authority.port_u16().is_none_or(|p| p == 0)) {
        return Err(bad("host or port is missing"));
    }
    Ok(End { what: What::Url(word.to_owned()), namespace: None, port: None })
}

/// A DNS-1123 subdomain, as the API server demands of names.
fn object_name(name: &str) -> Result<(), EndError> {
    let fits = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().last().is_some_and(|b| b.is_ascii_alphanumeric());
    if fits {
        return Ok(());
    }
    if name.is_empty() {
        return Err(EndError::new("a name is missing", "write TYPE/NAME"));
    }
    Err(EndError::new(
        format!("{} cannot be the name of an object", quote(name)),
        "names have lower-case letters, digits, '-' and '.'",
    ))
}

/// A name for DNS: letters, digits, `-`, `_` and dots, each label at most 63 octets (RFC 1035, section 2.3.4).
fn dns_name(name: &str) -> Result<(), EndError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if bare.len() <= 253 && bare.split('.').all(label_fits) {
        return Ok(());
    }
    Err(EndError::new(
        format!("{} is no DNS name", quote(name)),
        "write a name (web.shop), an address, TYPE/NAME, a URL, apiserver, internet or dns",
    ))
}

impl End {
    pub(super) fn is_url(&self) -> bool {
        matches!(self.what, What::Url(_))
    }

    /// The request's source. `namespace` holds for a name without one.
    pub(super) fn into_source(self, namespace: &str) -> Result<Source, CliError> {
        match self.what {
            What::Object(Kind::Node, name) => Ok(Source::Node(name)),
            What::Object(kind, name) => {
                Ok(Source::Object(ObjectRef::new(kind.singular(), self.namespace.as_deref().unwrap_or(namespace), &name)))
            }
            What::Ip(_) | What::Name(_) | What::Url(_) | What::ApiServer | What::Internet | What::Dns => {
                Err(CliError::new("source: not an object", "traffic starts in a pod, a workload or a node"))
            }
        }
    }

    pub(super) fn into_destination(self, namespace: &str) -> Destination {
        match self.what {
            What::Object(Kind::Node, name) => Destination::Node(name),
            What::Object(kind, name) => {
                Destination::Object(ObjectRef::new(kind.singular(), self.namespace.as_deref().unwrap_or(namespace), &name))
            }
            What::Ip(ip) => Destination::Ip(ip),
            What::Name(name) => Destination::Name(name),
            What::Url(url) => Destination::Url(url),
            What::ApiServer => Destination::ApiServer,
            What::Internet => Destination::Internet,
            What::Dns => Destination::Dns,
        }
    }
}
