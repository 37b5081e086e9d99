use crate::cni;
use crate::declare_finding;
use crate::finding::{Finding, Meta};
use crate::model::ObjectRef;
use crate::policy::dialect::{cilium::Settings, object_of};
use crate::policy::kinds::{self, Kind};
use crate::policy::{Enforcement, Engine};

use super::{Context, Lint, Out};

declare_finding! {
    /// ## What it finds
    ///
    /// Policies of a kind that nothing in the cluster enforces: the API server takes them, and every connection passes as if they were not
    /// there. Flannel enforces no policy at all; Cilium enforces no AdminNetworkPolicy, and what cilium-config turns off; a
    /// CiliumNetworkPolicy means nothing without Cilium.
    ///
    /// ## How it is proven
    ///
    /// From the network plugins that the cluster shows, and their configuration. Where that does not say, it is left open. Manifests say
    /// nothing of the cluster that they are for.
    ///
    /// ## What to do
    ///
    /// Install what enforces the kind (a plugin with policies, or kube-network-policies beside the one that is there), or write the
    /// policies in a kind that the network knows. `kubectl netcheck info` shows what was found.
    PolicyNotEnforced, "NC2208", "policy-not-enforced", "Nothing enforces policies of this kind"
}

/// Kinds beside NetworkPolicy, by the name of their objects.
const KINDS: [(&str, Kind); 5] = [
    ("adminnetworkpolicy", kinds::ADMIN),
    ("baselineadminnetworkpolicy", kinds::BASELINE),
    ("clusternetworkpolicy", kinds::CLUSTER),
    ("ciliumnetworkpolicy", kinds::CILIUM),
    ("ciliumclusterwidenetworkpolicy", kinds::CILIUM_CLUSTERWIDE),
];

impl Lint for PolicyNotEnforced {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Out) {
        if cx.is_manifests() {
            return;
        }
        let found = &cx.ground.enforcement;
        let mut own: Vec<ObjectRef> = cx.cluster.network_policies.seen().map(crate::model::NetworkPolicy::object).collect();
        own.sort();
        own.dedup();
        let others = KINDS.iter().map(|(name, kind)| {
            let objects = kind.objects(cx.cluster).into_iter().map(|o| object_of(name, o)).collect();
            (*name, objects)
        });
        for (kind, mut objects) in std::iter::once(("networkpolicy", own)).chain(others) {
            objects.retain(|o| cx.is_wanted(o));
            let Some(first) = objects.first() else { continue };
            match verdict(cx, found, kind) {
                Enforced::Yes => {}
                Enforced::Unknown(why) => out.open(Self::META, first, "", why),
                Enforced::No(why) => out.found(finding(found, first, objects.len(), &why), ""),
            }
        }
    }
}

enum Enforced {
    Yes,
    No(String),
    Unknown(String),
}

fn verdict(cx: &Context<'_>, found: &Enforcement, kind: &str) -> Enforced {
    let is_ciliums = kind.starts_with("cilium");
    match (&found.engine, &found.enforces) {
        (_, cni::Policy::Ignored(why)) => Enforced::No(why.clone()),
        (Engine::Cilium(settings), _) => by_cilium(settings, kind),
        (Engine::Spec, cni::Policy::Depends(why)) => Enforced::Unknown(why.clone()),
        (Engine::Spec, cni::Policy::Enforced(_)) if is_ciliums => {
            let networks = cni::networks(cx.cluster);
            let is_cilium = |f: &cni::Identified| matches!(f.name, "Cilium" | "GKE Dataplane V2");
            if networks.found.iter().chain(&networks.leftovers).any(|f| is_cilium(f) && f.is_present()) {
                return Enforced::Unknown(String::from("Cilium is there beside another network"));
            }
            match networks.gaps.first() {
                Some((what, why)) => Enforced::Unknown(format!("{what}: {why}")),
                None => Enforced::No(String::from("Cilium does not run in this cluster")),
            }
        }
        // which of the other kinds a plugin knows depends on its version and features
        (Engine::Spec, cni::Policy::Enforced(_)) => Enforced::Yes,
    }
}

fn by_cilium(settings: &Settings, kind: &str) -> Enforced {
    let off = |option: &str| Enforced::No(format!("{option} of cilium-config is off"));
    match kind {
        "adminnetworkpolicy" | "baselineadminnetworkpolicy" => Enforced::No(String::from("Cilium does not know this kind")),
        "clusternetworkpolicy" => match settings.cluster_network_policies {
            Some(true) => Enforced::Yes,
            Some(false) => {
                Enforced::No(String::from("this Cilium does not know the kind, or enable-k8s-cluster-network-policy is off"))
            }
            None => Enforced::Unknown(String::from("enable-k8s-cluster-network-policy of cilium-config is not known")),
        },
        "networkpolicy" if !settings.network_policies => off("enable-k8s-networkpolicy"),
        "ciliumnetworkpolicy" if !settings.cilium_policies => off("enable-cilium-network-policy"),
        "ciliumclusterwidenetworkpolicy" if !settings.clusterwide_policies => off("enable-cilium-clusterwide-network-policy"),
        _ => Enforced::Yes,
    }
}

fn finding(found: &Enforcement, first: &ObjectRef, count: usize, why: &str) -> Finding {
    let more = match count {
        1 => String::new(),
        2 => String::from(" and 1 more of its kind"),
        _ => format!(" and {} more of its kind", count - 1),
    };
    let verb = if count == 1 { "changes" } else { "change" };
    let sentence = format!("{first}{more} {verb} nothing: {why}.");
    Finding::warning(PolicyNotEnforced::META, first.clone(), sentence)
        .expected("network", format!("one that enforces {}", first.kind), found.by.unwrap_or("none was found"))
        .next("kubectl netcheck info")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Weight;
    use crate::model::testing::policies::policy;
    use crate::model::{Cluster, Resource, Workload};
    use crate::policy::lint::testing::{Shop, only};
    use crate::policy::lint::{Ground, Origin, run};
    use serde_json::json;

    fn agent(namespace: &str, name: &str, image: &str) -> Workload {
        Workload {
            kind: "daemonset".into(),
            namespace: namespace.into(),
            name: name.into(),
            images: vec![image.into()],
            container_names: vec![name.into()],
            desired: Some(3),
            ready: Some(3),
            ..Workload::default()
        }
    }

    fn shop(agent: Workload) -> Shop {
        let mut shop = Shop::with([policy("shop", "a", "").ingress([]), policy("shop", "b", "").egress([])]);
        shop.world.workloads.push(agent);
        shop
    }

    #[test]
    fn flannel_enforces_nothing() {
        let found =
            only(shop(agent("kube-flannel", "kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.27.0")).lint(&PolicyNotEnforced));
        assert_eq!(found.finding.weight, Weight::Warning);
        let start = "networkpolicy/shop/a and 1 more of its kind change nothing: Flannel";
        assert!(found.finding.sentence.starts_with(start), "{}", found.finding.sentence);
    }

    fn with_admin(cluster: &mut Cluster) {
        let object = json!({"metadata": {"name": "x"}, "spec": {"priority": 1, "subject": {"namespaces": {}}}});
        let query = crate::model::Query::all(Resource::Custom("adminnetworkpolicies.v1alpha1.policy.networking.k8s.io".into()));
        cluster.push_custom(query, crate::model::Known::Got(vec![object]));
    }

    #[test]
    fn cilium_enforces_no_admin_policy() {
        let mut cluster = shop(agent("kube-system", "cilium", "quay.io/cilium/cilium:v1.18.0")).read();
        with_admin(&mut cluster);
        let ground = Ground::new(&cluster, Origin::Cluster);
        let found = only(run(&ground, None, &[&PolicyNotEnforced]));
        assert_eq!(found.finding.sentence, "adminnetworkpolicy/x changes nothing: Cilium does not know this kind.");
    }

    #[test]
    fn healthy_is_silent() {
        let kindnet = agent("kube-system", "kindnet", "docker.io/kindest/kindnetd:v20250512-df8de77b");
        assert_eq!(shop(kindnet).lint(&PolicyNotEnforced).findings, []);
        let flannel = agent("kube-flannel", "kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.27.0");
        let mut none = shop(flannel.clone());
        none.world.network_policies.clear();
        assert!(none.lint(&PolicyNotEnforced).findings.is_empty());
        // the cluster that the files are for is another one
        assert!(shop(flannel).lint_manifests(&PolicyNotEnforced).findings.is_empty());
    }

    #[test]
    fn an_unknown_network_leaves_it_open() {
        let linted = Shop::with([policy("shop", "a", "").ingress([])]).lint(&PolicyNotEnforced);
        assert_eq!((linted.findings.len(), linted.is_incomplete), (0, true), "{linted:?}");
    }
}
