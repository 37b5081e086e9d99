//! From the objects of one read to the model: the only way objects enter a [`Cluster`], live and from a bundle.
//!
//! An object is decoded, pruned, and made into its model before the next one is looked at. Its pruned JSON is made only when somebody will
//! want it: a bundle, or a narrower question.

use std::collections::BTreeSet;

use k8s_openapi::Resource as Kind;
use k8s_openapi::api::{
    apps::v1 as apps, batch::v1 as batch, core::v1 as core, discovery::v1 as discovery, networking::v1 as net,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::objects::{self, Object, name_of};
use super::wire;
use crate::model::{Cluster, Known, Pod, Query, Resource};

/// Most objects of one list whose pruned JSON is kept to answer narrower questions. Past that, asking again is cheaper than the memory.
const FEW: usize = 1000;

/// Whose pruned JSON is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Every list's, to be recorded.
    All,
    /// That of lists with few objects.
    Few,
    /// Nobody's: it is there already.
    Nothing,
}

impl Keep {
    fn most(self) -> usize {
        match self {
            Self::All => usize::MAX,
            Self::Few => FEW,
            Self::Nothing => 0,
        }
    }
}

/// An object on its way in.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    /// The API server's JSON.
    Json(&'a str),
    /// The API server's protobuf.
    Wire(&'a [u8]),
    /// Pruned before it was recorded.
    Pruned(&'a Value),
    /// JSON out of a file, and the namespace of objects that name none; `None` for kinds without one.
    Written(&'a str, Option<&'a str>),
}

/// Takes the objects of one read.
pub(super) trait Intake: Send {
    /// Takes one more. An error says what of the answer cannot be read, and which object it is.
    fn take(&mut self, raw: Raw<'_>) -> Result<(), String>;

    /// How many were taken.
    fn count(&self) -> usize;

    /// Forgets all but the first `count`: the page they came from is read again.
    fn keep_first(&mut self, count: usize);

    /// Says what is wrong with the object that was taken last when it has no model, and forgets that object.
    fn reject_misfit(&mut self) -> Option<String>;

    /// Forgets one object: another in its place was taken later.
    fn supersede(&mut self, index: usize);

    /// The kind of the list in protobuf, as `PodList`, when it can be read so.
    fn wire_list(&self) -> Option<String>;

    /// What is kept for a bundle. `None` when the list is too long to keep.
    fn pruned(&mut self) -> Option<Vec<Value>>;

    /// Adds what was taken as the answer to `query`, or the reason why it is no answer. One object that does not fit makes the whole list
    /// `Failed`.
    fn add(self: Box<Self>, cluster: &mut Cluster, query: &Query, answer: Known<()>);
}

/// Who takes the objects of a kind, and where they go.
pub(super) fn of(resource: &Resource, keep: Keep) -> Box<dyn Intake> {
    match resource {
        Resource::Pods => typed::<core::Pod>(keep, |c, q, all| c.pods.push(q, all)),
        Resource::Services => typed::<core::Service>(keep, |c, q, all| c.services.push(q, all)),
        Resource::EndpointSlices => typed::<discovery::EndpointSlice>(keep, |c, q, all| c.endpoint_slices.push(q, all)),
        Resource::Nodes => typed::<core::Node>(keep, |c, q, all| c.nodes.push(q, all)),
        Resource::Namespaces => typed::<core::Namespace>(keep, |c, q, all| c.namespaces.push(q, all)),
        Resource::Events => typed::<core::Event>(keep, |c, q, all| c.events.push(q, all)),
        Resource::ConfigMaps => typed::<core::ConfigMap>(keep, |c, q, all| c.config_maps.push(q, all)),
        Resource::Deployments => typed::<apps::Deployment>(keep, |c, q, all| c.workloads.push(q, all)),
        Resource::DaemonSets => typed::<apps::DaemonSet>(keep, |c, q, all| c.workloads.push(q, all)),
        Resource::StatefulSets => typed::<apps::StatefulSet>(keep, |c, q, all| c.workloads.push(q, all)),
        Resource::ReplicaSets => typed::<apps::ReplicaSet>(keep, |c, q, all| c.workloads.push(q, all)),
        Resource::Jobs => typed::<batch::Job>(keep, |c, q, all| c.workloads.push(q, all)),
        Resource::CronJobs => typed::<batch::CronJob>(keep, |c, q, all| c.workloads.push(q, all)),
        Resource::Ingresses => typed::<net::Ingress>(keep, |c, q, all| c.ingresses.push(q, all)),
        Resource::IngressClasses => typed::<net::IngressClass>(keep, |c, q, all| c.ingress_classes.push(q, all)),
        Resource::NetworkPolicies => typed::<net::NetworkPolicy>(keep, |c, q, all| c.network_policies.push(q, all)),
        Resource::ServiceCidrs => typed::<net::ServiceCIDR>(keep, |c, q, all| {
            c.service_cidrs.push(q, all.map(|all| all.into_iter().flatten().collect()));
        }),
        Resource::Custom(kind) => untyped(keep, Plain::Custom(kind.clone())),
        Resource::ApiGroups => untyped(keep, Plain::Groups),
        Resource::Version => untyped(keep, Plain::Version),
        Resource::Log | Resource::PodProxy => untyped(keep, Plain::Text),
    }
}

/// Adds the answer to one read from its pruned objects.
pub(super) fn add_pruned(cluster: &mut Cluster, query: &Query, answer: &Known<Vec<Value>>) {
    let mut intake = of(&query.resource, Keep::Nothing);
    let known = answer.as_ref().map(|objects| {
        for object in objects {
            // a recorded object that does not fit is the model's trouble, which `add` tells
            drop(intake.take(Raw::Pruned(object)));
        }
    });
    intake.add(cluster, query, known);
}

/// A pod out of a file, and its pruned JSON when it is wanted.
pub(super) fn pod(text: &str, keep: bool) -> Result<(Pod, Option<Value>), String> {
    let mut pod: core::Pod = strictly(text)?;
    pod.admit();
    let pod = pod.keep();
    let pruned = if keep { Some(serde_json::to_value(&pod).map_err(|e| e.to_string())?) } else { None };
    Ok((pod.model()?, pruned))
}

/// Decodes JSON; an error names the field, as in `spec.ports[0].port: invalid type`.
fn strictly<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|plain| {
        let traced: Result<T, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text));
        let path = traced.err().map(|e| e.path().to_string()).filter(|path| path != ".");
        let why = plain.to_string();
        let why = why.rfind(" at line ").and_then(|at| why.get(..at)).unwrap_or(&why);
        path.map_or_else(|| why.to_owned(), |path| format!("{path}: {why}"))
    })
}

/// The fields of a NetworkPolicy that the API does not know, as `spec.ingres`.
pub(super) fn unknown_fields(text: &str) -> Vec<String> {
    let mut unknown = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| unknown.push(path_words(&path));
    let mut json = serde_json::Deserializer::from_str(text);
    // an object that cannot be decoded is told elsewhere
    drop(serde_ignored::deserialize::<_, _, net::NetworkPolicy>(&mut json, &mut note));
    // the API server writes it, and kubectl get shows it
    unknown.retain(|path| path != "status");
    unknown
}

fn path_words(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", path_words(parent)),
        Path::Map { parent, key } => {
            let before = path_words(parent);
            if before.is_empty() { key.clone() } else { format!("{before}.{key}") }
        }
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => path_words(parent),
    }
}

type Add<T> = fn(&mut Cluster, Query, Known<Vec<T>>);

/// Objects of a Rust type.
struct Typed<T: Object> {
    models: Vec<T::Model>,
    /// What is wrong with the first object without a model, by the number of objects before it.
    misfit: Option<(usize, String)>,
    count: usize,
    pruned: Vec<Value>,
    superseded: BTreeSet<usize>,
    most: usize,
    add: Add<T::Model>,
}

fn typed<T: Object + Kind + 'static>(keep: Keep, add: Add<T::Model>) -> Box<dyn Intake>
where
    T::Model: 'static,
{
    let most = keep.most();
    let superseded = BTreeSet::new();
    Box::new(Typed::<T> { models: Vec::new(), misfit: None, count: 0, pruned: Vec::new(), superseded, most, add })
}

impl<T: Object> Typed<T> {
    fn decode(raw: Raw<'_>) -> Result<T, String> {
        match raw {
            Raw::Json(text) => {
                let name = || serde_json::from_str(text).map_or_else(|_| String::from("an object"), |object| name_of(&object));
                serde_json::from_str(text).map(T::keep).map_err(|e| format!("{}: {e}", name()))
            }
            Raw::Wire(bytes) => {
                let table = T::WIRE.ok_or("no protobuf was asked for")?;
                wire::decode(table, bytes).map(T::keep).map_err(|e| e.to_string())
            }
            Raw::Pruned(object) => T::deserialize(object).map_err(|e| format!("{}: {e}", name_of(object))),
            Raw::Written(text, namespace) => {
                let mut object: T = strictly(text)?;
                if let Some(namespace) = namespace {
                    object.metadata_mut().namespace.get_or_insert_with(|| namespace.to_owned());
                }
                object.admit();
                Ok(object.keep())
            }
        }
    }

    fn model(&mut self, object: T) {
        let meta = object.metadata();
        let name = (meta.namespace.clone(), meta.name.clone());
        match object.model() {
            Ok(model) => self.models.push(model),
            Err(why) => {
                let name = match name {
                    (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
                    (None, Some(name)) => name,
                    (_, None) => String::from("an object without a name"),
                };
                self.misfit.get_or_insert((self.count, format!("{name}: {why}")));
            }
        }
    }
}

impl<T: Object + Kind> Intake for Typed<T> {
    fn take(&mut self, raw: Raw<'_>) -> Result<(), String> {
        match Self::decode(raw) {
            Ok(object) => {
                if self.count < self.most {
                    self.pruned.push(serde_json::to_value(&object).map_err(|e| e.to_string())?);
                }
                self.model(object);
            }
            Err(why) if matches!(raw, Raw::Pruned(_)) => drop(self.misfit.get_or_insert((self.count, why))),
            Err(why) => return Err(why),
        }
        self.count += 1;
        Ok(())
    }

    fn count(&self) -> usize {
        self.count
    }

    fn keep_first(&mut self, count: usize) {
        if self.misfit.as_ref().is_some_and(|(at, _)| *at >= count) {
            self.misfit = None;
        }
        // with a misfit before, there are fewer models, and none of them will be used
        self.models.truncate(count);
        self.pruned.truncate(count);
        self.count = count;
    }

    fn reject_misfit(&mut self) -> Option<String> {
        let (_, why) = self.misfit.take()?;
        self.count -= 1;
        self.pruned.truncate(self.count);
        // whoever asks knows which object it is
        Some(why.split_once(": ").map_or(why.clone(), |(_, why)| why.to_owned()))
    }

    fn supersede(&mut self, index: usize) {
        self.superseded.insert(index);
    }

    fn wire_list(&self) -> Option<String> {
        T::WIRE.map(|_| format!("{}List", T::KIND))
    }

    fn pruned(&mut self) -> Option<Vec<Value>> {
        let all = (self.pruned.len() == self.count).then(|| std::mem::take(&mut self.pruned))?;
        Some(without(all, &self.superseded))
    }

    fn add(mut self: Box<Self>, cluster: &mut Cluster, query: &Query, answer: Known<()>) {
        self.models = without(std::mem::take(&mut self.models), &self.superseded);
        let models = match (answer, self.misfit.take()) {
            (Known::Got(()), Some((_, why))) => Known::Failed(format!("{query}: {why}")),
            (answer, _) => answer.map(|()| {
                self.models.shrink_to_fit();
                std::mem::take(&mut self.models)
            }),
        };
        (self.add)(cluster, query.clone(), models);
    }
}

/// All but those at some places.
fn without<T>(all: Vec<T>, places: &BTreeSet<usize>) -> Vec<T> {
    if places.is_empty() {
        return all;
    }
    all.into_iter().enumerate().filter(|(at, _)| !places.contains(at)).map(|(_, one)| one).collect()
}

/// Objects without a Rust type.
struct Untyped {
    sort: Plain,
    objects: Vec<Value>,
    superseded: BTreeSet<usize>,
    most: usize,
}

enum Plain {
    /// As `plural.version.group`.
    Custom(String),
    Groups,
    Version,
    Text,
}

fn untyped(keep: Keep, sort: Plain) -> Box<dyn Intake> {
    Box::new(Untyped { sort, objects: Vec::new(), superseded: BTreeSet::new(), most: keep.most() })
}

impl Intake for Untyped {
    fn take(&mut self, raw: Raw<'_>) -> Result<(), String> {
        let pruned = match raw {
            Raw::Pruned(object) => object.clone(),
            Raw::Wire(_) => return Err(String::from("no protobuf was asked for")),
            Raw::Json(text) | Raw::Written(text, _) => {
                let mut object: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
                if let (Raw::Written(_, Some(namespace)), Some(metadata)) =
                    (raw, object.get_mut("metadata").and_then(Value::as_object_mut))
                {
                    metadata.entry("namespace").or_insert_with(|| Value::from(namespace));
                }
                match &self.sort {
                    Plain::Custom(kind) => objects::keep_custom(kind, &object),
                    Plain::Groups => objects::keep_group(&object),
                    Plain::Version => objects::keep_version(&object),
                    // it has no field but its text
                    Plain::Text => object,
                }
            }
        };
        self.objects.push(pruned);
        Ok(())
    }

    fn count(&self) -> usize {
        self.objects.len()
    }

    fn keep_first(&mut self, count: usize) {
        self.objects.truncate(count);
    }

    fn reject_misfit(&mut self) -> Option<String> {
        None
    }

    fn supersede(&mut self, index: usize) {
        self.superseded.insert(index);
    }

    fn wire_list(&self) -> Option<String> {
        None
    }

    fn pruned(&mut self) -> Option<Vec<Value>> {
        (self.objects.len() <= self.most).then(|| without(self.objects.clone(), &self.superseded))
    }

    fn add(self: Box<Self>, cluster: &mut Cluster, query: &Query, answer: Known<()>) {
        let Self { sort, objects, superseded, .. } = *self;
        let objects = without(objects, &superseded);
        let answer = answer.map(|()| objects);
        match &sort {
            Plain::Groups => cluster.api_groups = texts(&answer, "/name"),
            Plain::Version => cluster.version = first(texts(&answer, "/gitVersion"), "the server did not say its version"),
            Plain::Text => {
                let text = first(texts(&answer, "/text"), "the log is not in the answer");
                cluster.texts.insert(query.clone(), text);
            }
            Plain::Custom(_) => cluster.push_custom(query.clone(), answer),
        }
    }
}

fn texts(answer: &Known<Vec<Value>>, pointer: &str) -> Known<Vec<String>> {
    let text = |value: &Value| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    answer.as_ref().map(|all| all.iter().filter_map(text).collect())
}

fn first(all: Known<Vec<String>>, otherwise: &str) -> Known<String> {
    match all.map(|texts| texts.into_iter().next()) {
        Known::Got(Some(text)) => Known::Got(text),
        Known::Got(None) => Known::Failed(otherwise.to_owned()),
        Known::Denied(why) => Known::Denied(why),
        Known::Absent(why) => Known::Absent(why),
        Known::Failed(why) => Known::Failed(why),
        Known::Unasked => Known::Unasked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_malformed_object_fails_its_list_by_name() {
        let mut cluster = Cluster::default();
        let query = Query::within(Resource::Services, "shop");
        let objects = vec![
            json!({"metadata": {"name": "ok", "namespace": "shop"}}),
            json!({"metadata": {"name": "odd", "namespace": "shop"}, "spec": 3}),
        ];
        add_pruned(&mut cluster, &query, &Known::Got(objects));
        let Known::Failed(why) = cluster.services_in("shop") else { panic!("{:?}", cluster.services_in("shop")) };
        assert!(why.starts_with("list services in namespace shop: shop/odd: "), "{why}");
    }

    #[test]
    fn version_groups_and_logs_are_read() {
        let mut cluster = Cluster::default();
        add_pruned(&mut cluster, &Query::all(Resource::Version), &Known::Got(vec![json!({"gitVersion": "v1.36.3"})]));
        add_pruned(
            &mut cluster,
            &Query::all(Resource::ApiGroups),
            &Known::Got(vec![json!({"name": "apps"}), json!({"name": "cilium.io"})]),
        );
        let log = Query::log("kube-system", "coredns-1", "coredns", true);
        add_pruned(&mut cluster, &log, &Known::Got(vec![json!({"text": "a\nb\n"})]));
        assert_eq!(cluster.version, Known::Got(String::from("v1.36.3")));
        assert_eq!(cluster.api_groups, Known::Got(vec![String::from("apps"), String::from("cilium.io")]));
        assert_eq!(cluster.texts.get(&log), Some(&Known::Got(String::from("a\nb\n"))));
    }
}
