//! What a server's certificate is worth to a client that checks it: shared by the findings of routes and of URLs.

use crate::probe::{Certificate, HttpOutcome};

/// The certificate a server showed, when the connection got as far as that.
pub(super) fn of(outcome: &HttpOutcome) -> Option<&Certificate> {
    match outcome {
        HttpOutcome::Response { certificate, .. } | HttpOutcome::Failed { certificate, .. } => certificate.as_ref(),
        HttpOutcome::Unknown => None,
    }
}

/// Whose it is: the names clients compare with, else its subject.
pub(super) fn names(certificate: &Certificate) -> String {
    if certificate.names.is_empty() { certificate.subject.clone() } else { certificate.names.join(", ") }
}

/// Why a client that asked for `host` refuses the certificate of `server`; `None` when it does not, as far as name and dates go.
pub(super) fn complaint(server: &str, host: &str, certificate: &Certificate) -> Option<String> {
    if !certificate.matches_name {
        return Some(format!("{server} serves a certificate that is not for {host}: it is for {}.", names(certificate)));
    }
    (!certificate.in_date).then(|| format!("{server} serves a certificate for {host} that is not valid at this time."))
}

/// Its issuer is itself: clients trust it only where it was given to them.
pub(super) fn is_self_signed(certificate: &Certificate) -> bool {
    certificate.issuer == certificate.subject
}

/// The day of a Unix time, in UTC: `2026-02-01`.
pub(super) fn day(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).map(|t| t.to_string()).unwrap_or_default();
    time.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(super) mod testing {
    use crate::probe::{Certificate, HttpOutcome, Phases, ProbeOutcome, ProbeSpec};

    /// An HTTPS request for `host` is answered with a certificate for `names`.
    pub(crate) fn served(spec: &ProbeSpec, host: &str, names: &[&str], in_date: bool, issuer: &str) -> Option<ProbeOutcome> {
        let ProbeSpec::Http(http) = spec else { return None };
        let certificate = Certificate {
            subject: "CN=x".into(),
            issuer: issuer.into(),
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            not_before: 1_767_225_600,
            not_after: 1_769_904_000,
            matches_name: names.contains(&host),
            in_date,
        };
        http.url.starts_with("https://").then(|| {
            ProbeOutcome::Http(HttpOutcome::Response {
                status: 200,
                version: "HTTP/2".into(),
                location: None,
                server: None,
                body_start: String::new(),
                body_bytes: 0,
                phases: Phases::default(),
                certificate: Some(certificate),
            })
        })
    }
}
