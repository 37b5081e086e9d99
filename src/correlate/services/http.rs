//! The request of a URL question, and what the port it went to said.

use crate::correlate::Correlation;
use crate::correlate::summary;
use crate::model::{Destination, Subject};
use crate::probe::{HttpOutcome, HttpSpec, ProbeOutcome, ProbeSpec};

/// The request that the source made, with its outcome when it was made. `None` when the question is no URL.
pub(super) fn asked<'a>(cx: &Correlation<'a>) -> Option<(&'a HttpSpec, Option<&'a HttpOutcome>)> {
    let Destination::Url(url) = &cx.question.request.destination else { return None };
    cx.answers().find_map(|(spec, outcome)| match (spec, outcome) {
        (ProbeSpec::Http(spec), ProbeOutcome::Http(outcome)) if spec.url == *url => Some((spec, Some(outcome))),
        (ProbeSpec::Http(spec), _) if spec.url == *url => Some((spec, None)),
        _ => None,
    })
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
