use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Meta, Verdict};
use crate::policy::Direction;

use super::denied;

declare_finding! {
    /// ## What it finds
    ///
    /// The policies of the source do not let it connect to the destination: they isolate the pod for egress and none of their rules
    /// matches, or a rule denies it. Policies see the traffic after a Service was translated: a rule for the Service's port or
    /// address does not let it through.
    ///
    /// ## How it is proven
    ///
    /// Every policy that selects the source is judged together with the others. It is proven when the network plugin enforces
    /// policies and connections die in silence, likely when nothing was measured, and possible when somebody answers the connection
    /// or nobody knows who enforces policies.
    ///
    /// ## What to do
    ///
    /// If the traffic should pass, add the rule that is missing: `kubectl netcheck policy A to B` prints the smallest one that was
    /// tried and found to work, with every rule that was asked.
    EgressDenied, "NC2002", "egress-denied", "A policy keeps the source from connecting"
}

impl Cause for EgressDenied {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        denied(cx, Self::META, Direction::Egress)
    }
}
