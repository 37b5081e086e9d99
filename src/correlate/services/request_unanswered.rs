//! The connection is accepted, and the request is not answered.

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::Subject;
use crate::probe::HttpOutcome;

use super::http::{asked, destination, is_route, opened};

declare_finding! {
    /// ## What it finds
    ///
    /// The connection is accepted, and the HTTP request on it is not answered in time: the kernel of the destination takes connections
    /// for an application that hangs, is overloaded, or speaks another protocol.
    ///
    /// ## How it is proven
    ///
    /// TCP connections to the destination succeed; one GET gets no byte of an answer, or the connection is closed without one.
    ///
    /// ## What to do
    ///
    /// The network is not at fault. Look at the application: its log, its threads, what it waits for itself (a database, another
    /// Service), and its CPU limit. A liveness probe would have restarted it.
    RequestUnanswered, "NC3042", "request-unanswered", "The application takes connections and answers no request"
}

impl Cause for RequestUnanswered {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        // a route has findings of its own for what its controller answers
        let Some((spec, outcome)) = asked(cx).filter(|_| !is_route(cx)) else { return Verdict::NotApplicable };
        let (phase, error) = match outcome {
            None => return Verdict::Undetermined("the URL was not asked".to_owned()),
            Some(HttpOutcome::Unknown) => return Verdict::Undetermined("the answer is none that this version knows".to_owned()),
            Some(HttpOutcome::Response { .. }) => return Verdict::Clear,
            Some(HttpOutcome::Failed { phase, error, .. }) => (phase, error),
        };
        let silent = ["request", "body"].contains(&phase.as_str()) || (phase == "tls" && error.contains("timed out"));
        let other_protocol = super::protocol_of_port::mismatch(cx).is_some();
        if !silent || !opened(cx) || other_protocol {
            return Verdict::Clear;
        }
        let to = destination(cx);
        let sentence = match phase.as_str() {
            "body" => format!("{to} begins an answer to {} and does not end it: {error}.", spec.url),
            _ if error.contains("timed out") => format!(
                "{to} accepts connections and does not answer {} within {} s: the application hangs, or speaks another protocol.",
                spec.url,
                spec.timeout_ms / 1_000
            ),
            _ => format!("{to} accepts connections and ends them without an answer to {}: {error}.", spec.url),
        };
        let (about, logs) = about(cx);
        let finding = Finding::cause(Self::META, about, sentence)
            .proven()
            .expected(format!("GET {}", spec.url), "an answer", format!("{phase}: {error}"))
            .seen("connections", "accepted");
        Verdict::Found(vec![finding.next(logs)])
    }
}

/// The application: its pod when there is only one.
fn about(cx: &Correlation<'_>) -> (crate::model::ObjectRef, String) {
    let logs = |pod: &crate::model::ObjectRef| {
        format!("kubectl -n {} logs {}: what does the application wait for?", pod.namespace, pod.name)
    };
    let in_use = cx.backends_in_use();
    match (&cx.question.to, in_use.as_slice()) {
        (Subject::Pod(pod), _) => (pod.clone(), logs(pod)),
        (_, [only]) if only.pod.is_some() => {
            let pod = only.pod.clone().unwrap_or_else(|| only.slice.clone());
            let words = logs(&pod);
            (pod, words)
        }
        (Subject::Service { namespace, name }, _) => {
            let service = crate::model::ObjectRef::service(namespace, name);
            (
                service,
                format!(
                    "look at the logs of the pods behind it: kubectl -n {namespace} get endpointslices -l kubernetes.io/service-name={name}"
                ),
            )
        }
        (Subject::Node(name), _) => (crate::model::ObjectRef::node(name), "look at the application on that host".to_owned()),
        (Subject::Ip(ip), _) => {
            (crate::model::ObjectRef::new("address", "", &ip.to_string()), "look at the application on that host".to_owned())
        }
        (Subject::Name(name), _) => {
            (crate::model::ObjectRef::new("name", "", name), "look at the application on that host".to_owned())
        }
        (Subject::Route(route), _) => (route.clone(), "look at its controller".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::services::http::testing::{failed, to_url};
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn a_hung_application_is_named() {
        let case = Case::measured(&World::shop(), &to_url("http://web/"), &|_, spec| failed(spec, "request", "timed out"));
        let found = only(explain(&RequestUnanswered, &case));
        assert!(found.sentence.contains("accepts connections and does not answer http://web/ within 5 s"), "{}", found.sentence);
        assert_eq!(causes(&judge(&case)), ["NC3042"]);
    }

    #[test]
    fn a_closed_connection_is_said() {
        let case =
            Case::measured(&World::shop(), &to_url("http://web/"), &|_, spec| failed(spec, "request", "connection closed"));
        assert!(only(explain(&RequestUnanswered, &case)).sentence.contains("ends them without an answer"));
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(explain(&RequestUnanswered, &Case::healthy(&World::shop(), &to_url("http://web/"))), Verdict::Clear);
        assert_eq!(explain(&RequestUnanswered, &Case::healthy(&World::shop(), &to_web())), Verdict::NotApplicable);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        let case = Case::not_run(&World::shop(), &to_url("http://web/"));
        assert!(matches!(explain(&RequestUnanswered, &case), Verdict::Undetermined(_)));
    }
}
