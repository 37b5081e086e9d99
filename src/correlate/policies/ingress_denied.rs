use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Meta, Verdict};
use crate::policy::Direction;

use super::denied;

declare_finding! {
    /// ## What it finds
    ///
    /// The policies of the destination do not let the source in: they isolate the pod for ingress and none of their rules matches,
    /// or a rule denies it. Policies see the traffic after a Service was translated, so it is the pod's own port that counts.
    ///
    /// ## How it is proven
    ///
    /// Every policy that selects the pod is judged together with the others: NetworkPolicy, the admin policies, and the policies of
    /// the network plugin that netcheck knows. It is proven when the plugin enforces policies and connections die in silence, likely
    /// when nothing was measured, and possible when somebody answers the connection or nobody knows who enforces policies.
    ///
    /// ## What to do
    ///
    /// If the traffic should pass, add the rule that is missing: `kubectl netcheck policy A to B` prints the smallest one that was
    /// tried and found to work, with every rule that was asked.
    IngressDenied, "NC2001", "ingress-denied", "A policy keeps the source out of the destination"
}

impl Cause for IngressDenied {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        denied(cx, Self::META, Direction::Ingress)
    }
}
