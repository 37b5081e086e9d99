//! HTTP is spoken to a port that wants TLS, or TLS to one that does not.

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{ObjectRef, Subject};
use crate::probe::HttpOutcome;

use super::http::{asked, destination, is_route, opened};

declare_finding! {
    /// ## What it finds
    ///
    /// The URL says `https` and the port answers without TLS, or it says `http` and the port wants TLS.
    ///
    /// ## How it is proven
    ///
    /// The answer to the TLS handshake is no TLS (RFC 8446, section 5.1: it begins with no known content type); or the server says in
    /// its answer to the plain request that it wants TLS, as nginx and Go's server do, or answers it with a TLS alert.
    ///
    /// ## What to do
    ///
    /// Use the other scheme, or the Service's other port: `https` is usually 443.
    ProtocolOfPort, "NC3043", "protocol-of-port", "TLS and plain HTTP are mixed up"
}

/// Which of the two was spoken wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// TLS to a plain port.
    Tls,
    /// Plain HTTP to a TLS port.
    Plain,
}

/// What nginx (`src/http/ngx_http_special_response.c`) and Go (`net/http/server.go`) answer to a plain request on a TLS port.
const WANTS_TLS: [&str; 2] = ["plain HTTP request was sent to HTTPS port", "HTTP request to an HTTPS server"];

/// The mix-up, when the outcome of the request shows it.
pub(super) fn mismatch(cx: &Correlation<'_>) -> Option<(Mismatch, String)> {
    let (spec, outcome) = asked(cx)?;
    match outcome? {
        // rustls' InvalidMessage::InvalidContentType: the first byte was none of a TLS record
        HttpOutcome::Failed { phase, error, .. } if phase == "tls" && error.contains("InvalidContentType") => {
            Some((Mismatch::Tls, error.clone()))
        }
        // hyper's Parse::Version: a TLS alert (21, 3, …) where the status line should be
        HttpOutcome::Failed { phase, error, .. }
            if phase == "request" && spec.url.starts_with("http://") && error.contains("invalid HTTP version") =>
        {
            Some((Mismatch::Plain, error.clone()))
        }
        HttpOutcome::Response { status: 400, body_start, .. }
            if spec.url.starts_with("http://") && WANTS_TLS.iter().any(|words| body_start.contains(words)) =>
        {
            Some((Mismatch::Plain, "400, it wants TLS".to_owned()))
        }
        HttpOutcome::Failed { .. } | HttpOutcome::Response { .. } | HttpOutcome::Unknown => None,
    }
}

impl Cause for ProtocolOfPort {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some((spec, outcome)) = asked(cx).filter(|_| !is_route(cx)) else { return Verdict::NotApplicable };
        if outcome.is_none() {
            return Verdict::Undetermined("the URL was not asked".to_owned());
        }
        let Some((mismatch, seen)) = mismatch(cx).filter(|_| opened(cx)) else { return Verdict::Clear };
        let to = destination(cx);
        let (sentence, expected, scheme) = match mismatch {
            Mismatch::Tls => {
                (format!("{to} answers, and speaks no TLS: {} cannot work there.", spec.url), "a TLS handshake", "http://")
            }
            Mismatch::Plain => {
                (format!("{to} answers, and wants TLS: {} is sent to it in plain.", spec.url), "an answer", "https://")
            }
        };
        let about = match &cx.question.to {
            Subject::Service { namespace, name } => ObjectRef::service(namespace, name),
            Subject::Pod(pod) | Subject::Route(pod) => pod.clone(),
            Subject::Node(name) => ObjectRef::node(name),
            Subject::Ip(ip) => ObjectRef::new("address", "", &ip.to_string()),
            Subject::Name(name) => ObjectRef::new("name", "", name),
        };
        let finding = Finding::cause(Self::META, about, sentence)
            .proven()
            .expected(format!("GET {}", spec.url), expected, seen)
            .next(format!("use {scheme}, or the port that is meant for it"));
        Verdict::Found(vec![finding])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::services::http::testing::{answered, failed, to_url};
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn tls_to_a_plain_port_is_said() {
        let words = "received corrupt message of type InvalidContentType";
        let case = Case::measured(&World::shop(), &to_url("https://web:80/"), &|_, spec| failed(spec, "tls", words));
        assert!(only(explain(&ProtocolOfPort, &case)).sentence.contains("speaks no TLS"));
        assert_eq!(causes(&judge(&case)), ["NC3043"]);
    }

    #[test]
    fn plain_http_to_a_tls_port_is_said() {
        let body = "Client sent an HTTP request to an HTTPS server.\n";
        let case = Case::measured(&World::shop(), &to_url("http://web/"), &|_, spec| answered(spec, 400, body));
        assert!(only(explain(&ProtocolOfPort, &case)).sentence.contains("wants TLS"));
        let case = Case::measured(&World::shop(), &to_url("http://web/"), &|_, spec| {
            failed(spec, "request", "invalid HTTP version parsed")
        });
        assert_eq!(causes(&judge(&case)), ["NC3043"]);
    }

    #[test]
    fn healthy_and_any_other_400_are_silent() {
        assert_eq!(explain(&ProtocolOfPort, &Case::healthy(&World::shop(), &to_url("http://web/"))), Verdict::Clear);
        assert_eq!(explain(&ProtocolOfPort, &Case::healthy(&World::shop(), &to_web())), Verdict::NotApplicable);
        let case = Case::measured(&World::shop(), &to_url("http://web/"), &|_, spec| answered(spec, 400, "no such field"));
        assert_eq!(explain(&ProtocolOfPort, &case), Verdict::Clear);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(
            explain(&ProtocolOfPort, &Case::not_run(&World::shop(), &to_url("http://web/"))),
            Verdict::Undetermined(_)
        ));
    }
}
