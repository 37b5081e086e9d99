use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Known, ObjectRef, Query, Question, Resource, Service, Subject};
use crate::plan::{names, resolve};

declare_finding! {
    /// ## What it finds
    ///
    /// A name without a namespace, or with the wrong one, that stands for no Service seen from the source, while a Service
    /// of that name exists in another namespace. `web` means `web` in the pod's own namespace.
    ///
    /// ## How it is proven
    ///
    /// The name is completed as the pod's search list completes it. The API server has no Service there, and has one of
    /// that name elsewhere. A name that could be a public one, as `web.dev`, is only judged after the resolver answered
    /// NXDOMAIN.
    ///
    /// ## What to do
    ///
    /// Use the name with its namespace, `web.shop`, or the full one, `web.shop.svc.cluster.local`.
    NameInWrongNamespace, "NC1001", "name-in-wrong-namespace", "The Service is in another namespace"
}

impl Check for NameInWrongNamespace {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    /// Judges names that cannot be public ones; the others need a resolver's word.
    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(asked) = Asked::of(cx.cluster, cx.question) else { return Verdict::NotApplicable };
        if !asked.is_clusters {
            return Verdict::NotApplicable;
        }
        asked.verdict(cx)
    }
}

/// The finding for a name that the resolver says does not exist. `None` when the objects tell no better.
pub fn finding_for(cx: &Context<'_>) -> Option<Finding> {
    match Asked::of(cx.cluster, cx.question)?.verdict(cx) {
        Verdict::Found(findings) => findings.into_iter().next(),
        Verdict::Clear | Verdict::Undetermined(_) | Verdict::NotApplicable => None,
    }
}

/// The name means a Service, whatever public names look like: its namespace exists, or is a slip of the finger away from
/// one that has a Service of that name.
pub fn means_a_service(cx: &Context<'_>) -> bool {
    let Some(asked) = Asked::of(cx.cluster, cx.question) else { return false };
    let known = cx.cluster.namespaces.complete(&Resource::Namespaces, None);
    let exists = known.got().is_some_and(|all| all.iter().any(|n| n.name == asked.namespace));
    // `net` is two letters from `dev`: short words must be nearer than long ones
    let most = if asked.namespace.len() < 5 { 1 } else { 2 };
    let is_near = |s: &Service| s.name == asked.service && strsim::damerau_levenshtein(&s.namespace, &asked.namespace) <= most;
    asked.is_clusters || exists || cx.cluster.services.seen().any(is_near)
}

/// A name that stands for no Service, and what it would stand for.
struct Asked {
    host: String,
    namespace: String,
    service: String,
    /// One label, or `….svc` or below the cluster's domain: no public name looks like that.
    is_clusters: bool,
}

impl Asked {
    fn of(cluster: &Cluster, question: &Question) -> Option<Self> {
        let Subject::Name(host) = &question.to else { return None };
        let domain = names::domain(cluster);
        let (namespace, service) = names::service_of(host, &resolve::source_namespace(&question.request), &domain)?;
        Some(Self { host: host.clone(), namespace, service, is_clusters: !names::is_outside(host, &domain) })
    }

    fn verdict(&self, cx: &Context<'_>) -> Verdict {
        let own = Query::named(Resource::Services, &self.namespace, &self.service);
        match cx.cluster.services.answer(&own) {
            Known::Absent(_) => {}
            Known::Got(_) => return Verdict::Clear,
            unread @ (Known::Denied(_) | Known::Failed(_) | Known::Unasked) => {
                return Verdict::Undetermined(unread.missing().unwrap_or_default());
            }
        }
        let everywhere = Query::all(Resource::Services).fields(&format!("metadata.name={}", self.service));
        match cx.cluster.services.answer(&everywhere) {
            Known::Got(found) if found.is_empty() => Verdict::Clear,
            Known::Got(found) => Verdict::Found(vec![self.finding(cx, &found.iter().collect::<Vec<_>>())]),
            unread @ (Known::Denied(_) | Known::Failed(_) | Known::Absent(_) | Known::Unasked) => {
                Verdict::Undetermined(unread.missing().unwrap_or_default())
            }
        }
    }

    fn finding(&self, cx: &Context<'_>, found: &[&Service]) -> Finding {
        let domain = names::domain(cx.cluster);
        let namespaces: Vec<&str> = found.iter().map(|s| s.namespace.as_str()).collect();
        // a slip of the finger in the namespace points at the one that was meant
        let meant = names::nearest(&self.namespace, namespaces.iter().copied());
        let best = meant.and_then(|near| found.iter().find(|s| s.namespace == near)).or(found.first());
        let (service, host) = (&self.service, &self.host);
        let (object, full) = best.map_or_else(
            || (ObjectRef::service(&self.namespace, service), String::new()),
            |s| (s.object(), names::full_name(&s.namespace, &s.name, &domain)),
        );
        let known = cx.cluster.namespaces.complete(&Resource::Namespaces, None);
        let no_namespace = known.got().is_some_and(|all| !all.iter().any(|n| n.name == self.namespace));
        let missing = if no_namespace {
            format!("there is no namespace {}", self.namespace)
        } else {
            format!("namespace {} has no Service {service}", self.namespace)
        };
        let mut finding = Finding::cause(
            NameInWrongNamespace::META,
            ObjectRef::new("name", "", host),
            format!("name {host} does not resolve: {missing}; {object} is in another namespace."),
        )
        .expected(
            format!("Services named {service}"),
            format!("one in namespace {}", self.namespace),
            format!("in {}", namespaces.join(", ")),
        );
        if !host.contains('.') {
            let from = cx.question.from.as_ref().map(ToString::to_string).unwrap_or_default();
            finding = finding.seen(format!("search list of {from}"), format!("{host} becomes {}", self.completed(&domain)));
        }
        finding.next(format!("use {full}"))
    }

    fn completed(&self, domain: &str) -> String {
        names::full_name(&self.namespace, &self.service, domain)
    }
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::model::Protocol;
    use crate::model::testing::{World, service, service_port};
    use crate::plan::testing::{Case, answered, code, to_name};
    use crate::probe::{ProbeOutcome, ProbeSpec, RecordType, ResolveOutcome};

    /// `db` is in namespace `data`.
    fn world() -> World {
        let mut world = World::shop();
        world.services.push(service("data", "db", "app=db", "10.96.2.20", vec![service_port("pg", 5432, 5432, Protocol::Tcp)]));
        world.namespaces.push(crate::model::Namespace { name: "data".into(), ..Default::default() });
        world
    }

    #[test]
    fn a_short_name_of_another_namespace_is_the_cause() {
        let case = Case::healthy(&world(), &to_name("db"));
        let found = only(check(&NameInWrongNamespace, &case));
        assert_eq!(
            found.sentence,
            "name db does not resolve: namespace shop has no Service db; service/data/db is in another namespace."
        );
        assert_eq!(found.next, "use db.data.svc.cluster.local");
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.exit_code), (vec!["NC1001"], 1));
        assert_eq!(answer.causes[0].confidence, "proven");
    }

    #[test]
    fn a_misspelt_namespace_points_at_the_nearest() {
        let mut world = world();
        world.services.push(service("other", "db", "app=db", "10.96.2.21", vec![]));
        let case = Case::healthy(&world, &to_name("db.dtaa"));
        // two labels may be a public name: without the resolver's word nothing is claimed
        assert_eq!(check(&NameInWrongNamespace, &case), Verdict::NotApplicable);
        let answer = judge(&case);
        assert_eq!(causes(&answer), ["NC1001"]);
        assert!(answer.verdict.sentence.contains("there is no namespace dtaa; service/data/db"), "{}", answer.verdict.sentence);
    }

    #[test]
    fn what_outside_resolvers_make_of_a_misspelt_namespace_does_not_hide_it() {
        let case = Case::measured(&world(), &to_name("db.dtaa"), &|_, spec| match spec {
            ProbeSpec::Dns(s) if s.name == "db.dtaa" => Some(answered(s, &code("SERVFAIL"))),
            ProbeSpec::Resolve(_) => {
                let query = |name: &str, code: &str| (name.to_owned(), RecordType::A, code.to_owned());
                Some(ProbeOutcome::Resolve(ResolveOutcome {
                    addresses: Vec::new(),
                    answered_as: None,
                    queries: vec![query("db.dtaa.shop.svc.cluster.local.", "NXDOMAIN"), query("db.dtaa.", "SERVFAIL")],
                    total_us: 5_000,
                    error: Some("SERVFAIL".into()),
                }))
            }
            _ => None,
        });
        assert_eq!(causes(&judge(&case)), ["NC1001"]);
    }

    #[test]
    fn a_public_name_that_resolves_is_never_accused() {
        let mut world = world();
        world.services.push(service("data", "example", "app=db", "10.96.2.22", vec![]));
        let answer = judge(&Case::healthy(&world, &to_name("example.com")));
        assert_eq!(causes(&answer), Vec::<&str>::new(), "{answer:#?}");
        assert!(!answer.notices.iter().any(|n| n.code == "NC1001"));
    }

    #[test]
    fn a_name_that_is_right_is_not_looked_at() {
        let case = Case::healthy(&world(), &to_name("web"));
        assert_eq!(check(&NameInWrongNamespace, &case), Verdict::NotApplicable);
    }

    #[test]
    fn unread_services_leave_it_open() {
        let mut world = world();
        world.denied.push(Resource::Services);
        let case = Case::unmeasured(&world, &to_name("db"));
        assert!(matches!(check(&NameInWrongNamespace, &case), Verdict::Undetermined(why) if why.contains("not permitted")));
    }
}
