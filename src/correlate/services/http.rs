//! The request of a URL question, and what the port it went to said.

use crate::correlate::routes::view;
use crate::correlate::{Correlation, Gap, certificate, summary};
use crate::model::{Destination, Subject};
use crate::probe::{HttpOutcome, HttpSpec, ProbeOutcome, ProbeSpec};
use crate::report::diagnosis::HopPart;

/// The request that the source made, with its outcome when it was made. `None` when the question is no URL.
pub(in crate::correlate) fn asked<'a>(cx: &Correlation<'a>) -> Option<(&'a HttpSpec, Option<&'a HttpOutcome>)> {
    let Destination::Url(url) = &cx.question.request.destination else { return None };
    cx.answers().find_map(|(spec, outcome)| match (spec, outcome) {
        (ProbeSpec::Http(spec), ProbeOutcome::Http(outcome)) if spec.url == *url => Some((spec, Some(outcome))),
        (ProbeSpec::Http(spec), _) if spec.url == *url => Some((spec, None)),
        _ => None,
    })
}

/// The request, the status of its answer and the whole answer.
pub(in crate::correlate) fn answer<'a>(cx: &Correlation<'a>) -> Option<(&'a HttpSpec, u16, &'a HttpOutcome)> {
    let (spec, outcome) = asked(cx)?;
    let outcome = outcome?;
    Some((spec, view::status(outcome)?, outcome))
}

/// The request and, over TLS, the certificate, as hops of the way. Clients and servers are at fault from 500 on
/// (RFC 9110, section 15.6).
pub(in crate::correlate) fn hops(cx: &Correlation<'_>) -> Vec<HopPart> {
    let Some((spec, Some(outcome))) = asked(cx).filter(|_| !is_route(cx)) else { return Vec::new() };
    let ok = match outcome {
        HttpOutcome::Response { status, .. } => Some(*status < 500),
        HttpOutcome::Failed { .. } => Some(false),
        HttpOutcome::Unknown => None,
    };
    let certificate = certificate::of(outcome).map(|seen| {
        let words = format!("issued by {}, valid until {}", seen.issuer, certificate::day(seen.not_after));
        summary::hop(format!("certificate {}", certificate::names(seen)), Some(seen.matches_name && seen.in_date), words)
    });
    certificate.into_iter().chain([summary::hop(format!("GET {}", spec.url), ok, view::words(outcome))]).collect()
}

/// Whether a client trusts the issuer is up to its own roots, which no agent has.
pub(in crate::correlate) fn trust(cx: &Correlation<'_>) -> Option<Gap> {
    let seen = certificate::of(asked(cx)?.1?)?;
    let what = format!("whether clients trust {}", seen.issuer);
    Some(Gap { what, why: "that is up to the certificates they were given: the agent has none".to_owned() })
}

/// Connections to the destination open: what fails is above them.
pub(super) fn opened(cx: &Correlation<'_>) -> bool {
    let reaches = summary::decisive(cx);
    !reaches.is_empty() && reaches.iter().all(|(_, r)| r.ok())
}

pub(super) fn is_route(cx: &Correlation<'_>) -> bool {
    matches!(cx.question.to, Subject::Route(_))
}

/// The destination as a sentence names it.
pub(super) fn destination(cx: &Correlation<'_>) -> String {
    summary::destination(cx)
}

#[cfg(test)]
pub(super) mod testing {
    use crate::model::{Destination, Request};
    use crate::plan::testing::request;
    use crate::probe::{HttpOutcome, Phases, ProbeOutcome, ProbeSpec};

    pub(crate) fn to_url(url: &str) -> Request {
        request(Destination::Url(url.into()))
    }

    pub(crate) fn failed(spec: &ProbeSpec, phase: &str, error: &str) -> Option<ProbeOutcome> {
        let (phase, error) = (phase.to_owned(), error.to_owned());
        matches!(spec, ProbeSpec::Http(_))
            .then(|| ProbeOutcome::Http(HttpOutcome::Failed { phase, error, phases: Phases::default(), certificate: None }))
    }

    pub(crate) fn answered(spec: &ProbeSpec, status: u16, body: &str) -> Option<ProbeOutcome> {
        matches!(spec, ProbeSpec::Http(_)).then(|| {
            ProbeOutcome::Http(HttpOutcome::Response {
                status,
                version: "HTTP/1.1".into(),
                location: None,
                server: None,
                body_start: body.into(),
                body_bytes: 2,
                phases: Phases::default(),
                certificate: None,
            })
        })
    }
}
