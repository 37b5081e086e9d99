//! The certificate behind an `https` URL.

use crate::correlate::{Cause, Correlation, certificate};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::ObjectRef;
use crate::plan::resolve::host_of_url;

use super::http::{asked, is_route};

declare_finding! {
    /// ## What it finds
    ///
    /// A server that is asked over `https` shows a certificate that is not for the host of the URL, or is out of date: clients that
    /// check refuse it. One that is its own issuer is noted: clients trust it only where it was given to them.
    ///
    /// ## How it is proven
    ///
    /// By a TLS handshake from the source with the host's name, as a client does it. Whether a client trusts the issuer is not judged:
    /// that is up to the certificates it was given.
    ///
    /// ## What to do
    ///
    /// Use the name that the certificate is for, or give the server one for this name. In a cluster that is the full name of the
    /// Service and its short forms. A certificate that ran out has to be renewed, and the server has to read the new one.
    UrlCertificate, "NC3046", "url-certificate", "The server's certificate is not good for this URL"
}

impl Cause for UrlCertificate {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        // a route's certificate has a finding of its own
        let Some((spec, outcome)) = asked(cx).filter(|(s, _)| s.url.starts_with("https://") && !is_route(cx)) else {
            return Verdict::NotApplicable;
        };
        let Some(outcome) = outcome else { return Verdict::Undetermined("the URL was not asked".to_owned()) };
        let Some(seen) = certificate::of(outcome) else {
            return Verdict::Undetermined("no certificate was seen: the connection did not get as far".to_owned());
        };
        let host = host_of_url(&spec.url).unwrap_or_default();
        let server = cx.question.to.to_string();
        let about = cx.service().map_or_else(|| ObjectRef::new("name", "", &host), crate::model::Service::object);
        let shown = |finding: Finding| {
            finding
                .expected(format!("TLS handshake for {host}"), host.clone(), certificate::names(seen))
                .seen("its subject", seen.subject.clone())
                .seen("its issuer", seen.issuer.clone())
                .seen("valid", format!("{} to {}", certificate::day(seen.not_before), certificate::day(seen.not_after)))
        };
        if let Some(sentence) = certificate::complaint(&server, &host, seen) {
            let next = if seen.matches_name {
                format!("renew the certificate of {server}")
            } else {
                format!("ask for a name that it is for, or give {server} a certificate for {host}")
            };
            return Verdict::Found(vec![shown(Finding::cause(Self::META, about, sentence).proven().next(next))]);
        }
        if certificate::is_self_signed(seen) {
            let sentence =
                format!("{server} serves a certificate that is its own issuer: clients need to be given it to trust it.");
            return Verdict::Found(vec![shown(Finding::note(Self::META, about, sentence).proven())]);
        }
        Verdict::Clear
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::certificate::testing::served;
    use crate::correlate::services::http::testing::to_url;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::finding::Weight;
    use crate::model::testing::World;
    use crate::plan::testing::Case;

    fn case(names: &[&str], in_date: bool, issuer: &str) -> Case {
        let mut world = World::shop();
        world.service("web").ports[0].port = 443;
        Case::measured(&world, &to_url("https://web/"), &|_, spec| served(spec, "web", names, in_date, issuer))
    }

    #[test]
    fn one_for_another_host_or_out_of_date_is_a_cause() {
        let found = only(explain(&UrlCertificate, &case(&["db"], true, "CN=ca")));
        assert_eq!(found.sentence, "service/shop/web serves a certificate that is not for web: it is for db.");
        assert_eq!(causes(&judge(&case(&["db"], true, "CN=ca"))), ["NC3046"]);
        let old = only(explain(&UrlCertificate, &case(&["web"], false, "CN=ca")));
        assert!(old.sentence.ends_with("not valid at this time."), "{}", old.sentence);
        assert!(old.evidence.iter().any(|e| e.seen == "2026-01-01 to 2026-02-01"), "{:?}", old.evidence);
    }

    #[test]
    fn one_of_its_own_making_is_a_note() {
        assert_eq!(only(explain(&UrlCertificate, &case(&["web"], true, "CN=x"))).weight, Weight::Note);
    }

    #[test]
    fn healthy_is_silent_and_shown() {
        let good = case(&["web"], true, "CN=ca");
        assert_eq!(explain(&UrlCertificate, &good), Verdict::Clear);
        let answer = judge(&good);
        assert_eq!(answer.exit_code, 0);
        let hop = answer.path.iter().find(|h| h.at == "certificate web").expect("told");
        assert_eq!(hop.seen, "issued by CN=ca, valid until 2026-02-01");
        assert_eq!(explain(&UrlCertificate, &Case::healthy(&World::shop(), &to_url("http://web/"))), Verdict::NotApplicable);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        let case = Case::not_run(&World::shop(), &to_url("https://web/"));
        assert!(matches!(explain(&UrlCertificate, &case), Verdict::Undetermined(_)));
    }
}
