//! Findings about pods and the nodes they are on (`NC4xxx`).

mod node_not_ready;
mod pod_not_running;
mod pod_without_network;
pub mod trouble;

pub use node_not_ready::NodeNotReady;
pub use pod_not_running::PodNotRunning;
pub use pod_without_network::PodWithoutNetwork;

use crate::finding::Verdict;
use crate::model::{Known, ObjectRef, Pod, Query, Resource, Selector, Subject};

use super::Context;

/// The pods a Service selects that have not finished, each once. Empty for a Service without selector.
pub fn selected<'a>(cx: &Context<'a>, namespace: &str, service: &str) -> Known<Vec<&'a Pod>> {
    let Some(service) = cx.cluster.service(namespace, service).filter(|s| !s.selector.is_empty()) else {
        return Known::Got(Vec::new());
    };
    let selector = Selector::of(&service.selector);
    let asked = Query::within(Resource::Pods, namespace).labelled(&selector.to_string());
    let (own, all) = (cx.cluster.pods.answer(&asked), cx.cluster.pods.complete(&Resource::Pods, Some(namespace)));
    if own.got().is_none() && all.got().is_none() {
        return own.map(|_| Vec::new());
    }
    let mut pods: Vec<&Pod> =
        cx.cluster.pods.seen().filter(|p| p.namespace == namespace && !p.is_finished() && selector.matches(&p.labels)).collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    pods.dedup_by(|a, b| a.name == b.name);
    Known::Got(pods)
}

/// The gap that a missing list of selected pods is.
pub fn unknown_pods(service: &ObjectRef, pods: &Known<Vec<&Pod>>) -> Verdict {
    Verdict::Undetermined(format!("the pods that {service} selects: {}", pods.missing().unwrap_or_default()))
}

/// Source and destination pods: those the question cannot do without.
fn ends(cx: &Context<'_>) -> Vec<ObjectRef> {
    let mut ends: Vec<ObjectRef> = cx.question.from.iter().cloned().collect();
    if let Subject::Pod(pod) = &cx.question.to {
        ends.push(pod.clone());
    }
    ends
}
