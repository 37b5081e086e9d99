//! The policies and pods that lints look at.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::dns_config;
use crate::model::{Cluster, Known, ObjectRef, Pod, Resource, Selector, Workload};
use crate::policy::classes::{Classes, Features};
use crate::policy::sets::{Index, Span};
use crate::policy::{
    Compiled, Directory, Endpoint, EndpointKind, Enforcement, Engine, LabelView, Policy, Predicate, Rulebook, Tier, Truth, View,
    dialect, kinds, rulebook,
};

/// Where the objects come from: what is missing means another thing in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A cluster, or a record of one.
    Cluster,
    /// Files, which need not hold everything that the policies are about.
    Manifests,
}

/// What lints stand on: objects, and the policies in their common form.
#[derive(Debug)]
pub struct Ground<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) origin: Origin,
    pub(super) enforcement: Enforcement,
    pub(super) compiled: Compiled,
    pub(super) directory: Directory<'a>,
    /// Addresses of the DNS cache on the nodes.
    pub(super) node_local: Vec<IpAddr>,
}

impl<'a> Ground<'a> {
    pub fn new(cluster: &'a Cluster, origin: Origin) -> Self {
        let mut enforcement = Enforcement::of(cluster);
        let has_cilium = || [kinds::CILIUM, kinds::CILIUM_CLUSTERWIDE].iter().any(|kind| !kind.objects(cluster).is_empty());
        // who will enforce them stands in no file: they are read as their own project reads them
        if origin == Origin::Manifests && enforcement.by.is_none() && has_cilium() {
            enforcement.engine = Engine::Cilium(Box::new(dialect::cilium::Settings::of(cluster)));
        }
        Self::enforced(cluster, origin, enforcement)
    }

    pub(super) fn enforced(cluster: &'a Cluster, origin: Origin, enforcement: Enforcement) -> Self {
        let pods = cluster.pods.seen().map(|p| p.namespace.as_str());
        let policies = cluster.network_policies.seen().map(|p| p.namespace.as_str());
        let namespaces: BTreeSet<&str> =
            cluster.namespaces.seen().map(|n| n.name.as_str()).chain(pods).chain(policies).filter(|n| !n.is_empty()).collect();
        let compiled = rulebook(cluster, &enforcement.engine, namespaces);
        let dns = dns_config::cluster_dns(cluster);
        let node_local = dns.node_local.iter().flat_map(|n| &n.addresses).filter_map(|a| a.parse().ok()).collect();
        Self { cluster, origin, enforcement, compiled, directory: Directory::new(cluster), node_local }
    }

    pub(super) fn enforcement_words(&self) -> String {
        match (self.origin, self.enforcement.by) {
            (_, Some(name)) => format!("{} by {name}: {}", self.enforcement.enforces.word(), self.enforcement.enforces.why()),
            (Origin::Manifests, None) => String::from("not known: that depends on the cluster they are for"),
            (Origin::Cluster, None) => format!("not known: {}", self.enforcement.enforces.why()),
        }
    }
}

/// One policy that is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Item<'g> {
    pub tier: &'g Tier,
    pub policy: &'g Policy,
}

/// What a lint may read.
pub struct Context<'g> {
    pub(super) ground: &'g Ground<'g>,
    pub(super) cluster: &'g Cluster,
    /// Only policies in this one.
    namespace: Option<String>,
    items: Vec<Item<'g>>,
    /// Each pod once, by namespace and name.
    pods: Vec<&'g Pod>,
    classes: Classes,
    /// The pods of each class; a class of a workload that has none is empty.
    members: Vec<Vec<&'g Pod>>,
    /// Those in which some pod or workload is.
    inhabited: BTreeSet<&'g str>,
    index: Index<'g>,
    /// By class, tier by tier: the policies that apply or may apply, by their place in the tier.
    applying: OnceCell<Vec<Vec<Vec<usize>>>>,
}

impl<'g> Context<'g> {
    pub fn new(ground: &'g Ground<'g>, namespace: Option<&str>) -> Self {
        let cluster = ground.cluster;
        let once: BTreeMap<_, _> = cluster.pods.seen().map(|p| ((p.namespace.as_str(), p.name.as_str()), p)).collect();
        let pods: Vec<&Pod> = once.into_values().collect();
        let mut endpoints: Vec<Endpoint<'g>> = pods.iter().map(|p| ground.directory.pod(p)).collect();
        // what is scaled to nothing now may have pods soon
        let has_pods = |w: &Workload| {
            let start = pods.partition_point(|p| p.namespace < w.namespace);
            let mut own = pods.iter().skip(start).take_while(|p| p.namespace == w.namespace);
            let selector = Selector::of(&w.pod_labels);
            own.any(|p| selector.matches(&p.labels))
        };
        let idle = cluster.workloads.seen().filter(|w| !w.pod_labels.is_empty() && !has_pods(w));
        endpoints.extend(idle.map(|w| template(ground, w)));
        let features = Features::of(&ground.compiled.book);
        let classes = features.classes(&endpoints);
        let mut members: Vec<Vec<&Pod>> = vec![Vec::new(); classes.example.len()];
        for (pod, class) in pods.iter().zip(&classes.of) {
            if let Some(all) = members.get_mut(*class) {
                all.push(pod);
            }
        }
        let inhabited = endpoints.iter().map(|e| e.namespace).filter(|n| !n.is_empty()).collect();
        let examples = classes.example.iter().filter_map(|e| endpoints.get(*e)).copied().collect();
        let index = Index::new(examples, &features.label_keys, false);
        let items = items(&ground.compiled.book, namespace);
        let namespace = namespace.map(str::to_owned);
        Self { ground, cluster, namespace, items, pods, classes, members, inhabited, index, applying: OnceCell::new() }
    }

    /// The policies, as they are decided: objects that could not be read are not among them.
    pub fn items(&self) -> &[Item<'g>] {
        &self.items
    }

    pub(super) fn pod_count(&self) -> usize {
        self.pods.len()
    }

    pub(super) fn is_manifests(&self) -> bool {
        self.ground.origin == Origin::Manifests
    }

    /// The classes of endpoints that a condition finds.
    pub(super) fn span(&self, predicate: &Predicate) -> Span {
        self.index.span(predicate)
    }

    pub(super) fn class_count(&self) -> usize {
        self.classes.example.len()
    }

    /// One endpoint of a class.
    pub(super) fn example(&self, class: usize) -> Option<&Endpoint<'g>> {
        self.index.examples.get(class)
    }

    /// The pods of a class.
    pub(super) fn members(&self, class: usize) -> &[&'g Pod] {
        self.members.get(class).map(Vec::as_slice).unwrap_or_default()
    }

    /// The policies that apply, or may apply, to a class, tier by tier.
    pub(super) fn applying(&self, class: usize) -> Vec<Vec<&'g Policy>> {
        let tiers = &self.ground.compiled.book.tiers;
        let all = self.applying.get_or_init(|| {
            let mut all = vec![vec![Vec::new(); tiers.len()]; self.class_count()];
            for (number, tier) in tiers.iter().enumerate() {
                for (at, policy) in tier.policies.iter().enumerate() {
                    for class in self.span(&policy.subject).may.members() {
                        if let Some(list) = all.get_mut(class).and_then(|lists| lists.get_mut(number)) {
                            list.push(at);
                        }
                    }
                }
            }
            all
        });
        let of_class = all.get(class).map(Vec::as_slice).unwrap_or_default();
        let policies = |(tier, places): (&'g Tier, &Vec<usize>)| places.iter().filter_map(|at| tier.policies.get(*at)).collect();
        tiers.iter().zip(of_class).map(policies).collect()
    }

    /// The rulebook as far as it concerns a class: it decides the same for its endpoints in less time.
    pub(super) fn book_of(&self, class: usize) -> Rulebook {
        let book = &self.ground.compiled.book;
        let tiers = book.tiers.iter().zip(self.applying(class)).map(|(tier, policies)| Tier {
            name: tier.name.clone(),
            own_node: tier.own_node,
            join: tier.join,
            unmatched: tier.unmatched,
            policies: policies.into_iter().cloned().collect(),
        });
        Rulebook { tiers: tiers.collect(), otherwise: book.otherwise }
    }

    /// The pods of a namespace.
    pub(super) fn pods_in<'s>(&'s self, namespace: &'s str) -> impl Iterator<Item = &'g Pod> + 's {
        let start = self.pods.partition_point(|p| p.namespace.as_str() < namespace);
        self.pods.iter().skip(start).take_while(move |p| p.namespace == namespace).copied()
    }

    /// Some pod or workload is there.
    pub(super) fn has_pods(&self, namespace: &str) -> bool {
        self.inhabited.contains(namespace)
    }

    /// Every namespace that was read, or that something is in.
    pub(super) fn namespaces(&self) -> BTreeSet<&'g str> {
        let known = self.cluster.namespaces.seen().map(|n| n.name.as_str());
        known.chain(self.inhabited.iter().copied()).collect()
    }

    /// A condition holds for a pod, whatever else is not known.
    pub(super) fn surely(&self, predicate: &Predicate, pod: &Pod) -> bool {
        let endpoint = self.ground.directory.pod(pod);
        predicate.matches(&View { endpoint: &endpoint, v6: false, other_node: None }) == Truth::Yes
    }

    /// The policies of this object are asked about.
    pub(super) fn is_wanted(&self, object: &ObjectRef) -> bool {
        object.namespace.is_empty() || self.namespace.as_ref().is_none_or(|n| *n == object.namespace)
    }

    /// Lists of policies that are not complete, and why.
    pub(super) fn policies_missing(&self) -> Vec<(String, String)> {
        let namespace = self.namespace.as_deref();
        let mut missing: Vec<(String, String)> = Vec::new();
        // what files lack is told by file and line
        if !self.is_manifests() {
            let own = self.cluster.network_policies.complete(&Resource::NetworkPolicies, namespace);
            missing.extend(own.missing().map(|why| (String::from("the NetworkPolicies"), why)));
            let others = kinds::ALL.iter().filter_map(|kind| kind.missing(self.cluster, namespace.filter(|_| kind.namespaced)));
            missing.extend(others.map(|why| (String::from("other policies"), why)));
        }
        let unjudged = self.ground.compiled.book.tiers.iter().flat_map(|t| &t.policies).filter(|p| p.object.kind == "policies");
        missing.extend(unjudged.filter_map(|p| Some((String::from("other policies"), unknown(&p.subject)?))));
        missing
    }

    /// Why not all Services are at hand, of all namespaces or of the one that was asked about.
    pub(super) fn services_missing(&self) -> Option<String> {
        self.cluster.services.complete(&Resource::Services, self.namespace.as_deref()).missing()
    }

    /// Selectors may find pods that are not here: those of other clusters of a mesh, which has a number for each.
    pub(super) fn has_remote_pods(&self) -> bool {
        let is_cilium = matches!(self.ground.enforcement.engine, Engine::Cilium(_));
        let config = self.cluster.config_maps.seen().find(|map| map.name == "cilium-config");
        is_cilium && config.and_then(|map| map.data.get("cluster-id")).is_some_and(|id| !matches!(id.as_str(), "" | "0"))
    }

    /// Why not all pods of a namespace (of all) are at hand, nor the workloads that may make some.
    pub(super) fn pods_missing(&self, namespace: Option<&str>) -> Option<String> {
        let of = |what: &str, why: String| match namespace {
            Some(namespace) => format!("the {what} of namespace {namespace}: {why}"),
            None => format!("the {what}: {why}"),
        };
        if let Some(why) = self.cluster.pods.complete(&Resource::Pods, namespace).missing() {
            return Some(of("pods", why));
        }
        let kinds = [Resource::Deployments, Resource::StatefulSets, Resource::DaemonSets, Resource::CronJobs, Resource::Jobs];
        kinds.iter().find_map(|kind| match self.cluster.workloads.complete(kind, namespace) {
            Known::Got(_) | Known::Absent(_) => None,
            other @ (Known::Denied(_) | Known::Failed(_) | Known::Unasked) => other.missing().map(|why| of("workloads", why)),
        })
    }
}

/// What a condition does not know.
fn unknown(predicate: &Predicate) -> Option<String> {
    let Predicate::All(parts) = predicate else { return None };
    parts.iter().find_map(|part| if let Predicate::Unknown(why) = part { Some(why.clone()) } else { None })
}

/// The policies of a rulebook, each once.
fn items<'g>(book: &'g Rulebook, namespace: Option<&str>) -> Vec<Item<'g>> {
    let mut items: Vec<Item<'g>> = Vec::new();
    // with ClusterNetworkPolicy, Cilium's own tier of isolation repeats its policies
    for tier in book.tiers.iter().filter(|t| t.name != "default deny") {
        let real = tier.policies.iter().filter(|p| p.object.name != "?" && p.object.kind != "configmap");
        let wanted = real.filter(|p| namespace.is_none_or(|n| p.object.namespace == n || p.object.namespace.is_empty()));
        items.extend(wanted.map(|policy| Item { tier, policy }));
    }
    items
}

/// A pod that a workload would make, as far as selectors look at it.
fn template<'g>(ground: &'g Ground<'g>, workload: &'g Workload) -> Endpoint<'g> {
    let outside = ground.directory.external(&[]);
    if workload.host_network {
        return Endpoint { kind: EndpointKind::Node, ..outside };
    }
    Endpoint {
        kind: EndpointKind::Pod,
        namespace: &workload.namespace,
        name: &workload.name,
        labels: LabelView { labels: &workload.pod_labels, missing: None },
        namespace_labels: ground.directory.namespace(&workload.namespace),
        ..outside
    }
}
