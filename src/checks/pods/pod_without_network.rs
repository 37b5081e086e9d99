use crate::checks::pods::trouble::{self, Kind};
use crate::checks::pods::{ends, selected};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Pod, Subject};

declare_finding! {
    /// ## What it finds
    ///
    /// A pod that stays in `ContainerCreating` because the CNI plugin could not give it a network: no interface, no address.
    ///
    /// ## How it is proven
    ///
    /// The kubelet's event `FailedCreatePodSandBox` says `failed to setup network for sandbox` with the plugin's own error.
    ///
    /// ## What to do
    ///
    /// The plugin's error names the fault: no configuration in /etc/cni/net.d, a missing plugin binary in /opt/cni/bin, an
    /// address pool that is exhausted, or a CNI agent that is not running on that node. Look at the CNI's own pod there.
    PodWithoutNetwork, "NC4001", "pod-without-network", "Pod has no network"
}

impl Check for PodWithoutNetwork {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let mut found = Vec::new();
        for object in ends(cx) {
            found.extend(cx.cluster.pod(&object).and_then(|pod| finding(pod, cx)));
        }
        if let Subject::Service { namespace, name } = &cx.question.to {
            let pods = selected(cx, namespace, name);
            let broken: Vec<Finding> = pods.iter().filter_map(|pod| finding(pod, cx)).collect();
            // endpoints that work carry the traffic: then it is a warning
            if pods.iter().any(|p| p.ready) {
                found.extend(broken.into_iter().map(|f| Finding { weight: crate::finding::Weight::Warning, ..f }));
            } else {
                found.extend(broken.into_iter().take(1));
            }
        }
        Verdict::of(found)
    }
}

fn finding(pod: &Pod, cx: &Context<'_>) -> Option<Finding> {
    let trouble = trouble::of(pod, cx.cluster).filter(|t| t.kind == Kind::NoNetwork)?;
    let node = pod.node.clone().unwrap_or_default();
    let sentence = format!("{} has no network: the CNI plugin on node/{node} failed to set it up.", pod.object());
    let next = format!("kubectl -n {} describe pod {}; then look at the CNI's pod on node {node}", pod.namespace, pod.name);
    Some(
        Finding::cause(PodWithoutNetwork::META, pod.object(), sentence)
            .proven()
            .expected(trouble.source, "a sandbox with an address", trouble.words)
            .next(next),
    )
}
