//! The request is answered, with an error.

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{ObjectRef, Service};
use crate::probe::HttpOutcome;

use super::http::{asked, is_route};

declare_finding! {
    /// ## What it finds
    ///
    /// The URL is answered with a status from 400 on: the network carried the request and the answer, and the application, or a proxy
    /// before it, refuses or fails.
    ///
    /// ## How it is proven
    ///
    /// By one GET from the source. From 500 on the server says of itself that it failed (RFC 9110, section 15.6), which is a warning;
    /// from 400 to 499 it says that the request is not one it serves, which is a note.
    ///
    /// ## What to do
    ///
    /// The network is not at fault. 502, 503 and 504 come from proxies, sidecars among them, that do not reach what is behind them;
    /// 503 also from an application that is not ready. Its log says which. For 404 check the path, for 401 and 403 the credentials.
    ErrorStatus, "NC3045", "error-status", "The URL is answered with an error"
}

impl Cause for ErrorStatus {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        // a route has findings of its own for what its controller answers
        let Some((spec, outcome)) = asked(cx).filter(|_| !is_route(cx)) else { return Verdict::NotApplicable };
        let (status, server) = match outcome {
            None => return Verdict::Undetermined("the URL was not asked".to_owned()),
            Some(HttpOutcome::Unknown) => return Verdict::Undetermined("the answer is none that this version knows".to_owned()),
            Some(HttpOutcome::Failed { .. }) => return Verdict::Clear,
            Some(HttpOutcome::Response { status, server, .. }) => (*status, server.clone()),
        };
        if status < 400 {
            return Verdict::Clear;
        }
        let about = cx.service().map_or_else(|| ObjectRef::new("name", "", &cx.question.to.to_string()), Service::object);
        let sentence = format!("{} answers GET {} with {status}.", cx.question.to, spec.url);
        let (finding, next) = if status >= 500 {
            let next = "read the log of the application, and of a proxy before it when there is one";
            (Finding::warning(Self::META, about, sentence), next)
        } else {
            (Finding::note(Self::META, about, sentence), "check the path and the credentials: the application answers")
        };
        let finding = finding.proven().expected(format!("GET {}", spec.url), "a status below 400", status.to_string());
        let finding = server.into_iter().fold(finding, |f, server| f.seen("header server", server));
        Verdict::Found(vec![finding.next(next)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::services::http::testing::{answered, to_url};
    use crate::correlate::testing::{explain, judge, only};
    use crate::finding::Weight;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    fn case(status: u16) -> Case {
        Case::measured(&World::shop(), &to_url("http://web/cart"), &|_, spec| answered(spec, status, ""))
    }

    #[test]
    fn a_failing_server_is_a_warning_and_an_unknown_path_a_note() {
        let found = only(explain(&ErrorStatus, &case(503)));
        assert_eq!(
            (found.weight, found.sentence.as_str()),
            (Weight::Warning, "service/shop/web answers GET http://web/cart with 503.")
        );
        assert_eq!(only(explain(&ErrorStatus, &case(404))).weight, Weight::Note);
    }

    #[test]
    fn the_status_is_in_the_first_line_the_path_and_the_question() {
        let answer = judge(&case(503));
        assert!(answer.verdict.sentence.contains("GET http://web/cart with 503"), "{}", answer.verdict.sentence);
        let hop = answer.path.iter().find(|h| h.at == "GET http://web/cart").expect("told");
        assert!(hop.state == "failed" && hop.seen.starts_with("answered 503"), "{hop:?}");
        assert_eq!(answer.question.url.as_deref(), Some("http://web/cart"));
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(explain(&ErrorStatus, &case(200)), Verdict::Clear);
        assert_eq!(explain(&ErrorStatus, &case(302)), Verdict::Clear);
        assert_eq!(explain(&ErrorStatus, &Case::healthy(&World::shop(), &to_web())), Verdict::NotApplicable);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        let case = Case::not_run(&World::shop(), &to_url("http://web/"));
        assert!(matches!(explain(&ErrorStatus, &case), Verdict::Undetermined(_)));
    }
}
