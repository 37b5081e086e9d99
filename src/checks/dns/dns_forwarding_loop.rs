use super::state::{Dns, Trouble, corefile, forwards_to_itself};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::dns_config::{Corefile, Forward, Upstream};
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{ContainerState, Pod};
use crate::plan::names;

declare_finding! {
    /// ## What it finds
    ///
    /// CoreDNS forwards names outside the cluster to itself. Its `loop` plugin sees the query come back and stops the
    /// process, so every pod of it ends in `CrashLoopBackOff` and no name resolves.
    ///
    /// ## How it is proven
    ///
    /// The log of a DNS pod that is not ready holds `plugin/loop: Loop (…) detected`. Without the log, the Corefile proves
    /// it when a `forward` line names loopback, the DNS Service or a DNS pod. A `forward . /etc/resolv.conf` loops when
    /// the node's own resolv.conf names a local server, as systemd-resolved's 127.0.0.53 or dnsmasq's 127.0.0.1: CoreDNS
    /// runs in its own network namespace, where that address is CoreDNS itself.
    ///
    /// ## What to do
    ///
    /// Forward to real servers: `forward . 10.0.0.2` in the ConfigMap `coredns`, or set `resolvConf` in the kubelet's
    /// configuration to the file that lists them, on systemd-resolved `/run/systemd/resolve/resolv.conf`. Removing `loop`
    /// only hides it: queries then circle until they time out.
    DnsForwardingLoop, "NC1006", "dns-forwarding-loop", "CoreDNS forwards to itself"
}

impl Check for DnsForwardingLoop {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let dns = match Dns::of(cx) {
            Ok(dns) => dns,
            Err(verdict) => return verdict,
        };
        let corefile = corefile(cx.cluster, dns.service);
        let circular = corefile.as_ref().map(|c| forwards_to_itself(c, &dns)).unwrap_or_default();
        match dns.trouble(cx.cluster) {
            Ok(Trouble::Looping(pods)) => Verdict::Found(vec![proven(&dns, &pods, corefile.as_ref())]),
            Ok(_) if !circular.is_empty() => Verdict::Found(vec![configured(cx, &dns, &circular)]),
            Ok(Trouble::Down(down, _)) if down.iter().any(|p| crashes(p)) => log_missing(cx, &down),
            Ok(Trouble::NoPods | Trouble::Down(..) | Trouble::NoEndpoints | Trouble::Nothing) => Verdict::Clear,
            Err(why) => Verdict::Undetermined(why),
        }
    }
}

/// The loop plugin exits with code 1 after its log line.
fn crashes(pod: &Pod) -> bool {
    let ended = |s: &ContainerState| matches!(s, ContainerState::Terminated { exit_code: 1, .. });
    pod.containers.iter().any(|c| !c.ready && (ended(&c.state) || ended(&c.last)))
}

fn log_missing(cx: &Context<'_>, down: &[&Pod]) -> Verdict {
    let of_down = |q: &crate::model::Query| {
        down.iter().any(|p| q.namespace.as_ref() == Some(&p.namespace) && q.name.as_ref() == Some(&p.name))
    };
    let mut logs = cx.cluster.texts.iter().filter(|(q, _)| of_down(q)).map(|(_, text)| text);
    if logs.clone().any(|text| text.got().is_some()) {
        return Verdict::Clear;
    }
    let why = logs.find_map(crate::model::Known::missing).unwrap_or_else(|| "was not read".to_owned());
    Verdict::Undetermined(format!("the log of the DNS pods that crash: {why}"))
}

fn forward_words(forward: &Forward) -> String {
    let targets: Vec<String> = forward.upstreams.iter().map(ToString::to_string).collect();
    format!("forward {} {}", forward.from, targets.join(" "))
}

fn proven(dns: &Dns<'_>, pods: &[(&Pod, String)], corefile: Option<&Corefile>) -> Finding {
    let object = dns.service.object();
    let namespace = &dns.service.namespace;
    let forward =
        corefile.and_then(|c| c.blocks.iter().flat_map(crate::dns_config::ServerBlock::forwards).find(|f| f.from == "."));
    let to = forward.as_ref().map(|f| f.upstreams.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let through = to.map(|to| format!(" through {to}")).unwrap_or_default();
    let node = pods.first().and_then(|(p, _)| p.node.clone()).map(|n| format!(" on node/{n}")).unwrap_or_default();
    let mut finding = Finding::cause(
        DnsForwardingLoop::META,
        object.clone(),
        format!(
            "{object} is down: CoreDNS{node} forwards queries{through} to itself and stops on the loop, so no name resolves."
        ),
    )
    .proven();
    for (pod, line) in pods {
        finding = finding.expected(format!("log of {}", pod.object()), "no loop", line.clone());
    }
    let reads_file = forward.as_ref().is_some_and(|f| f.upstreams.iter().any(|u| matches!(u, Upstream::ResolvConf(_))));
    if let Some(forward) = &forward {
        let source = format!("Corefile line {}", forward.line);
        finding = finding.expected(source, "servers other than CoreDNS", forward_words(forward));
    }
    finding.next(if reads_file {
        "the node's resolv.conf names a local server: point the kubelet's resolvConf at the file with the real servers \
         (systemd-resolved: /run/systemd/resolve/resolv.conf), then delete the CoreDNS pods"
            .to_owned()
    } else {
        format!("forward to a real resolver: kubectl -n {namespace} edit configmap coredns")
    })
}

/// No log tells, and the Corefile does: a cause when the pods are down or the name needs the line, else a warning.
fn configured(cx: &Context<'_>, dns: &Dns<'_>, circular: &[Forward]) -> Finding {
    let object = dns.service.object();
    let down = dns.pods.got().is_some_and(|pods| !pods.is_empty() && pods.iter().all(|p| !p.ready));
    let domain = names::domain(cx.cluster);
    let name = cx.question.name.as_deref().unwrap_or_default();
    let asked = circular.iter().any(|f| f.takes(name)) && names::is_outside(name, &domain);
    let line = circular.first().map(forward_words).unwrap_or_default();
    let sentence = format!("{object} forwards to itself: {line:?} in the Corefile sends queries in a circle.");
    let mut finding = if down || asked {
        Finding::cause(DnsForwardingLoop::META, object, sentence)
    } else {
        Finding::warning(DnsForwardingLoop::META, object, sentence)
    };
    for forward in circular {
        let source = format!("Corefile line {}", forward.line);
        finding = finding.expected(source, "servers other than CoreDNS", forward_words(forward));
    }
    finding.next(format!("forward to a real resolver: kubectl -n {} edit configmap coredns", dns.service.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, check, judge, only};
    use crate::finding::{Confidence, Weight};
    use crate::model::testing::World;
    use crate::model::{ObjectRef, Resource};
    use crate::plan::testing::{Case, to_name, to_web};

    const LOOP: &str = "[INFO] plugin/reload: Running configuration SHA512 = 5917\n\
        [FATAL] plugin/loop: Loop (127.0.0.1:44222 -> :53) detected for zone \".\", see https://coredns.io/plugins/loop#troubleshooting. \
        Query: \"HINFO 5577006791947779410.8674665223082153551.\"\n";

    fn verdict(world: &World) -> Verdict {
        check(&DnsForwardingLoop, &Case::unmeasured(world, &to_web()))
    }

    fn crashed() -> World {
        let mut world = World::shop();
        for name in ["coredns-1", "coredns-2"] {
            world.crash(name, "CrashLoopBackOff", 1, "Error");
        }
        world
    }

    fn forwarding_to(upstream: &str, world: &mut World) {
        for text in world.config_maps.iter_mut().filter_map(|c| c.data.get_mut("Corefile")) {
            *text = text.replace("/etc/resolv.conf", upstream);
        }
    }

    #[test]
    fn the_log_convicts_and_no_other_finding_speaks() {
        let mut world = crashed();
        world.logs.insert((ObjectRef::pod("kube-system", "coredns-1"), true), LOOP.into());
        let found = only(verdict(&world));
        assert_eq!(found.confidence, Confidence::Proven);
        assert!(found.sentence.contains("through /etc/resolv.conf to itself"), "{}", found.sentence);
        assert!(found.next.contains("/run/systemd/resolve/resolv.conf"));
        let answer = judge(&Case::unmeasured(&world, &to_web()));
        assert_eq!(causes(&answer), ["NC1006"]);
        assert!(!answer.notices.iter().any(|n| n.code == "NC1003"));
    }

    #[test]
    fn a_corefile_that_names_loopback_convicts_without_the_log() {
        let mut world = crashed();
        forwarding_to("127.0.0.1", &mut world);
        world.denied.push(Resource::Log);
        let found = only(verdict(&world));
        assert_eq!((found.weight, found.confidence), (Weight::Cause, Confidence::Likely));
    }

    #[test]
    fn a_loop_nobody_needs_is_a_warning_and_one_the_name_needs_a_cause() {
        let mut world = World::shop();
        forwarding_to("10.96.0.10", &mut world);
        assert_eq!(only(verdict(&world)).weight, Weight::Warning);
        let case = Case::unmeasured(&world, &to_name("www.example.com"));
        assert_eq!(only(check(&DnsForwardingLoop, &case)).weight, Weight::Cause);
    }

    #[test]
    fn healthy_is_clear_and_so_is_a_local_resolver_on_another_port() {
        assert_eq!(verdict(&World::shop()), Verdict::Clear);
        let mut world = World::shop();
        forwarding_to("127.0.0.1:5353", &mut world);
        assert_eq!(verdict(&world), Verdict::Clear);
    }

    #[test]
    fn a_crash_whose_log_was_refused_leaves_it_open() {
        let mut world = crashed();
        world.denied.push(Resource::Log);
        assert!(matches!(verdict(&world), Verdict::Undetermined(why) if why.contains("not permitted")));
    }
}
