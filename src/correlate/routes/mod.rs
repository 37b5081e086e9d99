//! Causes at an Ingress or a Gateway that a request shows (`NC7xxx`).

mod address_fails;
mod certificate;
mod host_elsewhere;
mod not_served;
pub(super) mod path;
pub mod view;

pub use address_fails::RouteAddressFails;
pub use certificate::RouteCertificate;
pub use host_elsewhere::HostResolvesElsewhere;
pub use not_served::RouteNotServed;

use crate::finding::Weight;
use crate::model::ObjectRef;
use crate::plan::routes;

use super::{Correlation, Gap};

/// The objects already explain why this route does not work.
fn explained(cx: &Correlation<'_>) -> bool {
    cx.findings.iter().any(|f| f.weight == Weight::Cause)
}

/// Secrets of certificates are named, and never read.
pub(super) fn unread_secrets(cx: &Correlation<'_>) -> Option<Gap> {
    let route = routes::of(cx.question)?;
    let mut names: Vec<String> = routes::secrets(route, cx.cluster).iter().map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    let why = "netcheck never reads Secrets: the certificate that is served is looked at instead".to_owned();
    (!names.is_empty()).then(|| Gap { what: format!("{} of {route}", names.join(", ")), why })
}

/// How to read what the route's controller says.
fn log_of(route: &ObjectRef, cx: &Correlation<'_>) -> String {
    routes::controllers(route, cx.cluster).first().map_or_else(
        || format!("read the log of the controller that serves {route}"),
        |w| format!("kubectl -n {} logs {}/{} --tail=100", w.namespace, w.kind, w.name),
    )
}

#[cfg(test)]
pub(super) mod testing {
    use crate::model::testing::ip;
    use crate::probe::{HttpOutcome, Phases, ProbeOutcome, ProbeSpec};

    /// A request to an address is answered with a status.
    pub(super) fn answers(spec: &ProbeSpec, at: &str, status: u16) -> Option<ProbeOutcome> {
        let ProbeSpec::Http(http) = spec else { return None };
        let response = HttpOutcome::Response {
            status,
            version: "HTTP/1.1".into(),
            location: None,
            server: Some("nginx".into()),
            body_start: String::new(),
            body_bytes: 0,
            phases: Phases { total_us: 900, ..Phases::default() },
            certificate: None,
        };
        (http.ip == Some(ip(at))).then_some(ProbeOutcome::Http(response))
    }

    /// A request to an address fails before there is a connection.
    pub(super) fn fails(spec: &ProbeSpec, at: &str) -> Option<ProbeOutcome> {
        let ProbeSpec::Http(http) = spec else { return None };
        let failed = HttpOutcome::Failed {
            phase: "connect".into(),
            error: "timed out".into(),
            phases: Phases::default(),
            certificate: None,
        };
        (http.ip == Some(ip(at))).then_some(ProbeOutcome::Http(failed))
    }
}
