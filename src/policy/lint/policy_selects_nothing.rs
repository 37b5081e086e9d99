use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::policy::words;

use super::reach::{Found, asks_labels};
use super::{Context, Item, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// A policy that applies to no pod: none has the labels that it asks for, and no workload makes pods that would. It protects
    /// nothing and allows nothing, though it looks as if it did. Mostly a label is misspelt, or was renamed in the workload alone.
    ///
    /// ## How it is proven
    ///
    /// From the labels of all pods and pod templates of the namespace (of the cluster, for policies of the cluster), with workloads that
    /// are scaled to nothing. A policy for every pod of a namespace is never told, nor one for a namespace of which the manifests hold
    /// nothing. A namespace without any pod makes it a note. Pods with hostNetwork do not count: the API leaves open whether policies
    /// apply to them, and most networks apply none (concepts/services-networking/network-policies).
    ///
    /// ## What to do
    ///
    /// Compare the selector with the labels in the pod template, and correct one of them. Delete the policy when its pods are gone.
    PolicySelectsNothing, "NC2201", "policy-selects-nothing", "Policy selects no pod"
}

impl Lint for PolicySelectsNothing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        for item in cx.items() {
            let subject = &item.policy.subject;
            if !cx.is_for_pods(subject) {
                continue;
            }
            let at = item.subject_at();
            match cx.find(subject) {
                Found::Somebody => {}
                Found::Unknown(why) => out.open(Self::META, &item.policy.object, at, why),
                Found::Outside(why) => out.outside(Self::META, &item.policy.object, at, why),
                // for whatever pods come
                Found::Nobody if !asks_labels(subject) && !cx.namespaces_of(subject).is_empty() => {}
                Found::Nobody => out.found(finding(cx, item), at),
            }
        }
    }
}

fn finding(cx: &Context<'_>, item: &Item<'_>) -> Finding {
    let (object, subject) = (&item.policy.object, &item.policy.subject);
    let meta = PolicySelectsNothing::META;
    let whom = words::words(subject);
    let source = format!("{object} {}", item.subject_at());
    if let Some(pod) = cx.finds_host_network(subject) {
        let sentence =
            format!("{object} finds only pods in their node's network, as {pod}: most networks apply no policy to them.");
        return Finding::note(meta, object.clone(), sentence)
            .seen(source, whom)
            .next("restrict what such pods may do on the node itself, or take hostNetwork from them");
    }
    let among = if cx.is_manifests() { " in these manifests" } else { "" };
    let sentence = format!("{object} selects no pod: there are no {whom}{among}.");
    let is_empty = !cx.namespaces_of(subject).iter().any(|n| cx.has_pods(n));
    let finding = if is_empty {
        let nothing = if cx.namespaces_of(subject).is_empty() { "no such namespace" } else { "no pod and no workload there" };
        Finding::note(meta, object.clone(), sentence).expected(source, whom, nothing)
    } else {
        let near = cx.near(subject);
        let seen = near.as_ref().map_or_else(|| String::from("no pod with all of this"), |n| n.seen.clone());
        let guess = near.and_then(|n| n.guess).map_or_else(String::new, |guess| format!("; did you mean {guess}?"));
        Finding::warning(meta, object.clone(), sentence)
            .expected(source, whom, seen)
            .next(format!("compare the selector with the labels of the pod template{guess}"))
    };
    if cx.is_manifests() { finding } else { finding.proven() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Confidence, Weight};
    use crate::model::Resource;
    use crate::model::testing::policies::policy;
    use crate::policy::lint::testing::{Shop, only};

    #[test]
    fn a_misspelt_label_is_told_with_what_is_there() {
        let shop = Shop::with([policy("shop", "web", "app=wbe").ingress([])]);
        let found = only(shop.lint(&PolicySelectsNothing));
        assert_eq!((found.finding.weight, found.finding.confidence), (Weight::Warning, Confidence::Proven));
        assert_eq!(found.at, "spec.podSelector");
        assert_eq!(
            found.finding.sentence,
            "networkpolicy/shop/web selects no pod: there are no pods with app=wbe in namespace shop."
        );
        assert!(found.finding.next.ends_with("did you mean app=web?"), "{}", found.finding.next);
        assert_eq!(found.finding.evidence[0].seen, "app of pods there: client, web");
    }

    #[test]
    fn a_workload_scaled_to_nothing_still_counts() {
        let mut shop = Shop::with([policy("shop", "idle", "app=idle").ingress([])]);
        shop.world.workloads.push(crate::model::Workload {
            kind: "deployment".into(),
            namespace: "shop".into(),
            name: "idle".into(),
            pod_labels: crate::model::testing::labels("app=idle"),
            ..crate::model::Workload::default()
        });
        assert!(shop.lint(&PolicySelectsNothing).is_clear());
    }

    #[test]
    fn an_empty_namespace_and_the_node_s_network_make_notes() {
        let mut shop = Shop::with([policy("default", "x", "app=x").ingress([])]);
        assert_eq!(only(shop.lint(&PolicySelectsNothing)).finding.weight, Weight::Note);
        shop.world.network_policies = vec![policy("default", "all", "").ingress([])];
        assert!(shop.lint(&PolicySelectsNothing).is_clear());
        shop.world.network_policies = vec![policy("shop", "web", "app=web").ingress([])];
        for name in ["web-1", "web-2"] {
            shop.world.pod(name).host_network = true;
        }
        let found = only(shop.lint(&PolicySelectsNothing));
        assert!(found.finding.sentence.contains("in their node's network, as pod/shop/web-1"), "{}", found.finding.sentence);
    }

    #[test]
    fn healthy_is_silent() {
        assert!(Shop::healthy().lint(&PolicySelectsNothing).is_clear());
    }

    #[test]
    fn without_pods_or_workloads_it_is_open() {
        for denied in [Resource::Pods, Resource::CronJobs] {
            let mut shop = Shop::with([policy("shop", "web", "app=wbe").ingress([])]);
            shop.world.denied.push(denied);
            let linted = shop.lint(&PolicySelectsNothing);
            assert_eq!((linted.findings.len(), linted.open.len(), linted.is_incomplete), (0, 1, true));
            assert!(linted.open[0].1.contains("not permitted"), "{:?}", linted.open);
        }
    }

    #[test]
    fn manifests_of_policies_alone_say_nothing() {
        let shop = Shop::with([policy("other", "web", "app=wbe").ingress([])]);
        let linted = shop.lint_manifests(&PolicySelectsNothing);
        assert_eq!((linted.findings.len(), linted.open.len(), linted.is_incomplete), (0, 1, false));
        let shop = Shop::with([policy("shop", "web", "app=wbe").ingress([])]);
        assert_eq!(only(shop.lint_manifests(&PolicySelectsNothing)).finding.confidence, Confidence::Likely);
    }
}
