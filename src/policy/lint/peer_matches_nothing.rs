use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::policy::words;

use super::reach::{Found, asks_labels};
use super::{Context, Item, Lint, Out};
use crate::policy::Predicate;

declare_finding! {
    /// ## What it finds
    ///
    /// A peer of a rule (`from`, `to`, `fromEndpoints`, `toEndpoints`, …) that finds no pod: no namespace has the labels, or no pod in
    /// those namespaces has. The rule lets nobody through by this peer. A common mistake is a `podSelector` alone for pods of another
    /// namespace: without a `namespaceSelector` beside it, in the same list entry, it means pods of the policy's own namespace.
    ///
    /// ## How it is proven
    ///
    /// From the labels of all pods, pod templates and namespaces. Address ranges are never told. A peer for every pod of a namespace that
    /// exists is not told while the namespace is empty, and manifests are only asked about namespaces of which they hold something.
    ///
    /// ## What to do
    ///
    /// Compare the selectors with the labels of the namespace and of the pod template. For pods of another namespace, put
    /// `namespaceSelector` and `podSelector` into one entry: `kubernetes.io/metadata.name` is a label that every namespace has.
    PeerMatchesNothing, "NC2202", "peer-matches-nothing", "Peer of a rule matches no pod"
}

impl Lint for PeerMatchesNothing {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        for item in cx.items() {
            for (direction, rule) in item.rules() {
                for (at, peer) in item.peers(direction, rule) {
                    one(cx, item, &at, peer, out);
                }
            }
        }
    }
}

fn one(cx: &Context<'_>, item: &Item<'_>, at: &str, peer: &Predicate, out: &mut Out) {
    let meta = PeerMatchesNothing::META;
    if !cx.is_for_pods(peer) {
        return;
    }
    match cx.find(peer) {
        Found::Somebody => {}
        Found::Unknown(why) => out.open(meta, &item.policy.object, at, why),
        Found::Outside(why) => out.outside(meta, &item.policy.object, at, why),
        // for whatever pods come
        Found::Nobody if !asks_labels(peer) && !cx.namespaces_of(peer).is_empty() => {}
        // pods in their node's network may be meant, and what policies do with them is left open
        Found::Nobody if cx.finds_host_network(peer).is_some() => {}
        Found::Nobody if cx.has_remote_pods() => {
            out.open(
                meta,
                &item.policy.object,
                at,
                "pods of other clusters of Cilium's mesh may be meant: cluster-id of cilium-config is set",
            );
        }
        Found::Nobody => out.found(finding(cx, item, at, peer), at),
    }
}

fn finding(cx: &Context<'_>, item: &Item<'_>, at: &str, peer: &Predicate) -> Finding {
    let object = &item.policy.object;
    let whom = words::words(peer);
    let among = if cx.is_manifests() { " in these manifests" } else { "" };
    let sentence = format!("{object} {at} matches no pod: there are no {whom}{among}.");
    let namespaces = cx.namespaces_of(peer);
    let near = cx.near(peer);
    let (seen, next) = if namespaces.is_empty() {
        (String::from("no such namespace"), String::from("compare the selector with the labels of the namespace"))
    } else if !namespaces.iter().any(|n| cx.has_pods(n)) {
        (format!("no pod in {}", namespaces.join(", ")), String::from("check that this is the namespace that is meant"))
    } else {
        let elsewhere = elsewhere(cx, peer);
        let guess = near.as_ref().and_then(|n| n.guess.as_ref()).map(|guess| format!("; did you mean {guess}?"));
        let next = match (elsewhere, guess) {
            (Some(namespace), _) => {
                format!(
                    "such pods are in namespace {namespace}: add a namespaceSelector with kubernetes.io/metadata.name: {namespace}"
                )
            }
            (None, guess) => {
                format!("compare the selector with the labels of the pod template{}", guess.unwrap_or_default())
            }
        };
        (near.map_or_else(|| String::from("no pod with all of this"), |n| n.seen), next)
    };
    let finding = Finding::warning(PeerMatchesNothing::META, object.clone(), sentence)
        .expected(format!("{object} {at}"), whom, seen)
        .next(next);
    if cx.is_manifests() { finding } else { finding.proven() }
}

/// Another namespace with pods that have the labels, when the peer is for the policy's own.
fn elsewhere(cx: &Context<'_>, peer: &Predicate) -> Option<String> {
    let Predicate::All(parts) = peer else { return None };
    let own = parts.iter().find_map(|p| if let Predicate::Namespace(name) = p { Some(name) } else { None })?;
    let anywhere: Vec<Predicate> = parts.iter().filter(|p| !matches!(p, Predicate::Namespace(_))).cloned().collect();
    let found = cx.span(&Predicate::All(anywhere)).sure;
    let mut found = found.members().filter_map(|class| cx.example(class)).map(|e| e.namespace).filter(|n| *n != own.as_str());
    found.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Weight;
    use crate::model::Resource;
    use crate::model::testing::policies::{block, pods, pods_in, policy, rule, tcp};
    use crate::policy::lint::testing::{Shop, only};

    fn shop(peer: crate::model::NetworkPolicyPeer) -> Shop {
        Shop::with([policy("shop", "web", "app=web").ingress([rule([block("10.0.0.0/8", &[]), peer], [tcp(8080)])])])
    }

    #[test]
    fn a_peer_without_pods_is_told_by_its_place() {
        let found = only(shop(pods("app=clinet")).lint(&PeerMatchesNothing));
        assert_eq!((found.at.as_str(), found.finding.weight), ("spec.ingress[0].from[1]", Weight::Warning));
        assert!(found.finding.next.ends_with("did you mean app=client?"), "{}", found.finding.next);
        let found = only(shop(pods_in("team=shop", "app=client")).lint(&PeerMatchesNothing));
        assert_eq!(found.finding.evidence[0].seen, "no such namespace");
    }

    #[test]
    fn pods_of_another_namespace_are_found_for_the_reader() {
        let found = only(shop(pods("k8s-app=kube-dns")).lint(&PeerMatchesNothing));
        assert!(found.finding.next.contains("namespace kube-system: add a namespaceSelector"), "{}", found.finding.next);
    }

    #[test]
    fn healthy_is_silent() {
        assert!(Shop::healthy().lint(&PeerMatchesNothing).is_clear());
        // a namespace that is there and has no pod yet
        assert!(shop(pods_in("kubernetes.io/metadata.name=default", "")).lint(&PeerMatchesNothing).is_clear());
    }

    #[test]
    fn without_pods_or_namespaces_it_is_open() {
        for (denied, peer) in [(Resource::Pods, pods("app=clinet")), (Resource::Namespaces, pods_in("team=shop", "app=client"))] {
            let mut shop = shop(peer);
            shop.world.denied.push(denied);
            let linted = shop.lint(&PeerMatchesNothing);
            assert_eq!((linted.findings.len(), linted.open.len(), linted.is_incomplete), (0, 1, true), "{linted:?}");
        }
    }

    #[test]
    fn manifests_know_nothing_of_other_namespaces() {
        let linted =
            shop(pods_in("kubernetes.io/metadata.name=monitoring", "app=prometheus")).lint_manifests(&PeerMatchesNothing);
        assert_eq!((linted.findings.len(), linted.is_incomplete), (0, false), "{linted:?}");
        assert_eq!(shop(pods("app=clinet")).lint_manifests(&PeerMatchesNothing).findings.len(), 1);
    }
}
