use crate::cni::Policy;
use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::some;

declare_finding! {
    /// ## What it finds
    ///
    /// Policies deny this traffic, and the cluster's network enforces none: the API server takes the objects, and packets pass all
    /// the same. Whoever wrote them believes in a wall that is not there.
    ///
    /// ## How it is proven
    ///
    /// The network plugin is recognised by its DaemonSet, and it is one that has no policy engine. It is proven when the traffic that
    /// the policies deny was measured to pass.
    ///
    /// ## What to do
    ///
    /// Install a plugin that enforces NetworkPolicy (or one beside the present one), or remove the policies.
    PoliciesNotEnforced, "NC2004", "policies-not-enforced", "Policies deny it, and nothing enforces them"
}

impl Cause for PoliciesNotEnforced {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some(pair) = &cx.policies.pair else { return Verdict::NotApplicable };
        let Policy::Ignored(why) = &pair.enforcement.enforces else { return Verdict::NotApplicable };
        let Some(denial) = pair.denials.iter().find(|d| d.counts) else { return Verdict::Clear };
        let sentence = format!(
            "{} would deny {} to {}, and nothing in this cluster enforces policies ({why}).",
            denial.policy,
            denial.from,
            some(&denial.to)
        );
        let reach = super::reach(cx, denial);
        let finding = Finding::warning(Self::META, denial.policy.clone(), sentence)
            .seen(denial.policy.to_string(), denial.because.clone())
            .next("install a network plugin that enforces policies, or remove those that nobody heeds");
        if !reach.measured() {
            return Verdict::Found(vec![finding]);
        }
        let finding = finding.expected("measured", "no answer, if policies counted", reach.words());
        Verdict::Found(vec![if reach.ok() { finding.proven() } else { finding }])
    }
}
