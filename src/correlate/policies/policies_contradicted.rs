use crate::correlate::{Cause, Correlation, summary};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::report::diagnosis::Measured;

use super::{ignored, reach, some};

declare_finding! {
    /// ## What it finds
    ///
    /// The policies deny this traffic, and it was measured to pass. Either the network does not enforce them as they are written,
    /// or it does not yet: a policy that was just made takes a moment to reach every node.
    ///
    /// ## How it is proven
    ///
    /// By the connections that were accepted, beside the rule that denies them.
    ///
    /// ## What to do
    ///
    /// Ask again after some seconds. If it still passes, look at the network plugin on both nodes: an agent that is not running there,
    /// an audit mode, an enforcement mode that is off, or traffic that passes the plugin by (host network, source address rewritten).
    PoliciesContradicted, "NC2005", "policies-contradicted", "Policies deny it, and it passes"
}

impl Cause for PoliciesContradicted {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some(pair) = cx.policies.pair.as_ref().filter(|p| !ignored(p)) else { return Verdict::NotApplicable };
        let passes = summary::measured(cx).0 == Measured::Reachable;
        let found = pair.denials.iter().filter(|d| d.counts).find_map(|denial| {
            let reach = reach(cx, denial);
            let contradicted = if reach.measured() { reach.successes > 0 } else { passes };
            contradicted.then(|| {
                let sentence = format!(
                    "{} denies {} to {} port {}, and connections pass all the same.",
                    denial.policy,
                    denial.from,
                    some(&denial.to),
                    denial.port
                );
                Finding::warning(Self::META, denial.policy.clone(), sentence)
                    .expected(denial.policy.to_string(), "no connection", denial.because.clone())
                    .seen("measured", if reach.measured() { reach.words() } else { "reachable".to_owned() })
                    .seen("who enforces policies", pair.enforcement.words())
                    .next("ask again in some seconds; then look at the network plugin's agents on both nodes")
            })
        });
        Verdict::of(found.into_iter().collect())
    }
}
