//! AdminNetworkPolicy and BaselineAdminNetworkPolicy, `policy.networking.k8s.io/v1alpha1`.
//!
//! The first stands before NetworkPolicy and may pass to it; the second, of which there is one, after it.

use serde_json::Value;

use super::admin::{self, Words};
use super::source::Source;
use crate::policy::{Policy, Problem};

const ADMIN: Words = Words { kind: "adminnetworkpolicy", allow: "Allow", pass: true, ordered: true };
const BASELINE: Words = Words { kind: "baselineadminnetworkpolicy", allow: "Allow", pass: false, ordered: false };

/// Translates one AdminNetworkPolicy. What could not be read leaves the decisions that depend on it open.
pub fn translate(value: &Value, problems: &mut Vec<Problem>) -> Policy {
    of(ADMIN, value, problems)
}

/// Translates the BaselineAdminNetworkPolicy.
pub fn translate_baseline(value: &Value, problems: &mut Vec<Problem>) -> Policy {
    of(BASELINE, value, problems)
}

fn of(words: Words, value: &Value, problems: &mut Vec<Problem>) -> Policy {
    admin::translate(words, value, &mut Source::new(words.kind, value, problems)).policy
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::Engine;
    use crate::policy::testing_case::{Case, object};

    const ADMIN: &str = "adminnetworkpolicies.v1alpha1.policy.networking.k8s.io";
    const BASELINE: &str = "baselineadminnetworkpolicies.v1alpha1.policy.networking.k8s.io";

    fn in_namespace(name: &str) -> Value {
        json!({"namespaces": {"matchLabels": {"ns": name}}})
    }

    fn of_x(rules: &Value) -> Value {
        json!({"priority": 10, "subject": in_namespace("x"), "ingress": rules})
    }

    fn with(rules: &Value) -> Case {
        Case::new(Engine::Spec).with(ADMIN, &[object("", "a", &of_x(rules))])
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let case = with(&json!([
            {"name": "y", "action": "Allow", "from": [in_namespace("y")]},
            {"action": "Deny", "from": [{"namespaces": {}}], "ports": [{"portNumber": {"protocol": "TCP", "port": 80}}]},
        ]));
        case.check(
            r#"
            y/a > x/a TCP 80 = allowed & ingress: allow adminnetworkpolicy/a spec.ingress[0] "y"
            z/a > x/a TCP 80 = denied & ingress: deny adminnetworkpolicy/a spec.ingress[1]
            z/a > x/a TCP 81 = allowed & ingress: undecided
            z/a > x/a UDP 80 = allowed
            z/a > y/a TCP 80 = allowed & ingress: free
            node/n1 > x/a TCP 80 = allowed
            "#,
        );
    }

    #[test]
    fn ports_by_number_range_and_name() {
        let deny = |port: Value| with(&json!([{"action": "Deny", "from": [{"namespaces": {}}], "ports": [port]}]));
        // no protocol is TCP
        deny(json!({"portNumber": {"port": 81}})).check("y/a > x/a TCP 81 = denied\ny/a > x/a UDP 81 = allowed");
        deny(json!({"portRange": {"protocol": "UDP", "start": 80, "end": 90}}))
            .check("y/a > x/a UDP 90 = denied\ny/a > x/a UDP 91 = allowed\ny/a > x/a TCP 85 = allowed");
        // the name stands for 80 on a and for 8080 on b
        deny(json!({"namedPort": "web"}))
            .check("y/a > x/a TCP 80 = denied\ny/a > x/b TCP 80 = allowed\ny/a > x/b TCP 8080 = denied");
        deny(json!({"portNumber": {"port": 99999}})).check("y/a > x/a TCP 80 = undetermined & 99999 is not a port");
        deny(json!({"portNumber": {"protocol": "ICMP", "port": 80}})).check("y/a > x/a TCP 80 = undetermined & \"ICMP\" is not");
    }

    #[test]
    fn peers_of_egress_rules() {
        let to = |peer: Value| {
            let spec = json!({"priority": 0, "subject": {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"pod": "a"}}}},
                "egress": [{"action": "Deny", "to": [peer]}]});
            Case::new(Engine::Spec).with(ADMIN, &[object("", "a", &spec)])
        };
        let pods = json!({"pods": {"namespaceSelector": {"matchLabels": {"ns": "y"}}, "podSelector": {"matchExpressions": [{"key": "pod", "operator": "In", "values": ["b"]}]}}});
        to(pods).check("x/a > y/b TCP 80 = denied\nx/a > y/c TCP 80 = allowed\nx/b > y/b TCP 80 = allowed");
        let node = json!({"nodes": {"matchLabels": {"kubernetes.io/hostname": "n1"}}});
        to(node).check("x/a > node/n1 TCP 80 = denied\nx/a > node/n2 TCP 80 = allowed\nx/a > 192.168.0.1 TCP 80 = allowed");
        // a range finds whatever has an address in it
        let range = json!({"networks": ["10.1.0.0/16", "8.8.8.8/32"]});
        to(range).check("x/a > y/b TCP 80 = denied\nx/a > z/b TCP 80 = allowed\nx/a > 8.8.8.8 TCP 53 = denied");
        to(json!({"domainNames": ["*.example.org"]}))
            .check("x/a > 8.8.8.8 TCP 443 = undetermined & the addresses behind *.example.org are not known");
    }

    #[test]
    fn peers_of_the_first_release() {
        let old = json!([{"action": "Deny", "from": [{"namespaces": {"namespaceSelector": {"matchLabels": {"ns": "y"}}}}]}]);
        with(&old).check("y/a > x/a TCP 80 = denied\nz/a > x/a TCP 80 = allowed");
        let old = json!([{"action": "Deny", "from": [{"pods": {"namespaces": {"namespaceSelector": {}}, "podSelector": {"matchLabels": {"pod": "b"}}}}]}]);
        with(&old).check("y/b > x/a TCP 80 = denied\ny/a > x/a TCP 80 = allowed");
        let same = json!([{"action": "Deny", "from": [{"namespaces": {"sameLabels": ["team"]}}]}]);
        with(&same).check("y/b > x/a TCP 80 = undetermined & sameLabels\n8.8.8.8 > x/a TCP 80 = allowed");
    }

    #[test]
    fn what_is_not_known_is_named() {
        let rule = json!([{"action": "Deny", "from": [{"namespaces": {}}], "users": ["root"]}]);
        let case = with(&rule);
        case.check("y/a > x/a TCP 80 = undetermined & unknown field `users`");
        assert_eq!(case.problems()[0].at, "spec.ingress[0]");
        // an allow rule cannot take away what nothing else denies
        with(&json!([{"action": "Allow", "from": [{"namespaces": {}}], "users": ["root"]}])).check("y/a > x/a TCP 80 = allowed");
        with(&json!([{"action": "Deny", "from": [{"planets": {}}]}])).check("y/a > x/a TCP 80 = undetermined & planets");
        with(&json!([{"action": "Drop", "from": [{"namespaces": {}}]}])).check("y/a > x/a TCP 80 = undetermined & \"Drop\"");
        with(&json!([{"action": "Deny", "from": []}])).check("y/a > x/a TCP 80 = undetermined & has no from");
        let spec = json!({"priority": 1, "subject": in_namespace("x"), "schedule": "night"});
        let case = Case::new(Engine::Spec).with(ADMIN, &[object("", "a", &spec)]);
        case.check("y/a > z/a TCP 80 = undetermined & unknown field `schedule`");
    }

    #[test]
    fn admin_then_network_policy_then_baseline() {
        let admin = |action: &str| json!([{"action": action, "from": [in_namespace("y")]}]);
        let baseline = json!({"subject": in_namespace("x"), "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}]});
        let case = |action: &str| with(&admin(action)).with(BASELINE, &[object("", "default", &baseline)]);
        case("Allow").check("y/a > x/a TCP 80 = allowed");
        case("Pass").check("y/a > x/a TCP 80 = denied & baselineadminnetworkpolicy/default\nz/a > x/a TCP 80 = denied");
        // a NetworkPolicy that selects the pod keeps the baseline out
        let mut policed = case("Pass");
        let policy = crate::model::NetworkPolicy {
            namespace: "x".into(),
            name: "open".into(),
            ingress: vec![crate::model::NetworkPolicyRule::default()],
            ..Default::default()
        };
        policed.cluster.network_policies.listings[0].items = crate::model::Known::Got(vec![policy]);
        policed.check("y/a > x/a TCP 80 = allowed & networkpolicy/x/open\nz/a > x/a TCP 80 = allowed");
        case("Deny").check("y/a > x/a TCP 80 = denied & adminnetworkpolicy/a");
        // a baseline has no Pass
        let pass = json!({"subject": in_namespace("x"), "ingress": [{"action": "Pass", "from": [{"namespaces": {}}]}]});
        Case::new(Engine::Spec)
            .with(BASELINE, &[object("", "default", &pass)])
            .check("y/a > x/a TCP 80 = undetermined & \"Pass\"");
    }

    #[test]
    fn priority_decides_and_equal_priorities_must_agree() {
        let policy = |name: &str, priority: i32, action: &str| {
            object(
                "",
                name,
                &json!({"priority": priority, "subject": in_namespace("x"), "ingress": [{"action": action, "from": [in_namespace("y")]}]}),
            )
        };
        let case = |policies: &[Value]| Case::new(Engine::Spec).with(ADMIN, policies);
        case(&[policy("a", 20, "Deny"), policy("b", 10, "Allow")]).check("y/a > x/a TCP 80 = allowed & adminnetworkpolicy/b");
        case(&[policy("a", 10, "Deny"), policy("b", 10, "Allow")]).check("y/a > x/a TCP 80 = undetermined & equal priority");
        case(&[policy("a", 10, "Deny"), policy("b", 10, "Deny")]).check("y/a > x/a TCP 80 = denied");
        case(&[policy("a", 10, "Pass"), policy("b", 10, "Allow")]).check("y/a > x/a TCP 80 = allowed");
    }

    #[test]
    fn a_kind_that_could_not_be_listed_leaves_answers_open() {
        let case = Case::new(Engine::Spec).denied(ADMIN);
        case.check("y/a > x/a TCP 80 = undetermined & not permitted: list adminnetworkpolicies");
        let mut case = Case::new(Engine::Spec);
        case.cluster.api_groups = crate::model::Known::Unasked;
        case.check("y/a > x/a TCP 80 = undetermined & the API groups: was not read");
    }
}
