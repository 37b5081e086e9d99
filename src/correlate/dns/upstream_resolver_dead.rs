use std::net::{IpAddr, SocketAddr};

use crate::correlate::measurement::answer_words;
use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::dns_config::{Corefile, Forward};
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Destination, ObjectRef};
use crate::plan::steps::upstreams;
use crate::plan::{names, reads, resolve};
use crate::probe::Answer;

use super::name_does_not_exist::says_nxdomain;
use super::view::{
    Asked, endpoint_words, endpoints, name_failed, nothing_to_do, outside_name, service_addresses, udp, unmeasured,
};

declare_finding! {
    /// ## What it finds
    ///
    /// CoreDNS answers names of the cluster and fails for names outside of it: the resolvers it forwards to do not answer it,
    /// or it forwards such names nowhere.
    ///
    /// ## How it is proven
    ///
    /// The same servers are asked for the outside name and for one of the cluster. The latter is answered; the former gets
    /// SERVFAIL or silence at every server, or REFUSED when no server block forwards it. The `forward` line of the Corefile
    /// names the resolvers, and resolvers with an address are asked directly from the source. `read udp …: i/o timeout` in
    /// CoreDNS' log is the same fault seen from inside.
    ///
    /// ## What to do
    ///
    /// Ask the resolvers from the node a CoreDNS pod runs on: `dig @RESOLVER example.com`. With
    /// `forward . /etc/resolv.conf` they are the node's own. Mend them, open UDP and TCP port 53 from the nodes to them, or
    /// forward to others.
    UpstreamResolverDead, "NC1005", "upstream-resolver-dead", "The resolvers behind CoreDNS do not answer"
}

/// A server, and what it was asked.
type Server<'a> = (String, Asked<'a>);

impl Cause for UpstreamResolverDead {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(verdict) = nothing_to_do(cx) {
            return verdict;
        }
        let name = match (outside_name(cx), &cx.question.request.destination) {
            (Some(name), _) => name,
            (None, Destination::Dns) => resolve::INTERNET,
            (None, _) => return Verdict::NotApplicable,
        };
        // the resolvers answered, or have no say in a name that means a Service
        if says_nxdomain(cx) {
            return Verdict::Clear;
        }
        let addresses = service_addresses(cx);
        let mut servers: Vec<Server<'_>> =
            addresses.iter().map(|ip| (SocketAddr::new(*ip, 53).to_string(), udp(cx, *ip))).collect();
        servers.extend(endpoints(cx).into_iter().map(|(b, a)| (endpoint_words(&b), a)));
        let servers: Vec<Server<'_>> = servers.into_iter().filter(|(_, a)| a.about(name).next().is_some()).collect();
        if servers.is_empty() {
            // behind NodeLocal DNS the DNS Service is not asked: a name that resolves clears it all the same
            return if name_failed(cx) == Some(false) { Verdict::Clear } else { unmeasured() };
        }
        let (bad, others): (Vec<Server<'_>>, Vec<Server<'_>>) = servers.into_iter().partition(|(_, a)| fails(a, name));
        let good: Vec<Server<'_>> = others.into_iter().filter(|(_, a)| works(a, name)).collect();
        let domain = names::domain(cx.cluster);
        if bad.is_empty() || !bad.iter().any(|(_, a)| answers_inside(a, &domain)) {
            return Verdict::Clear;
        }
        Verdict::Found(vec![finding(cx, name, &bad, &good)])
    }
}

/// No answer came from behind the server: SERVFAIL, REFUSED or silence.
fn fails(asked: &Asked<'_>, name: &str) -> bool {
    let told = |a: &Answer| a.code().map_or(matches!(a, Answer::TimedOut { .. }), |code| code == "SERVFAIL" || code == "REFUSED");
    asked.about(name).any(told) && !works(asked, name)
}

/// An answer came from behind the server, if only that there is no such name.
fn works(asked: &Asked<'_>, name: &str) -> bool {
    asked.about(name).any(|a| a.code().is_some_and(|code| code == "NOERROR" || code == "NXDOMAIN"))
}

fn answers_inside(asked: &Asked<'_>, domain: &str) -> bool {
    let below = format!(".{domain}");
    asked.queries.iter().any(|(spec, a)| spec.name.trim_end_matches('.').ends_with(&below) && a.records().is_some())
}

fn forward_of(cx: &Correlation<'_>, name: &str) -> Option<Forward> {
    let text = cx.cluster.config_maps.seen().find_map(|c| c.data.get("Corefile"))?;
    Corefile::parse(text).ok()?.block_for(name, 53)?.forward_for(name)
}

fn finding(cx: &Correlation<'_>, name: &str, bad: &[Server<'_>], good: &[Server<'_>]) -> Finding {
    let object = reads::dns_services(cx.cluster).first().map_or_else(|| ObjectRef::service("", "dns"), |s| s.object());
    let forward = forward_of(cx, name);
    let to = forward.as_ref().map(|f| f.upstreams.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let refused = bad.iter().all(|(_, a)| a.about(name).all(|x| x.code() == Some("REFUSED")));
    let what = match (&to, refused) {
        (None, true) => "its Corefile forwards them nowhere".to_owned(),
        (Some(to), true) => format!("the resolvers it forwards to ({to}) refuse"),
        (Some(to), false) => format!("the resolvers it forwards to ({to}) do not answer it"),
        (None, false) => "the resolvers behind it do not answer it".to_owned(),
    };
    let some = if good.is_empty() { String::new() } else { format!(" at {} of {} servers", bad.len(), bad.len() + good.len()) };
    let sentence = format!("{object} resolves names of the cluster and fails for {name}{some}: {what}.");
    let mut finding = if good.is_empty() {
        Finding::cause(UpstreamResolverDead::META, object, sentence).proven()
    } else if name_failed(cx) == Some(true) {
        Finding::cause(UpstreamResolverDead::META, object, sentence)
    } else {
        Finding::warning(UpstreamResolverDead::META, object, sentence)
    };
    for (server, asked) in bad.iter().take(4) {
        let answer = asked.about(name).last().map(answer_words).unwrap_or_default();
        finding = finding.expected(format!("{name} asked of {server}"), "an address or NXDOMAIN", answer);
    }
    if let Some((server, asked)) = bad.iter().find(|(_, a)| answers_inside(a, &names::domain(cx.cluster))) {
        let inside = asked.queries.iter().find(|(_, a)| a.records().is_some());
        if let Some((spec, answer)) = inside {
            finding = finding.seen(format!("{} asked of {server}", spec.name), answer_words(answer));
        }
    }
    if let Some(forward) = &forward {
        finding = finding
            .seen(format!("Corefile line {}", forward.line), format!("forward {} {}", forward.from, to.unwrap_or_default()));
    }
    for (ip, port) in upstreams(cx.cluster, name) {
        finding = direct(cx, finding, ip, port);
    }
    for line in timeouts(cx) {
        finding = finding.seen("log of CoreDNS", line);
    }
    let namespace = reads::dns_services(cx.cluster).first().map_or(names::DNS_NAMESPACE.to_owned(), |s| s.namespace.clone());
    finding.next(format!(
        "ask these resolvers from the node of a CoreDNS pod, or forward to others: kubectl -n {namespace} edit configmap coredns"
    ))
}

/// What a resolver told the source itself: it shows whether it is dead or only CoreDNS cannot reach it.
fn direct(cx: &Correlation<'_>, finding: Finding, ip: IpAddr, port: u16) -> Finding {
    let asked = super::view::asked(cx, ip, port, crate::probe::Transport::Udp);
    if asked.measured() { finding.seen(format!("resolver {ip} asked by the source itself"), asked.words()) } else { finding }
}

/// `[ERROR] plugin/errors: 2 example.com. A: read udp 10.244.1.2:53111->10.0.0.2:53: i/o timeout`, at most two.
fn timeouts(cx: &Correlation<'_>) -> Vec<String> {
    let texts = cx.cluster.texts.values().filter_map(|text| text.got());
    let lines = texts.flat_map(|t| t.lines()).filter(|l| l.contains("read udp") && l.contains("i/o timeout"));
    lines.take(2).map(|l| l.trim().to_owned()).collect()
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::finding::Weight;
    use crate::model::testing::{World, ip};
    use crate::plan::testing::{Case, answered, code, request, to_name, to_web};
    use crate::probe::{ProbeOutcome, ProbeSpec, RecordType, ResolveOutcome};

    fn outside(name: &str) -> bool {
        name.trim_end_matches('.').ends_with("example.com")
    }

    fn without_upstream(world: &World, request: &crate::model::Request, at: &dyn Fn(IpAddr) -> bool, answer: &Answer) -> Case {
        Case::measured(world, request, &|_, spec| match spec {
            ProbeSpec::Dns(s) if outside(&s.name) && at(s.server) => Some(answered(s, answer)),
            ProbeSpec::Resolve(s) if outside(&s.name) => Some(ProbeOutcome::Resolve(ResolveOutcome {
                addresses: Vec::new(),
                answered_as: None,
                queries: vec![(s.name.clone(), RecordType::A, "SERVFAIL".into())],
                total_us: 2_000_000,
                error: Some("server failure".into()),
            })),
            _ => None,
        })
    }

    #[test]
    fn a_dead_upstream_is_the_cause_for_an_outside_name() {
        let mut world = World::shop();
        for text in world.config_maps.iter_mut().filter_map(|c| c.data.get_mut("Corefile")) {
            *text = text.replace("/etc/resolv.conf", "10.0.0.2");
        }
        let case = without_upstream(&world, &to_name("www.example.com"), &|_| true, &code("SERVFAIL"));
        let found = only(explain(&UpstreamResolverDead, &case));
        assert_eq!(
            found.sentence,
            "service/kube-system/kube-dns resolves names of the cluster and fails for www.example.com: the resolvers it forwards \
             to (10.0.0.2:53) do not answer it."
        );
        assert!(case.measured.iter().any(|m| matches!(&m.spec, ProbeSpec::Dns(s) if s.server == ip("10.0.0.2"))));
        let answer = judge(&case);
        assert_eq!((causes(&answer), answer.exit_code), (vec!["NC1005"], 1));
    }

    #[test]
    fn the_question_about_dns_itself_asks_an_outside_name_too() {
        let case = without_upstream(&World::shop(), &request(Destination::Dns), &|_| true, &Answer::TimedOut { after_ms: 2_000 });
        assert_eq!(only(explain(&UpstreamResolverDead, &case)).weight, Weight::Cause);
        assert_eq!(causes(&judge(&case)), ["NC1005"]);
    }

    #[test]
    fn one_replica_that_is_slow_to_give_up_is_not_blamed() {
        let case = Case::measured(&World::shop(), &request(Destination::Dns), &|_, spec| match spec {
            ProbeSpec::Dns(s) if outside(&s.name) && s.server == ip("10.244.2.2") => {
                Some(answered(s, &Answer::TimedOut { after_ms: 2_000 }))
            }
            ProbeSpec::Dns(s) if outside(&s.name) => Some(answered(s, &code("SERVFAIL"))),
            _ => None,
        });
        assert_eq!(causes(&judge(&case)), ["NC1005"]);
    }

    #[test]
    fn a_cluster_name_does_not_depend_on_it() {
        let case = without_upstream(&World::shop(), &to_web(), &|_| true, &code("SERVFAIL"));
        assert_eq!(explain(&UpstreamResolverDead, &case), Verdict::NotApplicable);
        assert_eq!(judge(&case).exit_code, 0);
    }

    #[test]
    fn no_forward_line_is_said() {
        let mut world = World::shop();
        for text in world.config_maps.iter_mut().filter_map(|c| c.data.get_mut("Corefile")) {
            *text = ".:53 {\n    kubernetes cluster.local\n}\n".into();
        }
        let case = without_upstream(&world, &to_name("www.example.com"), &|_| true, &code("REFUSED"));
        assert!(only(explain(&UpstreamResolverDead, &case)).sentence.ends_with("its Corefile forwards them nowhere."));
    }

    #[test]
    fn healthy_and_nxdomain_are_clear() {
        let name = to_name("www.example.com");
        assert_eq!(explain(&UpstreamResolverDead, &Case::healthy(&World::shop(), &name)), Verdict::Clear);
        let case = without_upstream(&World::shop(), &name, &|_| true, &code("NXDOMAIN"));
        assert_eq!(explain(&UpstreamResolverDead, &case), Verdict::Clear);
    }

    #[test]
    fn unrun_probes_leave_it_open() {
        let verdict = explain(&UpstreamResolverDead, &Case::not_run(&World::shop(), &to_name("www.example.com")));
        assert!(matches!(verdict, Verdict::Undetermined(_)), "{verdict:?}");
    }
}
