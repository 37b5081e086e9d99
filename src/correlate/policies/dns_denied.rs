use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::policy::{Denial, Outcome};

use super::{ignored, some};

declare_finding! {
    /// ## What it finds
    ///
    /// Policies do not let the source ask the cluster's DNS, so that no name resolves: most often a policy isolates the pod for
    /// egress and forgets port 53, or names the DNS Service's address, which policies never see.
    ///
    /// ## How it is proven
    ///
    /// Queries over UDP from the source to every DNS pod are judged as any other connection. It is proven when the network plugin
    /// enforces policies and no query is answered.
    ///
    /// ## What to do
    ///
    /// Allow egress to the DNS pods on port 53, UDP and TCP: `kubectl netcheck policy A to dns` prints the rule.
    DnsDenied, "NC2003", "dns-denied", "A policy keeps the source from asking DNS"
}

impl Cause for DnsDenied {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some(dns) = cx.policies.dns.as_ref().filter(|d| !ignored(d)) else { return Verdict::NotApplicable };
        let resolved = cx.resolved().is_some_and(|r| !r.addresses.is_empty());
        match dns.outcome {
            // a question that its policies leave open matters only where names fail
            _ if resolved => Verdict::Clear,
            Some(Outcome::Undetermined) => {
                Verdict::Undetermined(dns.open.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>().join("; "))
            }
            Some(Outcome::Denied) => {
                let denials = dns.denials.iter().filter(|d| d.counts).take(1);
                Verdict::of(denials.map(|d| finding(cx, d, dns.enforcement.is_enforced())).collect())
            }
            Some(Outcome::Allowed) | None => Verdict::Clear,
        }
    }
}

fn finding(cx: &Correlation<'_>, denial: &Denial, enforced: bool) -> Finding {
    let name = cx.question.name.clone().unwrap_or_default();
    let (from, to) = (&denial.from, some(&denial.to));
    let sentence = format!("{from} may not ask DNS for {name} ({to} port {}/UDP): {}.", denial.port, denial.because);
    let finding = Finding::cause(DnsDenied::META, denial.policy.clone(), sentence).expected(
        denial.policy.to_string(),
        format!("a rule that lets {}/UDP through to the DNS pods", denial.port),
        denial.because.clone(),
    );
    let asked = crate::report::diagnosis::QuestionPart::from(cx.question).from;
    let finding = finding.next(format!(
        "allow egress to the DNS pods on port 53, UDP and TCP; kubectl netcheck policy {asked} to dns prints the rule"
    ));
    match cx.resolved().and_then(|r| r.error.clone()) {
        Some(error) => {
            let finding = finding.expected(format!("name {name}"), "an address", error);
            if enforced { finding.proven() } else { finding.possible() }
        }
        None => finding.possible(),
    }
}
