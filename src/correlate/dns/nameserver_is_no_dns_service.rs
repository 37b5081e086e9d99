use std::net::IpAddr;

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict, Weight};
use crate::plan::{names, reads};
use crate::probe::{Answer, ResolvConf};

use super::view::{is_node_local, name_failed, nothing_to_do, outside_name, source, source_words, udp, unmeasured};

declare_finding! {
    /// ## What it finds
    ///
    /// The pod asks a nameserver that is not the cluster's DNS: none of the addresses in its resolv.conf belongs to a DNS
    /// Service, nor is one a NodeLocal DNS address, and none of them knows the cluster's names.
    ///
    /// ## How it is proven
    ///
    /// resolv.conf is read inside the pod and compared with the addresses of the DNS Services; the nameservers it names are
    /// asked for a name of the cluster. The pod's `dnsPolicy` tells whose doing it is: the kubelet's `clusterDNS` under
    /// `ClusterFirst`, the pod's own choice under `Default` and `None`. A host-network pod under `ClusterFirst` gets the
    /// node's resolver.
    ///
    /// ## What to do
    ///
    /// Under `ClusterFirst` set `clusterDNS` in the kubelet's configuration on that node to the DNS Service's address,
    /// restart the kubelet and recreate the pod. Otherwise set the pod's `dnsPolicy` to `ClusterFirst`, or to
    /// `ClusterFirstWithHostNet` when it uses the host's network.
    NameserverIsNoDnsService, "NC1007", "nameserver-is-no-dns-service", "The pod's nameserver is not the cluster's DNS"
}

impl Cause for NameserverIsNoDnsService {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        if let Some(verdict) = nothing_to_do(cx) {
            return verdict;
        }
        verdict(cx)
    }
}

/// This finding is what breaks the question.
pub(super) fn is_cause(cx: &Correlation<'_>) -> bool {
    matches!(verdict(cx), Verdict::Found(all) if all.iter().any(|f| f.weight == Weight::Cause))
}

fn verdict(cx: &Correlation<'_>) -> Verdict {
    let Some(conf) = cx.environment().and_then(|e| e.resolv_conf.as_ref()) else {
        return Verdict::Undetermined("the source's resolv.conf was not read".to_owned());
    };
    let services = reads::dns_services(cx.cluster);
    let is_cluster_dns = |ip: &IpAddr| is_node_local(*ip) || services.iter().any(|s| s.cluster_ips.contains(ip));
    if conf.nameservers.iter().any(is_cluster_dns) {
        return Verdict::Clear;
    }
    // a DNS of another name that knows the cluster is the cluster's DNS all the same
    let domain = names::domain(cx.cluster);
    let knows = conf.nameservers.iter().any(|ip| knows_cluster(cx, *ip, &domain));
    if knows {
        return Verdict::Clear;
    }
    let takes_cluster_dns = source(cx).is_none_or(names::uses_cluster_dns);
    if services.is_empty() && takes_cluster_dns {
        return Verdict::Undetermined("the cluster's DNS Service is not known to compare with".to_owned());
    }
    let Some(failed) = name_failed(cx) else { return unmeasured() };
    let silent = conf.nameservers.iter().all(|ip| udp(cx, *ip).responses() == 0);
    let breaks = failed && (outside_name(cx).is_none() || silent);
    // under Default and None somebody chose another resolver, and it serves this question
    let chosen = !takes_cluster_dns || source(cx).is_some_and(|p| p.dns_policy.as_deref() == Some("None"));
    if breaks || !chosen {
        return Verdict::Found(vec![finding(cx, conf, breaks)]);
    }
    Verdict::Clear
}

/// The server gave an address for a name below the cluster's domain.
fn knows_cluster(cx: &Correlation<'_>, ip: IpAddr, domain: &str) -> bool {
    let below = format!(".{domain}");
    let asked = udp(cx, ip);
    asked.queries.iter().any(|(spec, a)| spec.name.trim_end_matches('.').ends_with(&below) && Answer::records(a).is_some())
}

fn finding(cx: &Correlation<'_>, conf: &ResolvConf, breaks: bool) -> Finding {
    let who = source_words(cx);
    let about = cx.question.from.clone().unwrap_or_else(|| crate::model::ObjectRef::pod("", "source"));
    let name = cx.question.name.clone().unwrap_or_default();
    let servers: Vec<String> = conf.nameservers.iter().map(ToString::to_string).collect();
    let servers = if servers.is_empty() { "no nameserver".to_owned() } else { format!("nameserver {}", servers.join(", ")) };
    let pod = source(cx);
    let policy = pod.and_then(|p| p.dns_policy.clone()).unwrap_or_else(|| "ClusterFirst".to_owned());
    let host = pod.is_some_and(|p| p.host_network);
    let node = pod.and_then(|p| p.node.clone()).unwrap_or_default();
    let dns: Vec<String> = reads::dns_services(cx.cluster)
        .iter()
        .map(|s| format!("{} {}", s.object(), s.cluster_ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
        .collect();
    let so = if breaks { format!(", so {name} does not resolve") } else { String::new() };
    let (sentence, next) = match policy.as_str() {
        "Default" => (
            format!(
                "{who} uses the resolver of its node (dnsPolicy Default, {servers}), which does not know names of the cluster{so}."
            ),
            "set dnsPolicy: ClusterFirst in the pod's template".to_owned(),
        ),
        "ClusterFirst" if host => (
            format!(
                "{who} uses the resolver of its node (hostNetwork with dnsPolicy ClusterFirst, {servers}), which does not know names of the cluster{so}."
            ),
            "set dnsPolicy: ClusterFirstWithHostNet in the pod's template".to_owned(),
        ),
        "None" => (
            format!("{who} uses the nameservers of its own dnsConfig ({servers}), which is not the cluster's DNS{so}."),
            "correct dnsConfig.nameservers in the pod's template, or set dnsPolicy: ClusterFirst".to_owned(),
        ),
        _ => (
            format!("{who} asks {servers}, which is not the cluster's DNS{so}."),
            format!(
                "set clusterDNS in the kubelet's configuration on node/{node} to the DNS Service's address, restart the kubelet, and recreate the pod"
            ),
        ),
    };
    let finding = if breaks {
        Finding::cause(NameserverIsNoDnsService::META, about, sentence).proven()
    } else {
        Finding::warning(NameserverIsNoDnsService::META, about, sentence)
    };
    let mut finding = finding.expected(format!("resolv.conf of {who}"), dns.join("; "), servers);
    finding = finding.seen(format!("{who} spec.dnsPolicy"), if host { format!("{policy}, hostNetwork") } else { policy });
    for ip in &conf.nameservers {
        let asked = udp(cx, *ip);
        if asked.measured() {
            finding = finding.seen(format!("UDP queries to {ip}"), asked.words());
        }
    }
    finding.next(next)
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a fault of a test touches one probe")]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::{World, ip};
    use crate::plan::testing::{Case, answered, code, environment, to_name, to_web};
    use crate::probe::{ProbeOutcome, ProbeSpec, RecordType, ResolveOutcome};

    /// The pod's nameserver is 10.0.0.2, which answers NXDOMAIN to names of the cluster unless it knows them.
    fn foreign(world: &World, request: &crate::model::Request, knows: bool) -> Case {
        Case::measured(world, request, &|_, spec| match spec {
            ProbeSpec::Environment(_) => {
                let mut environment = environment();
                environment.resolv_conf.as_mut().expect("set").nameservers = vec![ip("10.0.0.2")];
                Some(ProbeOutcome::Environment(environment))
            }
            ProbeSpec::Dns(s) if s.server == ip("10.0.0.2") && s.name.ends_with("cluster.local") && !knows => {
                Some(answered(s, &code("NXDOMAIN")))
            }
            ProbeSpec::Resolve(s) if s.name.ends_with("cluster.local") && !knows => Some(ProbeOutcome::Resolve(ResolveOutcome {
                addresses: Vec::new(),
                answered_as: None,
                queries: vec![(s.name.clone(), RecordType::A, "NXDOMAIN".into())],
                total_us: 900,
                error: Some("does not exist".into()),
            })),
            _ => None,
        })
    }

    #[test]
    fn a_wrong_cluster_dns_of_the_kubelet_is_the_one_cause() {
        let case = foreign(&World::shop(), &to_web(), false);
        let found = only(explain(&NameserverIsNoDnsService, &case));
        assert_eq!(
            found.sentence,
            "pod/shop/client asks nameserver 10.0.0.2, which is not the cluster's DNS, so web.shop.svc.cluster.local does not resolve."
        );
        assert_eq!(found.evidence[0].expected, "service/kube-system/kube-dns 10.96.0.10");
        assert!(found.next.contains("node/node1"));
        assert_eq!(causes(&judge(&case)), ["NC1007"]);
    }

    #[test]
    fn the_nodes_resolver_is_told_apart_by_the_policy() {
        let mut world = World::shop();
        world.pod("client").dns_policy = Some("Default".into());
        let case = foreign(&world, &to_web(), false);
        assert!(only(explain(&NameserverIsNoDnsService, &case)).sentence.contains("dnsPolicy Default"));
        world.pod("client").dns_policy = Some("ClusterFirst".into());
        world.pod("client").host_network = true;
        let case = foreign(&world, &to_web(), false);
        assert!(only(explain(&NameserverIsNoDnsService, &case)).next.contains("ClusterFirstWithHostNet"));
    }

    #[test]
    fn a_question_it_does_not_break_gets_a_warning() {
        let case = foreign(&World::shop(), &to_name("www.example.com"), false);
        assert_eq!(only(explain(&NameserverIsNoDnsService, &case)).weight, Weight::Warning);
        let mut world = World::shop();
        for chosen in ["Default", "None"] {
            world.pod("client").dns_policy = Some(chosen.into());
            let case = foreign(&world, &to_name("www.example.com"), false);
            assert_eq!(explain(&NameserverIsNoDnsService, &case), Verdict::Clear);
        }
    }

    #[test]
    fn healthy_is_clear_and_so_is_a_dns_of_another_name_that_knows_the_cluster() {
        assert_eq!(explain(&NameserverIsNoDnsService, &Case::healthy(&World::shop(), &to_web())), Verdict::Clear);
        assert_eq!(explain(&NameserverIsNoDnsService, &foreign(&World::shop(), &to_web(), true)), Verdict::Clear);
        assert_eq!(
            explain(&NameserverIsNoDnsService, &foreign(&World::shop(), &to_name("www.example.com"), true)),
            Verdict::Clear
        );
    }

    #[test]
    fn an_unread_resolv_conf_leaves_it_open() {
        let verdict = explain(&NameserverIsNoDnsService, &Case::not_run(&World::shop(), &to_web()));
        assert!(matches!(verdict, Verdict::Undetermined(_)), "{verdict:?}");
    }
}
