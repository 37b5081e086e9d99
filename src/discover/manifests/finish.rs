//! From the objects of all files to lists that are complete.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::{Failure, Manifests, Reading, Severity, Template, Trouble, kinds};
use crate::discover::bundle::{Bundle, Meta};
use crate::discover::intake::{self, Keep};
use crate::model::{Cluster, Known, Pod, Query, Resource, Store, Workload};

impl Reading {
    pub(super) fn finish(mut self) -> Manifests {
        let mut manifests = Manifests { namespace: self.namespace.clone(), ..Manifests::default() };
        let groups: BTreeSet<&str> =
            kinds::CUSTOM.iter().filter(|c| self.intakes.contains_key(&c.resource())).map(kinds::Custom::group).collect();
        manifests.cluster.api_groups = Known::Got(groups.iter().map(|g| (*g).to_owned()).collect());
        let groups: Vec<Value> = groups.into_iter().map(|g| serde_json::json!({"name": g})).collect();
        if self.keep == Keep::All {
            manifests.reads.push((Query::all(Resource::ApiGroups), Known::Got(groups)));
        }
        for resource in kinds::all() {
            let intake = self.intakes.remove(&resource);
            // manifests seldom hold these, and their absence means nothing
            if intake.is_none() && matches!(resource, Resource::Nodes | Resource::EndpointSlices | Resource::ServiceCidrs) {
                continue;
            }
            let mut intake = intake.unwrap_or_else(|| intake::of(&resource, self.keep));
            let query = Query::all(resource);
            if self.keep == Keep::All {
                manifests.reads.push((query.clone(), Known::Got(intake.pruned().unwrap_or_default())));
            }
            intake.add(&mut manifests.cluster, &query, Known::Got(()));
        }
        self.add_templates(&mut manifests);
        let namespaces = namespaces(&manifests.cluster);
        self.open_failures(&mut manifests, &namespaces);
        self.tell_skipped();
        let known: HashSet<&str> = manifests.cluster.namespaces.seen().map(|n| n.name.as_str()).collect();
        let unknown: Vec<&str> = namespaces.iter().map(String::as_str).filter(|n| !known.contains(n)).collect();
        if !unknown.is_empty() {
            let text =
                format!("no Namespace object of {}: only the label kubernetes.io/metadata.name is known", unknown.join(", "));
            self.troubles.push(Trouble {
                severity: Severity::Notice,
                file: String::from("manifests"),
                line: None,
                text,
                is_policy: false,
            });
        }
        manifests.troubles = self.troubles;
        manifests.places = self.places;
        manifests
    }

    /// One pod for each workload that has none here.
    fn add_templates(&mut self, manifests: &mut Manifests) {
        let templates = std::mem::take(&mut self.templates);
        let made: HashSet<(String, String, String)> =
            templates.iter().map(|t| (kind_of(&t.resource).to_owned(), t.namespace.clone(), t.name.clone())).collect();
        let mut done = HashSet::new();
        let mut pods = Vec::new();
        let mut pruned = Vec::new();
        {
            let real = Pods::of(&manifests.cluster);
            // the last of two with one name counts
            for template in templates.into_iter().rev() {
                let is_new = done.insert((kind_of(&template.resource), template.namespace.clone(), template.name.clone()));
                let owner = template.owner.clone().map(|(kind, name)| (kind, template.namespace.clone(), name));
                if is_new && !owner.is_some_and(|owner| made.contains(&owner)) && !real.has_pods_of(&template) {
                    pods.push(template.pod);
                    pruned.extend(template.pruned);
                }
            }
        }
        pods.reverse();
        pruned.reverse();
        for listing in &mut manifests.cluster.pods.listings {
            if let Known::Got(all) = &mut listing.items {
                all.append(&mut pods);
            }
        }
        let listing = manifests.reads.iter_mut().find(|(query, _)| query.resource == Resource::Pods);
        if let Some((_, Known::Got(all))) = listing {
            all.append(&mut pruned);
        }
    }

    /// Lists that lack an object which is there and could not be read are not complete.
    fn open_failures(&mut self, manifests: &mut Manifests, namespaces: &BTreeSet<String>) {
        let mut failed: BTreeMap<Resource, Vec<Failure>> = BTreeMap::new();
        for failure in self.failures.drain(..) {
            failed.entry(failure.resource.clone()).or_default().push(failure);
        }
        for (resource, failures) in failed {
            let open = Open { resource: &resource, failures: &failures, namespaces };
            if resource == Resource::NetworkPolicies {
                let store = &mut manifests.cluster.network_policies;
                let all = store.listings.drain(..).filter_map(|l| l.items.into_got()).flatten().collect();
                open.lists(all, |p| p.namespace.as_str(), |query, items| store.push(query, items));
            } else if let Resource::Custom(kind) = &resource {
                let store = manifests.cluster.custom.entry(kind.clone()).or_default();
                let all = store.listings.drain(..).filter_map(|l| l.items.into_got()).flatten().collect();
                open.lists(all, namespace_of, |query, items| store.push(query, items));
            } else {
                // a missing pod or Service is told, and changes no other's answer
                continue;
            }
            let at = manifests.reads.iter().position(|(query, _)| query.resource == resource);
            if let Some(Known::Got(all)) = at.map(|at| manifests.reads.remove(at).1) {
                open.lists(all, namespace_of, |query, items| manifests.reads.push((query, items)));
            }
        }
    }

    fn tell_skipped(&mut self) {
        for (kind, (count, first)) in std::mem::take(&mut self.skipped) {
            let more = if count > 1 { format!(", and {} more", count - 1) } else { String::new() };
            self.troubles.push(Trouble {
                severity: Severity::Notice,
                file: self.places.file(&first),
                line: Some(first.line),
                text: format!("skipped {kind}{more}: netcheck does not read this kind"),
                is_policy: is_policy(&kind),
            });
        }
    }
}

impl Manifests {
    /// The same objects as a recorded run, for everything that asks by query.
    pub fn into_bundle(self) -> Bundle {
        let meta = Meta { netcheck: env!("CARGO_PKG_VERSION").to_owned(), namespace: self.namespace, ..Meta::default() };
        Bundle { meta, reads: self.reads, measurements: Vec::new(), launches: Vec::new() }
    }

    /// The files that were read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.places.files.iter().map(std::path::PathBuf::as_path)
    }
}

/// A kind that says who may connect to whom, by its name.
fn is_policy(kind: &str) -> bool {
    let name = kind.split(' ').next().unwrap_or_default();
    name.ends_with("NetworkPolicy") || name == "AuthorizationPolicy"
}

/// A list that is to be told as incomplete.
struct Open<'a> {
    resource: &'a Resource,
    failures: &'a [Failure],
    namespaces: &'a BTreeSet<String>,
}

impl Open<'_> {
    /// Splits a list by namespace: complete ones, and failed ones with what is known of them beside.
    fn lists<T>(&self, all: Vec<T>, namespace_of: fn(&T) -> &str, mut push: impl FnMut(Query, Known<Vec<T>>)) {
        let why = |namespace: Option<&str>| {
            let mut all = self.failures.iter().filter(|f| namespace.is_none_or(|n| f.namespace == n || f.namespace.is_empty()));
            all.next().map(|f| f.why.clone())
        };
        // without a namespace it may be about all of them
        if let Some(failure) = self.failures.iter().find(|f| f.namespace.is_empty()) {
            push(Query::all(self.resource.clone()), Known::Failed(failure.why.clone()));
            push(Query::all(self.resource.clone()).labelled("readable"), Known::Got(all));
            return;
        }
        let mut by_namespace: BTreeMap<String, Vec<T>> = self.namespaces.iter().map(|n| (n.clone(), Vec::new())).collect();
        for failure in self.failures {
            by_namespace.entry(failure.namespace.clone()).or_default();
        }
        for item in all {
            by_namespace.entry(namespace_of(&item).to_owned()).or_default().push(item);
        }
        for (namespace, items) in by_namespace {
            let query = Query::within(self.resource.clone(), &namespace);
            match why(Some(&namespace)) {
                Some(why) => {
                    push(query.clone(), Known::Failed(why));
                    push(query.labelled("readable"), Known::Got(items));
                }
                None => push(query, Known::Got(items)),
            }
        }
    }
}

/// Pods by namespace.
struct Pods<'a> {
    by_namespace: HashMap<&'a str, Vec<&'a Pod>>,
    workloads: HashMap<(&'a str, &'a str, &'a str), &'a Workload>,
}

impl<'a> Pods<'a> {
    fn of(cluster: &'a Cluster) -> Self {
        let mut by_namespace: HashMap<&str, Vec<&Pod>> = HashMap::new();
        for pod in cluster.pods.seen() {
            by_namespace.entry(&pod.namespace).or_default().push(pod);
        }
        let workloads = cluster.workloads.seen().map(|w| ((w.kind.as_str(), w.namespace.as_str(), w.name.as_str()), w));
        Self { by_namespace, workloads: workloads.collect() }
    }

    fn has_pods_of(&self, template: &Template) -> bool {
        let Some(pods) = self.by_namespace.get(template.namespace.as_str()) else { return false };
        let kind = kind_of(&template.resource);
        let workload = self.workloads.get(&(kind, template.namespace.as_str(), template.name.as_str()));
        let selector = workload.map(|w| &w.selector).filter(|s| !s.is_empty());
        pods.iter().any(|pod| {
            let is_owned = pod.owner.as_ref().is_some_and(|(owner, name)| {
                let run = name.strip_prefix(template.name.as_str()).is_some_and(|rest| rest.starts_with('-'));
                owner == kind && *name == template.name || owner == "job" && kind == "cronjob" && run
            });
            // a pod that nobody made is another one, whatever its labels
            is_owned || pod.owner.is_some() && selector.is_some_and(|s| s.matches(&pod.labels))
        })
    }
}

fn kind_of(resource: &Resource) -> &'static str {
    let kinds = [
        (Resource::Deployments, "deployment"),
        (Resource::DaemonSets, "daemonset"),
        (Resource::StatefulSets, "statefulset"),
        (Resource::ReplicaSets, "replicaset"),
        (Resource::Jobs, "job"),
        (Resource::CronJobs, "cronjob"),
    ];
    kinds.into_iter().find(|(known, _)| known == resource).map(|(_, kind)| kind).unwrap_or_default()
}

fn namespace_of(object: &Value) -> &str {
    object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default()
}

/// Every namespace that something is in.
fn namespaces(cluster: &Cluster) -> BTreeSet<String> {
    let pods = cluster.pods.seen().map(|p| p.namespace.clone());
    let policies = cluster.network_policies.seen().map(|p| p.namespace.clone());
    let custom = cluster.custom.values().flat_map(Store::seen).map(|o| namespace_of(o).to_owned());
    let all = pods.chain(policies).chain(custom).chain(cluster.namespaces.seen().map(|n| n.name.clone()));
    all.filter(|n| !n.is_empty()).collect()
}
