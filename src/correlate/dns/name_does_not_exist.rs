use crate::checks::Context;
use crate::checks::dns::{finding_for, means_a_service};
use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Destination, ObjectRef, ServiceKind, Subject};
use crate::plan::{names, resolve, steps};
use crate::probe::{ProbeOutcome, ProbeSpec};

use super::nameserver_is_no_dns_service;
use super::view::{endpoints, nothing_to_do, source_words, unmeasured};

declare_finding! {
    /// ## What it finds
    ///
    /// The resolver works and says that the name does not exist (NXDOMAIN), whichever search suffix is tried.
    ///
    /// ## How it is proven
    ///
    /// The name is looked up in the source pod with its own resolv.conf: every query was answered, none with an address and
    /// at least one with NXDOMAIN. Silence and SERVFAIL are other findings. Service names of the namespace are compared for a
    /// slip of the finger.
    ///
    /// ## What to do
    ///
    /// Correct the name. A Service is `NAME.NAMESPACE.svc.` and the cluster's domain; `NAME.NAMESPACE` and, in the same
    /// namespace, `NAME` are completed by the pod's search list. When the Service exists and DNS does not know it, CoreDNS
    /// has lost its watch on the API server: its log says so.
    NameDoesNotExist, "NC1009", "name-does-not-exist", "The name does not exist"
}

impl Cause for NameDoesNotExist {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(verdict) = nothing_to_do(cx) {
            return verdict;
        }
        if cx.resolved().is_none() {
            return unmeasured();
        }
        let objects = Context { cluster: cx.cluster, question: cx.question };
        if !says_nxdomain(cx) || finding_for(&objects).is_some() || nameserver_is_no_dns_service::is_cause(cx) {
            return Verdict::Clear;
        }
        Verdict::of(of_alias(cx).or_else(|| finding(cx)).into_iter().collect())
    }
}

/// The alias is there, and the name it stands for has no address: `spec.externalName` is what is wrong.
fn of_alias(cx: &Correlation<'_>) -> Option<Finding> {
    let target = steps::alias_name(cx.question, cx.cluster)?;
    let service = cx.service()?;
    let lookup = cx.answers().find_map(|(spec, outcome)| match (spec, outcome) {
        (ProbeSpec::Resolve(spec), ProbeOutcome::Resolve(outcome)) if spec.name == target => Some(outcome),
        _ => None,
    });
    let codes: Vec<&str> = lookup.map(|l| l.queries.iter().map(|(_, _, code)| code.as_str()).collect()).unwrap_or_default();
    let (far, object) = (target.trim_end_matches('.'), service.object());
    let is_absent = codes.contains(&"NXDOMAIN");
    let (why, seen) = match codes.iter().find(|c| **c != "NOERROR" && **c != "NXDOMAIN") {
        _ if lookup.is_some_and(|l| !l.addresses.is_empty()) => return None,
        _ if is_absent => ("does not exist", "NXDOMAIN".to_owned()),
        Some(code) => ("could not be resolved", (*code).to_owned()),
        None if codes.is_empty() => ("brings no address", "not looked up itself".to_owned()),
        None => ("has no address", "NOERROR without an address".to_owned()),
    };
    let finding = Finding::cause(NameDoesNotExist::META, object.clone(), format!("{object} stands for {far}, which {why}."))
        .expected(format!("lookup of {far} from {}", source_words(cx)), "an address", seen)
        .seen(format!("{object} spec.externalName"), service.external_name.clone().unwrap_or_default())
        .next(format!("kubectl -n {} edit service {}: set externalName to a name that exists", service.namespace, service.name));
    Some(if is_absent { finding.proven() } else { finding })
}

/// The source's own lookup was answered, and the answer is that there is no such name.
///
/// A name of the cluster without its domain is tried outside too, at last: what resolvers make of `web` alone (SERVFAIL,
/// REFUSED) tells nothing.
pub(super) fn says_nxdomain(cx: &Correlation<'_>) -> bool {
    let (Some(resolved), Some(name)) = (cx.resolved(), cx.question.name.as_deref()) else { return false };
    let domain = names::domain(cx.cluster);
    let below = format!(".{domain}");
    let is_below = |tried: &str| tried.trim_end_matches('.').ends_with(&below);
    let searched = resolved.queries.iter().any(|(tried, _, _)| is_below(tried));
    let objects = Context { cluster: cx.cluster, question: cx.question };
    let is_clusters = searched && (!names::is_outside(name, &domain) || name.contains(".svc.") || means_a_service(&objects));
    let telling =
        || resolved.queries.iter().filter(|(tried, _, _)| is_below(tried) || !is_clusters).map(|(_, _, code)| code.as_str());
    resolved.addresses.is_empty() && telling().any(|c| c == "NXDOMAIN") && telling().all(|c| c == "NXDOMAIN" || c == "NOERROR")
}

fn finding(cx: &Correlation<'_>) -> Option<Finding> {
    let name = cx.question.name.as_deref()?;
    let (why, next) = match &cx.question.to {
        Subject::Service { namespace, name: service } => of_service(cx, namespace, service)?,
        Subject::Name(host) => of_name(cx, host),
        Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) => return None,
    };
    let mut finding =
        Finding::cause(NameDoesNotExist::META, ObjectRef::new("name", "", name), format!("name {name} does not exist{why}."))
            .proven();
    let queries = cx.resolved().map(|r| r.queries.as_slice()).unwrap_or_default();
    let mut told: Vec<String> = queries.iter().map(|(tried, _, code)| format!("{tried} {code}")).collect();
    told.dedup();
    finding = finding.expected(format!("lookup from {}", source_words(cx)), "an address", told.join(", "));
    Some(finding.next(next))
}

/// The Service exists: either its name was written wrongly, or DNS does not know it.
fn of_service(cx: &Correlation<'_>, namespace: &str, service: &str) -> Option<(String, String)> {
    let full = names::full_name(namespace, service, &names::domain(cx.cluster));
    let typed = matches!(cx.question.request.destination, Destination::Name(_) | Destination::Url(_));
    let asked = endpoints(cx);
    let known = asked.iter().any(|(_, a)| a.about(&full).any(|answer| answer.records().is_some()));
    if typed && known {
        return Some((format!("; service/{namespace}/{service} is {full}"), format!("use {full}")));
    }
    let object = cx.cluster.service(namespace, service)?;
    // a headless or external Service has findings of its own
    if known || object.headless || object.kind == ServiceKind::ExternalName {
        return None;
    }
    let next = format!(
        "see whether CoreDNS reaches the API server, and which namespaces its Corefile serves: kubectl -n {} logs -l k8s-app=kube-dns",
        names::DNS_NAMESPACE
    );
    Some((format!(" for the cluster's DNS although service/{namespace}/{service} does"), next))
}

fn of_name(cx: &Correlation<'_>, host: &str) -> (String, String) {
    let domain = names::domain(cx.cluster);
    let from = resolve::source_namespace(&cx.question.request);
    if let Some((namespace, service)) = names::service_of(host, &from, &domain)
        && let Some(all) = cx.cluster.services_in(&namespace).got()
        && let Some(near) = names::nearest(&service, all.iter().map(|s| s.name.as_str()))
    {
        let full = names::full_name(&namespace, near, &domain);
        return (format!("; service/{namespace}/{near} does"), format!("did you mean {full}?"));
    }
    let host = host.trim_end_matches('.');
    if let Some((_, wrong)) = host.split_once(".svc.").filter(|(_, tail)| *tail != domain) {
        return (format!("; the cluster's domain is {domain}, not {wrong}"), format!("end the name in .svc.{domain}"));
    }
    if names::is_outside(host, &domain) {
        return (" for the resolvers outside the cluster".to_owned(), format!("check the name, from any machine: dig {host}"));
    }
    let elsewhere = "; no Service of that name was found in any namespace".to_owned();
    (elsewhere, "list the Services: kubectl get services -A".to_owned())
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, answered, code, to_name, to_web};
    use crate::probe::{RecordType, ResolveOutcome};

    #[test]
    fn a_typo_points_at_the_nearest_service() {
        let case = Case::healthy(&World::shop(), &to_name("wbe"));
        let found = only(explain(&NameDoesNotExist, &case));
        assert_eq!(found.sentence, "name wbe does not exist; service/shop/web does.");
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.exit_code), (vec!["NC1009"], 1));
    }

    #[test]
    fn an_alias_for_a_name_that_does_not_exist_is_the_alias_fault() {
        let mut world = World::shop();
        let web = world.service("web");
        web.kind = ServiceKind::ExternalName;
        web.cluster_ips.clear();
        web.external_name = Some("db.prod.invalid".into());
        let mut ask = to_web();
        ask.port = Some(crate::model::PortRef::Number(5432));
        // CoreDNS answers for the alias with its CNAME and no address
        let alias = |spec: &ProbeSpec, far: &str| match spec {
            ProbeSpec::Resolve(s) => Some(ProbeOutcome::Resolve(ResolveOutcome {
                addresses: Vec::new(),
                answered_as: None,
                queries: if s.name == "db.prod.invalid." {
                    vec![("db.prod.invalid".into(), RecordType::A, far.to_owned())]
                } else {
                    vec![
                        (format!("{}.shop.svc.cluster.local", s.name), RecordType::A, "NXDOMAIN".into()),
                        (s.name.clone(), RecordType::A, "NOERROR".into()),
                    ]
                },
                total_us: 900,
                error: Some(format!("{}: no addresses", s.name)),
            })),
            ProbeSpec::Dns(s) if s.name == "web.shop.svc.cluster.local" => Some(answered(s, &code("NOERROR"))),
            _ => None,
        };
        let case = Case::measured(&world, &ask, &|_, spec| alias(spec, "NXDOMAIN"));
        let answer = judge(&case);
        assert_eq!(causes(&answer), ["NC1009"], "{answer:#?}");
        assert_eq!(answer.verdict.sentence, "service/shop/web stands for db.prod.invalid, which does not exist.");
        let unsure = Case::measured(&world, &ask, &|_, spec| alias(spec, "SERVFAIL"));
        let found = only(explain(&NameDoesNotExist, &unsure));
        assert_eq!(found.sentence, "service/shop/web stands for db.prod.invalid, which could not be resolved.");
    }

    #[test]
    fn a_wrong_domain_is_named() {
        let case = Case::healthy(&World::shop(), &to_name("web.shop.svc.k8s.lan"));
        assert!(only(explain(&NameDoesNotExist, &case)).sentence.contains("domain is cluster.local, not k8s.lan"));
    }

    #[test]
    fn a_name_without_svc_is_told_the_full_one() {
        let case = Case::healthy(&World::shop(), &to_name("web.shop.cluster.local"));
        let found = only(explain(&NameDoesNotExist, &case));
        assert_eq!(found.next, "use web.shop.svc.cluster.local");
    }

    #[test]
    fn a_service_that_dns_does_not_know() {
        let case = Case::measured(&World::shop(), &to_web(), &|_, spec| match spec {
            ProbeSpec::Dns(s) => Some(answered(s, &code("NXDOMAIN"))),
            ProbeSpec::Resolve(s) => Some(ProbeOutcome::Resolve(ResolveOutcome {
                addresses: Vec::new(),
                answered_as: None,
                queries: vec![(s.name.clone(), RecordType::A, "NXDOMAIN".into())],
                total_us: 900,
                error: Some("does not exist".into()),
            })),
            _ => None,
        });
        let found = only(explain(&NameDoesNotExist, &case));
        assert!(found.sentence.contains("although service/shop/web does"), "{}", found.sentence);
    }

    #[test]
    fn a_name_that_resolves_is_clear_and_one_not_tried_is_open() {
        assert_eq!(explain(&NameDoesNotExist, &Case::healthy(&World::shop(), &to_web())), Verdict::Clear);
        let case = Case::not_run(&World::shop(), &to_web());
        assert!(matches!(explain(&NameDoesNotExist, &case), Verdict::Undetermined(_)));
    }

    #[test]
    fn what_an_outside_resolver_makes_of_a_short_name_tells_nothing() {
        let case = Case::measured(&World::shop(), &to_name("wbe"), &|_, spec| match spec {
            ProbeSpec::Dns(s) if s.name == "wbe" => Some(answered(s, &code("SERVFAIL"))),
            ProbeSpec::Resolve(s) => {
                let query = |name: &str, code: &str| (name.to_owned(), RecordType::A, code.to_owned());
                Some(ProbeOutcome::Resolve(ResolveOutcome {
                    addresses: Vec::new(),
                    answered_as: None,
                    queries: vec![query("wbe.shop.svc.cluster.local.", "NXDOMAIN"), query("wbe.", "SERVFAIL")],
                    total_us: 5_000,
                    error: Some(format!("{}: SERVFAIL", s.name)),
                }))
            }
            _ => None,
        });
        assert_eq!(causes(&judge(&case)), ["NC1009"]);
    }

    #[test]
    fn silence_is_not_an_answer() {
        let case = Case::measured(&World::shop(), &to_name("wbe"), &|_, spec| match spec {
            ProbeSpec::Resolve(s) => Some(ProbeOutcome::Resolve(ResolveOutcome {
                addresses: Vec::new(),
                answered_as: None,
                queries: vec![(s.name.clone(), RecordType::A, "timeout".into())],
                total_us: 5_000_000,
                error: Some("no answer".into()),
            })),
            _ => None,
        });
        assert_eq!(explain(&NameDoesNotExist, &case), Verdict::Clear);
    }
}
