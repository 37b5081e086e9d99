use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::policy::spec::NOT_ENFORCED;

use super::{Context, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// A part of a policy that cannot be what was meant: an address range that is none, an exception outside of its range, a port beyond
    /// 65535, an `endPort` below its `port`, an `ipBlock` beside a selector, a peer without any field, an action that the kind does not
    /// have. The API server refuses much of it; what it lets pass, as the network's own kinds often do, matches nothing or keeps the
    /// whole policy from being loaded. With Cilium also a label that its filter leaves out of identities: no pod has it for a policy.
    ///
    /// ## How it is proven
    ///
    /// From the text of the policy alone, held against the field's description in the API. A field that this version of netcheck does not
    /// know is left open, not told: a newer API may have it.
    ///
    /// ## What to do
    ///
    /// Correct the field that is named. `kubectl apply --dry-run=server -f FILE` says what the API server makes of it.
    PolicyInvalid, "NC2209", "policy-invalid", "Part of a policy is invalid"
}

impl Lint for PolicyInvalid {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        let problems = cx.ground.compiled.problems.iter();
        for problem in problems.filter(|p| cx.is_wanted(&p.object) && !p.text.ends_with(NOT_ENFORCED)) {
            // a setting of the network's, and a field of another version
            if problem.object.kind == "configmap" {
                if !cx.is_manifests() {
                    out.open(Self::META, &problem.object, &problem.at, problem.text.as_str());
                }
            } else if problem.text.starts_with("unknown field") {
                out.open(Self::META, &problem.object, &problem.at, problem.text.as_str());
            } else {
                let at = problem.at.split(' ').next().unwrap_or_default();
                let sentence = format!("{} {}: {}.", problem.object, problem.at, problem.text);
                let finding = Finding::warning(Self::META, problem.object.clone(), sentence)
                    .proven()
                    .seen(format!("{} {}", problem.object, problem.at), problem.text.as_str())
                    .next("correct it, and try it with: kubectl apply --dry-run=server -f FILE");
                out.found(finding, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Weight;
    use crate::model::NetworkPolicyPeer;
    use crate::model::testing::policies::{block, policy, rule, tcp};
    use crate::policy::lint::testing::{Shop, only};
    use serde_json::json;

    #[test]
    fn each_invalid_part_is_told_with_its_place() {
        let mut backwards = tcp(8080);
        backwards.end_port = Some(80);
        let cases = [
            (rule([block("10.0.0/8", &[])], []), "spec.ingress[0].from[0].ipBlock.cidr", "is not a CIDR"),
            (rule([block("10.0.0.0/8", &["192.168.0.0/16"])], []), "spec.ingress[0].from[0].ipBlock.except[0]", "is not inside"),
            (rule([block("10.0.0.0/8", &["10.0.0.0/8"])], []), "spec.ingress[0].from[0].ipBlock.except[0]", "is not inside"),
            (rule([NetworkPolicyPeer::default()], []), "spec.ingress[0].from[0]", "empty peer"),
            (rule([], [tcp(70_000)]), "spec.ingress[0].ports[0]", "70000 is not a port"),
            (rule([], [backwards]), "spec.ingress[0].ports[0]", "8080-80 is not a port"),
        ];
        for (rule, at, text) in cases {
            let found = only(Shop::with([policy("shop", "web", "app=web").ingress([rule])]).lint(&PolicyInvalid));
            assert_eq!((found.at.as_str(), found.finding.weight), (at, Weight::Warning));
            assert!(found.finding.sentence.contains(text), "{}", found.finding.sentence);
        }
    }

    #[test]
    fn healthy_is_silent() {
        assert!(Shop::healthy().lint(&PolicyInvalid).is_clear());
    }

    #[test]
    fn a_field_of_another_version_is_left_open() {
        let mut shop = Shop::with([]);
        shop.groups.push("policy.networking.k8s.io".into());
        let spec = json!({"priority": 1, "subject": {"namespaces": {}}, "mood": "good"});
        let object = json!({"metadata": {"name": "x"}, "spec": spec});
        shop.world.custom.insert("adminnetworkpolicies.v1alpha1.policy.networking.k8s.io".into(), vec![object]);
        let linted = shop.lint(&PolicyInvalid);
        assert_eq!((linted.findings.len(), linted.is_incomplete), (0, true), "{linted:?}");
        assert!(linted.open[0].1.starts_with("unknown field `mood`"), "{:?}", linted.open);
    }
}
