use crate::correlate::{Cause, Correlation, certificate};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::plan::routes;
use crate::probe::Certificate;

use super::log_of;
use super::view::{Request, decisive};

declare_finding! {
    /// ## What it finds
    ///
    /// A route that is to be used over TLS is answered with a certificate that is not for its host, or is out of date: clients that
    /// check refuse it. A controller serves a certificate of its own making when the Secret it was told to use is missing, in another
    /// namespace or not of the right form.
    ///
    /// ## How it is proven
    ///
    /// By a TLS handshake with the host's name, as a client does it. The Secret is named from the object; netcheck never reads Secrets.
    ///
    /// ## What to do
    ///
    /// See that the Secret exists in the route's namespace, is of type `kubernetes.io/tls` and holds a certificate for the host. The
    /// controller's log says why it did not take it.
    RouteCertificate, "NC7009", "certificate", "The certificate is not one for this host"
}

impl Cause for RouteCertificate {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some(route) = routes::of(cx.question) else { return Verdict::NotApplicable };
        if !routes::entries(route, cx.cluster).iter().any(|e| e.tls && e.host.is_some()) {
            return Verdict::NotApplicable;
        }
        let requests = decisive(cx);
        let over_tls: Vec<&Request<'_>> = requests.iter().filter(|r| r.entry.tls && r.entry.host.is_some()).collect();
        let seen: Vec<_> = over_tls.iter().filter_map(|r| Some((*r, certificate::of(r.via)?))).collect();
        if seen.is_empty() {
            return Verdict::Undetermined(format!("no certificate of {route} was seen"));
        }
        Verdict::of(seen.iter().find_map(|(request, seen)| finding(cx, request, seen)).into_iter().collect())
    }
}

fn finding(cx: &Correlation<'_>, request: &Request<'_>, seen: &Certificate) -> Option<Finding> {
    let route = routes::of(cx.question).cloned().unwrap_or_else(|| request.entry.service.clone());
    let host = request.entry.host.clone().unwrap_or_default();
    let sentence = certificate::complaint(&route.to_string(), &host, seen)?;
    let mut finding = Finding::cause(RouteCertificate::META, route.clone(), sentence)
        .proven()
        .expected(format!("TLS handshake for {host} at {}", request.at(cx.question.port)), host.clone(), certificate::names(seen))
        .seen("its issuer", seen.issuer.clone());
    let secret = cx.cluster.ingress(&route).and_then(|i| i.tls_of(Some(&host))?.secret.clone());
    if let Some(secret) = &secret {
        finding = finding.seen(format!("{route} spec.tls"), format!("Secret {secret} (netcheck does not read Secrets)"));
        return Some(finding.next(format!("kubectl -n {} get secret {secret}; then {}", route.namespace, log_of(&route, cx))));
    }
    Some(finding.next(log_of(&route, cx)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::model::{IngressTls, ObjectRef};
    use crate::plan::testing::{Case, to_ingress};
    use crate::probe::{ProbeOutcome, ProbeSpec};

    fn tls() -> World {
        let mut world = World::edge();
        let tls = IngressTls { hosts: vec!["web.example.com".into()], secret: Some("web-tls".into()) };
        world.ingresses[0].tls.push(tls);
        world
    }

    fn served(spec: &ProbeSpec, names: &[&str], in_date: bool) -> Option<ProbeOutcome> {
        certificate::testing::served(spec, "web.example.com", names, in_date, "CN=x")
    }

    #[test]
    fn the_controllers_own_certificate_is_a_cause_that_names_the_secret() {
        let fault = |_: &ObjectRef, spec: &ProbeSpec| served(spec, &["ingress.local"], true);
        let case = Case::measured(&tls(), &to_ingress(), &fault);
        let found = only(explain(&RouteCertificate, &case));
        assert_eq!(
            found.sentence,
            "ingress/shop/web serves a certificate that is not for web.example.com: it is for ingress.local."
        );
        assert!(
            found.next.starts_with("kubectl -n shop get secret web-tls; then kubectl -n ingress-nginx logs "),
            "{}",
            found.next
        );
        assert_eq!(causes(&judge(&case)), ["NC7009"]);
        let old = Case::measured(&tls(), &to_ingress(), &|_, spec| served(spec, &["web.example.com"], false));
        assert!(only(explain(&RouteCertificate, &old)).sentence.ends_with("not valid at this time."));
    }

    #[test]
    fn a_good_one_and_none_at_all_are_silent() {
        let good = Case::measured(&tls(), &to_ingress(), &|_, spec| served(spec, &["web.example.com"], true));
        assert_eq!(explain(&RouteCertificate, &good), Verdict::Clear);
        assert_eq!(judge(&good).exit_code, 0);
        assert_eq!(explain(&RouteCertificate, &Case::healthy(&World::edge(), &to_ingress())), Verdict::NotApplicable);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        assert!(matches!(explain(&RouteCertificate, &Case::not_run(&tls(), &to_ingress())), Verdict::Undetermined(_)));
    }
}
