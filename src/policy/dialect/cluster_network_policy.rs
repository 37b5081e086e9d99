//! ClusterNetworkPolicy, `policy.networking.k8s.io/v1alpha2` and `v1beta1`: the tiers Admin and Baseline in one kind.

use serde_json::Value;

use super::admin::{self, Translated, Words};
use super::source::Source;
use crate::policy::{Policy, Problem};

const WORDS: Words = Words { kind: "clusternetworkpolicy", allow: "Accept", pass: true, ordered: true };

/// Which side of NetworkPolicy a policy stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before NetworkPolicy.
    Admin,
    /// After it.
    Baseline,
}

/// Translates one object. One whose tier is not known counts as `Admin` and leaves everything open.
pub fn translate(value: &Value, problems: &mut Vec<Problem>) -> (Place, Policy) {
    let mut source = Source::new(WORDS.kind, value, problems);
    let Translated { policy, tier } = admin::translate(WORDS, value, &mut source);
    match tier.as_deref() {
        Some("Admin") => (Place::Admin, policy),
        Some("Baseline") => (Place::Baseline, policy),
        Some(_) | None => {
            let why = source.wrong("spec.tier", "is neither Admin nor Baseline");
            (Place::Admin, admin::unread(&source, &why))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::Engine;
    use crate::policy::testing_case::{Case, object};

    const OLD: &str = "clusternetworkpolicies.v1alpha2.policy.networking.k8s.io";
    const NEW: &str = "clusternetworkpolicies.v1beta1.policy.networking.k8s.io";

    fn policy(name: &str, tier: &str, action: &str, protocols: &Value) -> Value {
        let rule = json!({"action": action, "from": [{"namespaces": {"matchLabels": {"ns": "y"}}}], "protocols": protocols});
        object(
            "",
            name,
            &json!({"tier": tier, "priority": 5, "subject": {"namespaces": {"matchLabels": {"ns": "x"}}}, "ingress": [rule]}),
        )
    }

    #[test]
    fn tiers_and_their_actions() {
        let case = |policies: &[Value]| Case::new(Engine::Spec).with(OLD, policies);
        case(&[policy("a", "Admin", "Deny", &Value::Null)]).check("y/a > x/a TCP 80 = denied\nz/a > x/a TCP 80 = allowed");
        let both = [policy("a", "Admin", "Accept", &Value::Null), policy("b", "Baseline", "Deny", &Value::Null)];
        case(&both).check("y/a > x/a TCP 80 = allowed & clusternetworkpolicy/a");
        let both = [policy("a", "Admin", "Pass", &Value::Null), policy("b", "Baseline", "Deny", &Value::Null)];
        case(&both).check("y/a > x/a TCP 80 = denied & clusternetworkpolicy/b");
        case(&[policy("b", "Baseline", "Pass", &Value::Null)]).check("y/a > x/a TCP 80 = allowed");
        // the word of v1alpha1 is not one of this kind
        case(&[policy("a", "Admin", "Allow", &Value::Null)]).check("y/a > x/a TCP 80 = undetermined & \"Allow\"");
        case(&[policy("a", "Platform", "Accept", &Value::Null)]).check("y/a > z/a TCP 80 = undetermined & spec.tier");
    }

    #[test]
    fn protocols() {
        let deny = |protocol: Value| Case::new(Engine::Spec).with(NEW, &[policy("a", "Admin", "Deny", &json!([protocol]))]);
        deny(json!({"tcp": {"destinationPort": {"number": 80}}})).check("y/a > x/a TCP 80 = denied\ny/a > x/a UDP 80 = allowed");
        deny(json!({"udp": {"destinationPort": {"range": {"start": 80, "end": 82}}}}))
            .check("y/a > x/a UDP 82 = denied\ny/a > x/a UDP 83 = allowed");
        deny(json!({"destinationNamedPort": "dns"})).check("y/a > x/a UDP 81 = denied\ny/a > x/a TCP 81 = allowed");
        deny(json!({"sctp": {}})).check("y/a > x/a SCTP 1 = denied\ny/a > x/a TCP 81 = allowed");
        deny(json!({"icmp": {}})).check("y/a > x/a TCP 81 = undetermined & unknown field `icmp`");
    }

    #[test]
    fn one_object_of_two_versions_counts_once() {
        let deny = policy("a", "Admin", "Deny", &Value::Null);
        let case = Case::new(Engine::Spec).with(NEW, std::slice::from_ref(&deny)).with(OLD, &[deny]);
        case.check("y/a > x/a TCP 80 = denied");
    }
}
