use std::collections::HashMap;

use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::policy::{Action, Direction, Join, LabelExpr, Predicate, Rule};

use super::cover::{covers_rule, inside, is_known, is_plain};
use super::reach::path;
use super::{Context, Item, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// A rule that changes nothing, because another one of the same direction matches all that it matches. In an admin policy, where the
    /// first match counts, a rule behind one that does something else never takes effect: that is a warning. Elsewhere it is a note, as
    /// removing the rule would change nothing.
    ///
    /// ## How it is proven
    ///
    /// From the text of both rules alone, whatever pods there are: pods, peers and ports of the one are inside those of the other, part by
    /// part. What cannot be seen from the text is not told. Rules are compared within their policy, with policies for the same pods,
    /// and with those for all pods of the namespace.
    ///
    /// ## What to do
    ///
    /// Remove the rule, or make it say what it was meant to say. In admin policies, put the narrower rule first.
    RuleWithoutEffect, "NC2207", "rule-without-effect", "Rule is covered by another one"
}

/// Rules that one is compared with. More, for the same pods, are not looked at.
const MAX_CANDIDATES: usize = 100;

impl Lint for RuleWithoutEffect {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        let mut by_subject: HashMap<&Predicate, Vec<Placed<'_, '_>>> = HashMap::new();
        let mut ordered: Vec<Placed<'_, '_>> = Vec::new();
        for item in cx.items() {
            for placed in plain(item) {
                match item.tier.join {
                    Join::Union => {
                        let list = by_subject.entry(&item.policy.subject).or_default();
                        if list.len() < MAX_CANDIDATES {
                            list.push(placed);
                        }
                    }
                    Join::FirstMatch | Join::FirstMatchByName => ordered.push(placed),
                }
            }
        }
        for item in cx.items().iter().filter(|i| i.tier.join == Join::Union) {
            let whole = whole_namespace(&item.policy.object.namespace);
            let mut keys = vec![&item.policy.subject];
            keys.extend(Some(&whole).filter(|w| **w != item.policy.subject));
            let candidates: Vec<_> = keys.into_iter().filter_map(|key| by_subject.get(key)).flatten().collect();
            for own in plain(item) {
                let covering = candidates.iter().find(|other| own.is_redundant_beside(other));
                if let Some(other) = covering {
                    out.found(finding(&own, other), path(own.rule));
                }
            }
        }
        ordered.truncate(MAX_CANDIDATES * 10);
        for (at, own) in ordered.iter().enumerate() {
            let before = ordered.get(..at).unwrap_or_default();
            if let Some(other) = before.iter().find(|other| own.is_behind(other)) {
                out.found(finding(own, other), path(own.rule));
            }
        }
    }
}

/// A rule in its policy.
#[derive(Debug, Clone, Copy)]
struct Placed<'c, 'g> {
    item: &'c Item<'g>,
    direction: Direction,
    rule: &'g Rule,
    /// Among the rules of its policy.
    number: usize,
}

/// The rules of a policy of which nothing is unknown.
fn plain<'c, 'g>(item: &'c Item<'g>) -> impl Iterator<Item = Placed<'c, 'g>> {
    let is_known = is_known(&item.policy.subject);
    let rules = item.rules().enumerate().filter(move |(_, (_, rule))| is_known && is_plain(rule));
    rules.map(move |(number, (direction, rule))| Placed { item, direction, rule, number })
}

impl Placed<'_, '_> {
    fn is_same_policy(&self, other: &Self) -> bool {
        std::ptr::eq(self.item.policy, other.item.policy)
    }

    /// The other one allows (or denies) all that this one does. Of two that say the same, the later one is told.
    fn is_redundant_beside(&self, other: &Self) -> bool {
        let is_itself = self.is_same_policy(other) && self.number == other.number;
        let covers = |a: &Self, b: &Self| {
            a.direction == b.direction
                && a.rule.action == b.rule.action
                && std::ptr::eq(a.item.tier, b.item.tier)
                && covers_rule(a.rule, b.rule)
                && (a.is_same_policy(b) || inside(&a.item.policy.subject, &b.item.policy.subject))
        };
        if is_itself || !covers(other, self) {
            return false;
        }
        let order = |p: &Self| (p.item.policy.object.clone(), p.number);
        !covers(self, other) || order(other) < order(self)
    }

    /// The other one is asked before, and matches all that this one would.
    fn is_behind(&self, other: &Self) -> bool {
        let comes_later = if self.is_same_policy(other) {
            other.number < self.number
        } else {
            // the order of equal priorities is not defined
            other.item.policy.priority < self.item.policy.priority
        };
        comes_later
            && std::ptr::eq(self.item.tier, other.item.tier)
            && self.direction == other.direction
            && (self.is_same_policy(other) || inside(&other.item.policy.subject, &self.item.policy.subject))
            && covers_rule(other.rule, self.rule)
    }
}

/// The condition of a policy for all pods of a namespace.
fn whole_namespace(namespace: &str) -> Predicate {
    Predicate::All(vec![Predicate::Namespace(namespace.to_owned()), Predicate::Labels(LabelExpr::EVERYTHING)])
}

fn finding(own: &Placed<'_, '_>, other: &Placed<'_, '_>) -> Finding {
    let object = &own.item.policy.object;
    let place =
        if own.is_same_policy(other) { other.rule.at.clone() } else { format!("{} {}", other.item.policy.object, other.rule.at) };
    let at = &own.rule.at;
    let is_shadowed = own.item.tier.join != Join::Union && own.rule.action != other.rule.action;
    let finding = if is_shadowed {
        let does = |action: Action| match action {
            Action::Allow => "allows",
            Action::Deny => "denies",
            Action::Pass => "passes on",
        };
        let sentence =
            format!("{object} {at} never takes effect: {place} comes first and {} all that it matches.", does(other.rule.action));
        Finding::warning(RuleWithoutEffect::META, object.clone(), sentence)
    } else {
        let sentence = format!("{object} {at} changes nothing: {place} matches all that it matches, and does the same.");
        Finding::note(RuleWithoutEffect::META, object.clone(), sentence)
    };
    finding
        .proven()
        .seen(format!("{} {}", other.item.policy.object, other.rule.at), other.rule.action.to_string())
        .seen(format!("{object} {at}"), own.rule.action.to_string())
        .next(if is_shadowed { "put the narrower rule first, or remove it" } else { "remove it, or narrow the other one" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Weight;
    use crate::model::testing::policies::{block, by_name, pods, policy, rule, tcp};
    use crate::policy::lint::testing::{Shop, only};
    use serde_json::{Value, json};

    fn rules(rules: Vec<crate::model::NetworkPolicyRule>) -> Vec<String> {
        let shop = Shop::with([policy("shop", "web", "app=web").ingress(rules)]);
        let linted = shop.lint(&RuleWithoutEffect);
        assert!(linted.findings.iter().all(|l| l.finding.weight == Weight::Note));
        linted.findings.into_iter().map(|l| l.at).collect()
    }

    #[test]
    fn a_rule_inside_another_is_a_note() {
        let all = rule([pods("app=client")], []);
        let some = rule([pods("app=client")], [tcp(8080), by_name("http")]);
        assert_eq!(rules(vec![some.clone(), all.clone()]), ["spec.ingress[0]"]);
        assert_eq!(rules(vec![some.clone(), some]), ["spec.ingress[1]"]);
        let wide = rule([block("10.0.0.0/8", &["10.9.0.0/16"])], []);
        assert_eq!(rules(vec![wide.clone(), rule([block("10.1.0.0/16", &[])], [])]), ["spec.ingress[1]"]);
        assert_eq!(rules(vec![wide.clone(), rule([block("10.16.0.0/12", &[])], [])]), ["spec.ingress[1]"]);
        assert_eq!(rules(vec![wide, rule([block("10.8.0.0/13", &[])], [])]), [""; 0]);
        assert_eq!(rules(vec![rule([pods("app=web")], []), all]), [""; 0]);
    }

    #[test]
    fn a_policy_for_the_whole_namespace_covers_one_of_it() {
        let all = policy("shop", "all", "").ingress([rule([pods("")], [])]);
        let own = policy("shop", "web", "app=web").ingress([rule([pods("app=client")], [tcp(8080)])]);
        let found = only(Shop::with([all.clone(), own.clone()]).lint(&RuleWithoutEffect));
        assert_eq!((found.finding.about.name.as_str(), found.at.as_str()), ("web", "spec.ingress[0]"));
        let mut elsewhere = all;
        elsewhere.namespace = "default".into();
        assert!(Shop::with([elsewhere, own]).lint(&RuleWithoutEffect).is_clear());
    }

    fn admin(priority: i32, rules: &Value) -> Value {
        json!({"metadata": {"name": format!("p{priority}")}, "spec": {"priority": priority, "subject": {"namespaces": {}}, "ingress": rules}})
    }

    fn shop_with(objects: Vec<Value>) -> Shop {
        let mut shop = Shop::with([]);
        shop.groups.push("policy.networking.k8s.io".into());
        shop.world.custom.insert("adminnetworkpolicies.v1alpha1.policy.networking.k8s.io".into(), objects);
        shop
    }

    #[test]
    fn an_admin_rule_behind_a_wider_one_never_takes_effect() {
        let from = |labels: Value| json!([{"namespaces": {"matchLabels": labels}}]);
        let deny = json!({"action": "Deny", "from": [{"namespaces": {}}]});
        let allow = json!({"action": "Allow", "from": from(json!({"a": "b"}))});
        let shop = shop_with(vec![admin(10, &json!([deny])), admin(20, &json!([allow]))]);
        let found = only(shop.lint(&RuleWithoutEffect));
        assert_eq!((found.finding.weight, found.finding.about.name.as_str()), (Weight::Warning, "p20"));
        let shop = shop_with(vec![admin(10, &json!([allow])), admin(20, &json!([deny]))]);
        assert!(shop.lint(&RuleWithoutEffect).is_clear());
    }

    #[test]
    fn healthy_is_silent() {
        assert!(Shop::healthy().lint(&RuleWithoutEffect).is_clear());
    }

    #[test]
    fn what_is_not_modelled_covers_nothing() {
        let unknown = json!({"action": "Deny", "from": [{"namespaces": {"notSameLabels": ["x"]}}]});
        let shop = shop_with(vec![admin(10, &json!([unknown, unknown]))]);
        assert_eq!(shop.lint(&RuleWithoutEffect).findings, []);
    }
}
