//! Looking for the signs of a plugin: agents, API groups, ConfigMaps, annotations and labels of nodes.

use crate::model::{Cluster, ConfigMap, Known, Labels, Listing, Node, Pod, Resource, Workload};

use super::found::{Certainty, Identified, Logs, Policy, Role, Seen, State};

/// The signs by which a plugin is known.
pub(super) struct Marks {
    pub name: &'static str,
    /// Ends of image names without registry and tag, at a `/`: `flannel/flannel`. Mirrors keep them.
    pub images: &'static [&'static str],
    /// Names of DaemonSets or of their containers, which a private build of the image keeps.
    pub agents: &'static [&'static str],
    pub groups: &'static [&'static str],
    /// Names of its ConfigMaps in namespaces of network components.
    pub config_maps: &'static [&'static str],
    /// Keys of node annotations that only it writes.
    pub annotations: &'static [&'static str],
}

/// The agent that runs on every node: a DaemonSet, or pods where DaemonSets could not be listed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Agent<'a> {
    Workload(&'a Workload),
    Pod(&'a Pod),
}

impl<'a> Agent<'a> {
    pub(super) fn namespace(self) -> &'a str {
        match self {
            Agent::Workload(w) => &w.namespace,
            Agent::Pod(p) => &p.namespace,
        }
    }

    pub(super) fn name(self) -> &'a str {
        match self {
            Agent::Workload(w) => &w.name,
            // a pod of a DaemonSet is known by its owner
            Agent::Pod(p) => p.owner.as_ref().map_or(&p.name, |(_, name)| name),
        }
    }

    pub(super) fn source(self) -> String {
        match self {
            Agent::Workload(w) => w.object().to_string(),
            Agent::Pod(p) => p.object().to_string(),
        }
    }

    pub(super) fn images(self) -> Vec<&'a str> {
        match self {
            Agent::Workload(w) => w.images.iter().map(String::as_str).collect(),
            Agent::Pod(p) => p.containers.iter().map(|c| c.image.as_str()).collect(),
        }
    }

    pub(super) fn containers(self) -> Vec<&'a str> {
        match self {
            Agent::Workload(w) => w.container_names.iter().map(String::as_str).collect(),
            Agent::Pod(p) => p.containers.iter().map(|c| c.name.as_str()).collect(),
        }
    }

    /// The network flags of its containers; a pod's are not read.
    pub(super) fn arguments(self) -> &'a [String] {
        match self {
            Agent::Workload(w) => &w.arguments,
            Agent::Pod(_) => &[],
        }
    }

    pub(super) fn has_container(self, name: &str) -> bool {
        self.containers().contains(&name)
    }

    /// The image that ends in one of these names.
    pub(super) fn image_of(self, ends: &[&str]) -> Option<&'a str> {
        self.images().into_iter().find(|image| ends.iter().any(|end| image_is(image, end)))
    }

    fn labels(self) -> &'a Labels {
        match self {
            Agent::Workload(w) => {
                if w.selector.labels.is_empty() {
                    &w.pod_labels
                } else {
                    &w.selector.labels
                }
            }
            Agent::Pod(p) => &p.labels,
        }
    }

    fn state(self) -> State {
        match self {
            Agent::Workload(w) => State::Agent { desired: w.desired, ready: w.ready },
            Agent::Pod(_) => State::Agent { desired: None, ready: None },
        }
    }

    pub(super) fn logs(self, containers: &[&'static str]) -> Logs {
        let known = ["k8s-app", "app", "name", "app.kubernetes.io/name", "component"];
        let labels = self.labels();
        let selector = known
            .iter()
            .find_map(|key| labels.get_key_value(*key))
            .or_else(|| labels.iter().find(|(key, _)| !key.contains("hash") && !key.contains("generation")))
            .map_or_else(String::new, |(key, value)| format!("{key}={value}"));
        let container = containers.iter().find(|c| self.has_container(c)).map(|c| (*c).to_owned());
        Logs { namespace: self.namespace().to_owned(), selector, container }
    }
}

/// `registry.corp:5000/mirror/flannel/flannel:v0.26@sha256:…` ends in `flannel/flannel`.
pub(super) fn image_is(image: &str, end: &str) -> bool {
    let path = repository(image);
    path == end || path.strip_suffix(end).is_some_and(|head| head.ends_with('/'))
}

/// An image name without digest and tag.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // a colon before the last `/` belongs to the registry's port
        Some((head, tag)) if !tag.contains('/') => head,
        Some(_) | None => name,
    }
}

/// The tag of an image, when it has one.
pub(super) fn tag(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

/// Every DaemonSet that was read, in a fixed order.
pub(super) fn daemon_sets(cluster: &Cluster) -> Vec<&Workload> {
    let mut all: Vec<&Workload> = cluster.workloads.seen().filter(|w| w.kind == "daemonset").collect();
    all.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    all.dedup_by(|a, b| a.namespace == b.namespace && a.name == b.name);
    all
}

/// Every DaemonSet of the cluster was listed: one that was not seen does not exist.
pub(super) fn all_listed(cluster: &Cluster) -> bool {
    matches!(cluster.workloads.complete(&Resource::DaemonSets, None), Known::Got(_))
}

/// The value of a flag in `--flag=value` or `--flag value` form; a flag without value is `true`.
pub(super) fn flag<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let mut words = arguments.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let Some(body) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
        if body == name {
            return Some(words.peek().copied().filter(|next| !next.starts_with('-')).unwrap_or("true"));
        }
        if let Some((flag, value)) = body.split_once('=')
            && flag == name
        {
            return Some(value);
        }
    }
    None
}

/// A ConfigMap by name, in the given namespace or any.
pub(super) fn config_map<'a>(cluster: &'a Cluster, namespace: Option<&str>, names: &[&str]) -> Option<&'a ConfigMap> {
    let fits = |c: &&ConfigMap| names.contains(&c.name.as_str()) && namespace.is_none_or(|ns| c.namespace == ns);
    cluster.config_maps.seen().filter(fits).min_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)))
}

/// Why none of these ConfigMaps was seen.
pub(super) fn why_unread(cluster: &Cluster, names: &[&str]) -> String {
    let asked = |listing: &&Listing<ConfigMap>| listing.query.name.as_deref().is_some_and(|name| names.contains(&name));
    let reasons = cluster.config_maps.listings.iter().filter(asked).map(|l| l.items.as_ref());
    // a refusal says more than the absence of a name that may be another's
    let refused = reasons.filter(|known| matches!(known, Known::Denied(_) | Known::Failed(_))).find_map(|known| known.missing());
    refused.unwrap_or_else(|| format!("no ConfigMap {} was found", names.join(" or ")))
}

/// Why no object of these custom kinds was seen; `None` when they were read.
pub(super) fn why_no_custom(cluster: &Cluster, kinds: &[(&str, &str)]) -> Option<String> {
    let is_one = |kind: &str| kinds.iter().any(|(plural, group)| kind.starts_with(plural) && kind.ends_with(group));
    let listings = cluster.custom.iter().filter(|(kind, _)| is_one(kind)).flat_map(|(_, store)| &store.listings);
    listings.map(|l| &l.items).find_map(|known| match known {
        Known::Denied(_) | Known::Failed(_) => known.missing(),
        Known::Got(_) | Known::Absent(_) | Known::Unasked => None,
    })
}

/// `configmap/kube-system/cilium-config KEY`.
pub(super) fn source_of(map: &ConfigMap, key: &str) -> String {
    format!("configmap/{}/{} {key}", map.namespace, map.name)
}

/// Nodes with an annotation and its value, by name.
pub(super) fn annotated<'a>(cluster: &'a Cluster, key: &str) -> Vec<(&'a Node, &'a str)> {
    let mut all: Vec<_> = cluster.nodes.seen().filter_map(|n| Some((n, n.annotations.get(key)?.as_str()))).collect();
    all.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    all.dedup_by(|a, b| a.0.name == b.0.name);
    all
}

/// Nodes with a label and its value, by name.
pub(super) fn labelled<'a>(cluster: &'a Cluster, key: &str) -> Vec<(&'a Node, &'a str)> {
    let mut all: Vec<_> = cluster.nodes.seen().filter_map(|n| Some((n, n.labels.get(key)?.as_str()))).collect();
    all.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    all.dedup_by(|a, b| a.0.name == b.0.name);
    all
}

pub(super) fn has_group(cluster: &Cluster, group: &str) -> bool {
    cluster.api_groups.got().is_some_and(|all| all.iter().any(|g| g == group))
}

/// Objects of a custom kind, given as `plural` and group: the version may be any.
pub(super) fn custom<'a>(cluster: &'a Cluster, plural: &str, group: &str) -> Vec<&'a serde_json::Value> {
    let fits = |kind: &str| {
        let mut parts = kind.splitn(3, '.');
        parts.next() == Some(plural) && parts.next().is_some() && parts.next() == Some(group)
    };
    cluster.custom.iter().filter(|(kind, _)| fits(kind)).flat_map(|(_, objects)| objects.seen()).collect()
}

/// A text inside a custom object.
pub(super) fn text<'a>(object: &'a serde_json::Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer)?.as_str()
}

impl Marks {
    /// The agent, and whether its image said so rather than a name.
    pub(super) fn agent<'a>(&self, cluster: &'a Cluster) -> Option<(Agent<'a>, bool)> {
        let by_image = |a: &Agent<'_>| a.image_of(self.images).is_some();
        let by_name = |a: &Agent<'_>| self.agents.contains(&a.name()) || a.containers().iter().any(|c| self.agents.contains(c));
        let sets: Vec<Agent<'_>> = daemon_sets(cluster).into_iter().map(Agent::Workload).collect();
        let pods =
            || cluster.pods.seen().filter(|p| p.owner.as_ref().is_some_and(|(kind, _)| kind == "daemonset")).map(Agent::Pod);
        // of several the one that is meant for nodes: another may be the remains of a migration
        let desired = |a: &Agent<'_>| matches!(a.state(), State::Agent { desired, .. } if desired != Some(0));
        let best = |fits: &dyn Fn(&Agent<'_>) -> bool| {
            let all: Vec<Agent<'a>> = sets.iter().copied().filter(|a| fits(a)).collect();
            all.iter().copied().find(|a| desired(a)).or_else(|| all.first().copied())
        };
        best(&by_image)
            .map(|a| (a, true))
            .or_else(|| best(&by_name).map(|a| (a, false)))
            .or_else(|| pods().find(|a| by_image(a)).map(|a| (a, true)))
            .or_else(|| pods().find(|a| by_name(a)).map(|a| (a, false)))
    }

    /// Everything that speaks for the plugin; `None` when nothing does.
    pub(super) fn look<'a>(&self, cluster: &'a Cluster) -> Option<(Identified, Option<Agent<'a>>)> {
        let agent = self.agent(cluster);
        let mut evidence = Vec::new();
        if let Some((agent, by_image)) = agent {
            let image = agent.image_of(self.images).or_else(|| agent.images().into_iter().next()).unwrap_or_default();
            let what = if by_image { format!("image {image}") } else { format!("its name, and image {image}") };
            evidence.push(Seen::new(agent.source(), what));
        }
        let annotations = self.annotations_seen(cluster);
        let signs = self.signs(cluster);
        if evidence.is_empty() && annotations.is_empty() && signs.is_empty() {
            return None;
        }
        let (state, certainty) = match agent {
            Some((agent, true)) => (agent.state(), Certainty::Certain),
            Some((agent, false)) => (agent.state(), Certainty::Likely),
            None if all_listed(cluster) => (State::Leftover, Certainty::Likely),
            None if annotations.is_empty() => (State::Unseen, Certainty::Possible),
            None => (State::Unseen, Certainty::Likely),
        };
        evidence.extend(annotations);
        evidence.extend(signs);
        let mut found = self.identified(state, certainty, evidence);
        found.warnings.extend(readiness(self.name, state));
        Some((found, agent.map(|(a, _)| a)))
    }

    pub(super) fn identified(&self, state: State, certainty: Certainty, evidence: Vec<Seen>) -> Identified {
        Identified {
            name: self.name,
            role: Role::Primary,
            state,
            certainty,
            evidence,
            mode: None,
            mtu: None,
            tunnel: None,
            policy: Policy::Depends(String::from("its configuration could not be read")),
            encryption: None,
            service_proxy: None,
            pod_cidrs: Vec::new(),
            features: Vec::new(),
            logs: None,
            hints: &[],
            warnings: Vec::new(),
            unknown: Vec::new(),
        }
    }

    fn annotations_seen(&self, cluster: &Cluster) -> Vec<Seen> {
        let seen = |key: &&str| {
            let nodes = annotated(cluster, key);
            let (first, value) = nodes.first()?;
            let more = if nodes.len() > 1 { format!(", and {} more nodes", nodes.len() - 1) } else { String::new() };
            Some(Seen::new(format!("{} annotation {key}", first.object()), format!("{value}{more}")))
        };
        self.annotations.iter().filter_map(seen).collect()
    }

    fn signs(&self, cluster: &Cluster) -> Vec<Seen> {
        let groups = self.groups.iter().filter(|g| has_group(cluster, g)).map(|g| Seen::new("API groups", *g));
        let maps = self.config_maps.iter().filter_map(|name| config_map(cluster, None, &[name]));
        groups.chain(maps.map(|m| Seen::new(format!("configmap/{}/{}", m.namespace, m.name), "exists"))).collect()
    }
}

fn readiness(name: &str, state: State) -> Option<String> {
    match state {
        State::Agent { desired: Some(0), .. } => Some(format!("the agent of {name} is meant for no node")),
        State::Agent { desired: Some(desired), ready: Some(ready) } if ready < desired => {
            Some(format!("{ready} of {desired} agents of {name} are ready"))
        }
        State::Agent { .. } | State::BuiltIn | State::Unseen | State::Leftover => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Query;

    #[test]
    fn a_refusal_says_more_than_an_absence() {
        let mut cluster = Cluster::default();
        assert_eq!(why_unread(&cluster, &["a-config"]), "no ConfigMap a-config was found");
        let absent = Query::named(Resource::ConfigMaps, "one", "a-config");
        cluster.config_maps.push(absent.clone(), Known::Absent(absent.to_string()));
        let denied = Query::named(Resource::ConfigMaps, "two", "a-config");
        cluster.config_maps.push(denied.clone(), Known::Denied(denied.to_string()));
        assert_eq!(why_unread(&cluster, &["a-config"]), "not permitted: get configmaps a-config in namespace two");
    }

    #[test]
    fn an_image_is_known_behind_any_registry() {
        for image in ["flannel/flannel", "docker.io/flannel/flannel:v0.26.1", "r.corp:5000/m/flannel/flannel@sha256:ab"] {
            assert!(image_is(image, "flannel/flannel"), "{image}");
        }
        assert!(!image_is("docker.io/notflannel/flannel:1", "flannel/flannel"));
        assert!(!image_is("flannel/flannel-cni-plugin:1", "flannel/flannel"));
        assert_eq!(tag("r.corp:5000/a/b"), None);
        assert_eq!(tag("kindest/kindnetd:v20250214-acbabc1a"), Some("v20250214-acbabc1a"));
    }

    #[test]
    fn flags_have_two_forms() {
        let words = ["--run-router=true", "--overlay-type", "full", "--enable-np", "--mtu=1400"].map(str::to_owned);
        assert_eq!(flag(&words, "run-router"), Some("true"));
        assert_eq!(flag(&words, "overlay-type"), Some("full"));
        assert_eq!(flag(&words, "enable-np"), Some("true"));
        assert_eq!(flag(&words, "overlay"), None);
    }
}
