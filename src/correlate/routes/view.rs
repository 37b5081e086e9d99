//! What came of the requests to a route, beside the same requests to the Services behind it.

use std::net::{IpAddr, SocketAddr};

use crate::correlate::Correlation;
use crate::correlate::view::{Reach, micros};
use crate::plan::routes::{self, Door, Entry};
use crate::probe::{HttpOutcome, HttpSpec, ProbeOutcome, ProbeSpec};

/// One request at one door.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub entry: Entry,
    pub door: Door,
    pub ip: IpAddr,
    pub url: String,
    pub via: &'a HttpOutcome,
    /// The same request past the controller; `None` when it was not tried.
    pub direct: Option<&'a HttpOutcome>,
    /// The entry's Service has the entry's port, so there is something to ask past the controller.
    pub has_service: bool,
}

/// Whether a request reached the application that the entry names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    Yes,
    No,
    /// An answer that the controller and the application may both have given.
    Unknown,
}

/// The requests that decide: at published addresses where there are some, else at the controller's own.
pub fn decisive<'a>(cx: &Correlation<'a>) -> Vec<Request<'a>> {
    asked(cx, routes::steps::decisive(cx.question, cx.cluster, cx.measured))
}

/// Requests at the controller's own address inside the cluster, where a published one decides.
pub fn control<'a>(cx: &Correlation<'a>) -> Vec<Request<'a>> {
    let all = routes::steps::tried(cx.question, cx.cluster, cx.measured);
    let published = all.iter().any(|(_, door, _)| door.published);
    asked(cx, all.into_iter().filter(|(_, door, _)| published && !door.published).collect())
}

/// How each entry was reached: by a request, and where that is not spoken by a connection.
pub fn reaches(cx: &Correlation<'_>) -> Vec<(String, Reach)> {
    let port = cx.question.port;
    let mut all: Vec<(String, Reach)> =
        decisive(cx).iter().map(|r| (format!("{} at {}", r.entry.words(), r.at(port)), r.reach())).collect();
    for (entry, _, ip) in routes::steps::decisive(cx.question, cx.cluster, cx.measured) {
        if !entry.is_http {
            let at = SocketAddr::new(ip, port.unwrap_or(entry.listener));
            all.push((format!("{} at {at}", entry.words()), cx.reach(ip, at.port())));
        }
    }
    all.retain(|(_, r)| r.measured());
    all.dedup();
    all
}

fn asked<'a>(cx: &Correlation<'a>, all: Vec<(Entry, Door, IpAddr)>) -> Vec<Request<'a>> {
    let mut found = Vec::new();
    for (entry, door, ip) in all.into_iter().filter(|(entry, ..)| entry.is_http) {
        let spec = entry.via(ip, cx.question.port);
        let Some(via) = outcome(cx, &spec) else { continue };
        let past = entry.direct(cx.cluster);
        let has_service = past.is_some();
        let direct = past.and_then(|spec| outcome(cx, &spec));
        found.push(Request { url: spec.url, entry, door, ip, via, direct, has_service });
    }
    found
}

fn outcome<'a>(cx: &Correlation<'a>, wanted: &HttpSpec) -> Option<&'a HttpOutcome> {
    cx.measured.iter().filter(|m| Some(&m.from) == cx.question.from.as_ref()).find_map(|m| match (&m.spec, &m.outcome) {
        (ProbeSpec::Http(spec), ProbeOutcome::Http(outcome)) if spec == wanted => Some(outcome),
        _ => None,
    })
}

/// The status code of an answer.
pub fn status(outcome: &HttpOutcome) -> Option<u16> {
    match outcome {
        HttpOutcome::Response { status, .. } => Some(*status),
        HttpOutcome::Failed { .. } | HttpOutcome::Unknown => None,
    }
}

/// An answer in words: `answered 503 in 2.1 ms`.
pub fn words(outcome: &HttpOutcome) -> String {
    match outcome {
        HttpOutcome::Response { status, phases, .. } => format!("answered {status} in {}", micros(phases.total_us)),
        HttpOutcome::Failed { phase, error, .. } => format!("failed at {phase}: {error}"),
        HttpOutcome::Unknown => "an answer this version does not know".to_owned(),
    }
}

impl Request<'_> {
    /// Codes that a controller gives by itself are told from the application's by asking that directly: 404 where it has no such
    /// route, 502 to 504 where it cannot reach the Service (RFC 9110, sections 15.5.5 and 15.6.3 to 15.6.5), and from a Gateway 500 where
    /// the Service or port does not exist or may not be referred to (`HTTPRouteRule.backendRefs`, Gateway API v1).
    pub fn served(&self) -> Served {
        let Some(via) = status(self.via) else {
            return if matches!(self.via, HttpOutcome::Unknown) { Served::Unknown } else { Served::No };
        };
        let is_own = matches!(via, 404 | 502..=504) || (via == 500 && self.entry.on.kind == "gateway");
        if !is_own {
            return Served::Yes;
        }
        match self.direct.and_then(status) {
            Some(direct) if direct == via => Served::Yes,
            None if via == 404 || (via == 500 && self.has_service) => Served::Unknown,
            Some(_) | None => Served::No,
        }
    }

    /// The address that was connected to.
    pub fn at(&self, port: Option<u16>) -> SocketAddr {
        SocketAddr::new(self.ip, port.unwrap_or(self.entry.listener))
    }

    pub fn reach(&self) -> Reach {
        match self.served() {
            Served::Yes => Reach { tries: 1, successes: 1, ..Reach::default() },
            Served::No => Reach { tries: 1, failure: Some(words(self.via)), ..Reach::default() },
            Served::Unknown => Reach::default(),
        }
    }
}
