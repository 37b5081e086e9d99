use std::net::IpAddr;

use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::plan::routes::{self, Address};
use crate::probe::{ProbeOutcome, ProbeSpec, ResolveOutcome};

declare_finding! {
    /// ## What it finds
    ///
    /// The name of a host of an Ingress or a Gateway leads the source elsewhere than to the route's address, or does not exist for it.
    /// That need not be wrong: a load balancer or a content network may stand in front, and names may differ inside and outside.
    ///
    /// ## How it is proven
    ///
    /// The source looks the host's name up, and the answer is compared with the addresses in the object's status.
    ///
    /// ## What to do
    ///
    /// When users cannot reach the route and this address is not meant, mend the DNS record.
    HostResolvesElsewhere, "NC7010", "host-elsewhere", "The host's name leads elsewhere"
}

impl Cause for HostResolvesElsewhere {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some(route) = routes::of(cx.question) else { return Verdict::NotApplicable };
        let doors: Vec<Address> =
            routes::doors(route, cx.cluster).into_iter().filter(|d| d.published).map(|d| d.address).collect();
        let hosts = routes::steps::hosts(cx.question, cx.cluster);
        if hosts.is_empty() || doors.is_empty() {
            return Verdict::NotApplicable;
        }
        let ours: Vec<IpAddr> = doors.iter().flat_map(|d| addresses(cx, d)).collect();
        let mut found = Vec::new();
        let mut open = Vec::new();
        for host in hosts {
            let Some(resolved) = lookup(cx, &host) else {
                open.push(host);
                continue;
            };
            let theirs: Vec<IpAddr> = resolved.addresses.iter().filter_map(|a| a.parse().ok()).collect();
            if theirs.iter().any(|ip| ours.contains(ip)) || (ours.is_empty() && !theirs.is_empty()) {
                continue;
            }
            let list = |ips: &[IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let sentence = if theirs.is_empty() {
                format!("{route} has the host {host}, which the source cannot resolve.")
            } else {
                format!("{route} has the host {host}, which is {} for the source, and not {}.", list(&theirs), list(&ours))
            };
            let seen = resolved.error.clone().unwrap_or_else(|| list(&theirs));
            let finding = Finding::note(Self::META, route.clone(), sentence)
                .proven()
                .expected(format!("lookup of {host}"), list(&ours), seen)
                .next(format!("where users cannot reach it either, mend the DNS record of {host}"));
            found.push(finding);
        }
        if found.is_empty() && !open.is_empty() {
            return Verdict::Undetermined(format!("the host {} was not looked up", open.join(", ")));
        }
        Verdict::of(found)
    }
}

fn addresses(cx: &Correlation<'_>, door: &Address) -> Vec<IpAddr> {
    match door {
        Address::Ip(ip) => vec![*ip],
        Address::Name(name) => {
            lookup(cx, name).map(|r| r.addresses.iter().filter_map(|a| a.parse().ok()).collect()).unwrap_or_default()
        }
    }
}

fn lookup<'a>(cx: &Correlation<'a>, name: &str) -> Option<&'a ResolveOutcome> {
    cx.measured.iter().find_map(|m| match (&m.spec, &m.outcome) {
        (ProbeSpec::Resolve(spec), ProbeOutcome::Resolve(outcome)) if spec.name == name => Some(outcome),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{explain, only};
    use crate::finding::Weight;
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_ingress};

    #[test]
    fn another_address_and_no_address_are_notes() {
        let mut world = World::edge();
        world.ingresses[0].load_balancer = vec!["192.0.2.99".into()];
        let found = only(explain(&HostResolvesElsewhere, &Case::healthy(&world, &to_ingress())));
        assert_eq!(found.weight, Weight::Note);
        assert_eq!(
            found.sentence,
            "ingress/shop/web has the host web.example.com, which is 192.0.2.34 for the source, and not 192.0.2.99."
        );
        world.ingresses[0].backends[0].host = Some("web.invalid".into());
        let found = only(explain(&HostResolvesElsewhere, &Case::healthy(&world, &to_ingress())));
        assert_eq!(found.sentence, "ingress/shop/web has the host web.invalid, which the source cannot resolve.");
    }

    #[test]
    fn healthy_is_silent() {
        assert_eq!(explain(&HostResolvesElsewhere, &Case::healthy(&World::edge(), &to_ingress())), Verdict::Clear);
        let other = Case::healthy(&World::shop(), &crate::plan::testing::to_web());
        assert_eq!(explain(&HostResolvesElsewhere, &other), Verdict::NotApplicable);
    }

    #[test]
    fn nothing_measured_is_undetermined() {
        let case = Case::not_run(&World::edge(), &to_ingress());
        assert!(matches!(explain(&HostResolvesElsewhere, &case), Verdict::Undetermined(_)));
    }
}
