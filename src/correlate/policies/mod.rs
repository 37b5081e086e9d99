//! What policies do to the traffic of a question (`NC20xx`), squared with what was measured.

mod dns_denied;
mod egress_denied;
mod ingress_denied;
mod policies_contradicted;
mod policies_not_enforced;
#[cfg(test)]
mod tests;

pub use dns_denied::DnsDenied;
pub use egress_denied::EgressDenied;
pub use ingress_denied::IngressDenied;
pub use policies_contradicted::PoliciesContradicted;
pub use policies_not_enforced::PoliciesNotEnforced;

use std::net::IpAddr;

use crate::cni::Policy;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Cluster, Protocol, Question, Subject};
use crate::plan::reads;
use crate::policy::legs::Seen;
use crate::policy::{Denial, Direction, Judged, Outcome, judged};
use crate::probe::{ProbeOutcome, TcpAttempt};
use crate::protocol::Measurement;
use crate::report::diagnosis::Measured;

use super::diagnose::Gap;
use super::view::Reach;
use super::{Correlation, summary};

/// What the policies say of a question, and of the DNS queries that come before it.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// `None` where no port is asked about, and for routes: there a controller stands between the ends.
    pub pair: Option<Judged>,
    /// Of queries from the source to the cluster's DNS. `None` where the question needs no name.
    pub dns: Option<Judged>,
}

impl Policies {
    /// Judges a question.
    pub fn of(question: &Question, cluster: &Cluster, measured: &[Measurement]) -> Self {
        let seen = seen(question, measured);
        let judgeable = question.port.is_some() && !matches!(question.to, Subject::Route(_));
        Self { pair: judgeable.then(|| judged(question, cluster, seen.clone())), dns: dns(question, cluster, seen) }
    }
}

/// What the source's probes showed of names and nameservers.
fn seen(question: &Question, measured: &[Measurement]) -> Seen {
    let mut seen = Seen::default();
    for m in measured.iter().filter(|m| Some(&m.from) == question.from.as_ref()) {
        if let ProbeOutcome::Environment(environment) = &m.outcome {
            seen.nameservers.extend(environment.resolv_conf.iter().flat_map(|r| &r.nameservers));
        }
        if let (ProbeOutcome::Resolve(resolved), Subject::Name(_)) = (&m.outcome, &question.to) {
            seen.addresses.extend(resolved.addresses.iter().filter_map(|a| a.parse::<IpAddr>().ok()));
        }
    }
    seen
}

fn dns(question: &Question, cluster: &Cluster, seen: Seen) -> Option<Judged> {
    question.name.as_ref()?;
    let service = reads::dns_services(cluster).first().copied()?;
    let to = Subject::Service { namespace: service.namespace.clone(), name: service.name.clone() };
    // the destination's addresses are not those of the DNS service
    let seen = Seen { addresses: Vec::new(), ..seen };
    let queries = Question { to, port: Some(53), protocol: Protocol::Udp, ..question.clone() };
    Some(judged(&queries, cluster, seen))
}

/// Nothing enforces policies, as far as the cluster's network says.
fn ignored(judged: &Judged) -> bool {
    matches!(judged.enforcement.enforces, Policy::Ignored(_))
}

/// What the objects promise of a question's traffic, as far as policies go.
pub(super) fn outcome(cx: &Correlation<'_>) -> Outcome {
    match &cx.policies.pair {
        Some(pair) if ignored(pair) => Outcome::Allowed,
        Some(pair) if pair.missing.is_empty() => pair.outcome.unwrap_or(Outcome::Allowed),
        Some(pair) if pair.outcome == Some(Outcome::Denied) => Outcome::Denied,
        None if selecting(cx).is_empty() => Outcome::Allowed,
        Some(_) | None => Outcome::Undetermined,
    }
}

/// How the far ends of a denial answered the source.
fn reach(cx: &Correlation<'_>, denial: &Denial) -> Reach {
    let pods = cx.cluster.pods.seen().filter(|p| denial.to.contains(&p.object().to_string())).flat_map(|p| &p.ips);
    let nodes = cx.cluster.nodes.seen().filter(|n| denial.to.contains(&format!("node/{}", n.name)));
    let named = pods.chain(nodes.flat_map(|n| &n.internal_ips)).copied();
    let mut ips: Vec<IpAddr> = named.chain(denial.to.iter().filter_map(|t| t.parse().ok())).collect();
    ips.sort_unstable();
    ips.dedup();
    let mut all = Reach::default();
    for one in ips.into_iter().map(|ip| cx.reach(ip, denial.port)) {
        all.tries += one.tries;
        all.successes += one.successes;
        all.failure = all.failure.or(one.failure);
        all.refusal = all.refusal.or(one.refusal);
    }
    all
}

/// The denials of a direction as causes.
fn denied(cx: &Correlation<'_>, meta: &'static Meta, direction: Direction) -> Verdict {
    let Some(pair) = cx.policies.pair.as_ref().filter(|p| !ignored(p)) else { return Verdict::NotApplicable };
    let denials = || pair.denials.iter().filter(|d| d.direction == direction && d.counts);
    if denials().next().is_none() {
        let open: Vec<&str> = pair.open.iter().filter(|(d, _)| *d == direction).map(|(_, why)| why.as_str()).collect();
        return if open.is_empty() { Verdict::Clear } else { Verdict::Undetermined(open.join("; ")) };
    }
    let passes = summary::measured(cx).0 == Measured::Reachable;
    let found = denials().filter_map(|denial| {
        let reach = reach(cx, denial);
        // what passes all the same is a finding of its own
        let contradicted = if reach.measured() { !reach.dead() } else { passes };
        (!contradicted).then(|| finding(cx, meta, pair, denial, &reach))
    });
    Verdict::of(found.collect())
}

fn finding(cx: &Correlation<'_>, meta: &'static Meta, pair: &Judged, denial: &Denial, reach: &Reach) -> Finding {
    let protocol = cx.question.protocol;
    let (from, to, port) = (&denial.from, some(&denial.to), denial.port);
    let sentence = match denial.direction {
        Direction::Ingress => format!("{to} may not be reached from {from} on port {port}/{protocol}: {}.", denial.because),
        Direction::Egress => format!("{from} may not connect to {to} port {port}/{protocol}: {}.", denial.because),
    };
    let at = denial.at.as_ref().map(|at| format!(" {at}")).unwrap_or_default();
    let finding = Finding::cause(meta, denial.policy.clone(), sentence).expected(
        format!("{}{at}, {} of {}", denial.policy, denial.direction, end(denial)),
        format!("a rule that lets {port}/{protocol} through"),
        denial.because.clone(),
    );
    let finding = if reach.measured() {
        finding.expected(format!("connections to {to} port {port}"), "accepted", reach.words())
    } else {
        finding
    };
    let finding = finding.next(next(cx, denial));
    let silent = reach.dead() && matches!(reach.refusal, Some(TcpAttempt::TimedOut { .. } | TcpAttempt::Unreachable { .. }));
    match (&pair.enforcement.enforces, reach.measured()) {
        (Policy::Enforced(_), true) if silent => finding.proven(),
        (Policy::Enforced(_), false) => finding,
        // somebody answers, or nobody knows whether policies count here
        (Policy::Enforced(_) | Policy::Depends(_) | Policy::Ignored(_), _) => finding.possible(),
    }
}

fn end(denial: &Denial) -> String {
    match denial.direction {
        Direction::Ingress => some(&denial.to),
        Direction::Egress => denial.from.clone(),
    }
}

/// `pod/shop/web-1`, or `pod/shop/web-1 and 2 more`.
fn some(ends: &[String]) -> String {
    match ends {
        [] => "the destination".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn next(cx: &Correlation<'_>, denial: &Denial) -> String {
    let asked = crate::report::diagnosis::QuestionPart::from(cx.question);
    let port = cx.question.port.map(|p| format!(" --port {p}/{}", cx.question.protocol)).unwrap_or_default();
    let told = format!("kubectl netcheck policy {} to {}{port}", asked.from, asked.to);
    match &denial.change {
        Some(change) => format!("{change}, if it should pass; {told} prints it and every rule that was asked"),
        None => format!("{told} prints every rule that was asked"),
    }
}

/// NetworkPolicies that select an end, where they are not judged.
fn selecting(cx: &Correlation<'_>) -> Vec<String> {
    let mut ends: Vec<_> = cx.question.from.iter().cloned().collect();
    match &cx.question.to {
        Subject::Pod(pod) => ends.push(pod.clone()),
        Subject::Service { .. } => ends.extend(cx.backends().into_iter().filter_map(|b| b.pod)),
        Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => {}
    }
    let pods: Vec<_> = ends.iter().filter_map(|o| cx.cluster.pod(o)).filter(|p| !p.host_network).collect();
    let selects = |p: &&crate::model::NetworkPolicy| {
        pods.iter().any(|pod| pod.namespace == p.namespace && p.pod_selector.matches(&pod.labels))
    };
    let mut names: Vec<String> = cx.cluster.network_policies.seen().filter(selects).map(|p| p.object().to_string()).collect();
    names.sort();
    names.dedup();
    names
}

/// Policies that were not judged, and why.
pub(super) fn gaps(cx: &Correlation<'_>) -> Vec<Gap> {
    let gap = |(what, why): &(String, String)| Gap { what: format!("what policies say of {what}"), why: why.clone() };
    let Some(pair) = &cx.policies.pair else {
        let names = selecting(cx);
        let why = match cx.question.to {
            Subject::Route(_) => "between a controller and its pods, policies are not judged by this version",
            Subject::Service { .. } | Subject::Pod(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => {
                "policies are about ports: ask with one"
            }
        };
        let what = format!("policies that select these pods: {}", names.join(", "));
        return if names.is_empty() { Vec::new() } else { vec![Gap { what, why: why.to_owned() }] };
    };
    pair.missing.iter().map(gap).collect()
}

/// Policies that were judged and let the traffic through.
pub(super) fn covered(cx: &Correlation<'_>) -> Option<String> {
    let pair = cx.policies.pair.as_ref().filter(|p| p.outcome == Some(Outcome::Allowed) && p.missing.is_empty())?;
    let names: Vec<String> = pair.applying.iter().take(3).map(ToString::to_string).collect();
    Some(match (names.as_slice(), pair.applying.len().saturating_sub(3)) {
        ([], _) => "policies: none selects either end".to_owned(),
        (names, 0) => format!("policies: {} let it through", names.join(", ")),
        (names, more) => format!("policies: {} and {more} more let it through", names.join(", ")),
    })
}
