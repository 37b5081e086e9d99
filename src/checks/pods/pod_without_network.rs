use crate::checks::pods::trouble::{self, Kind};
use crate::checks::pods::{ends, selected, unknown_pods};
use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::model::{Known, ObjectRef, Pod, Subject};

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
            let Known::Got(pods) = &pods else { return unknown_pods(&ObjectRef::service(namespace, name), &pods) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    fn broken(names: &[&str]) -> World {
        let mut world = World::shop();
        for name in names {
            let pod = world.pod(name);
            (pod.ready, pod.phase) = (false, "Pending".into());
            pod.ips.clear();
            let about = pod.object();
            world.events.push(crate::model::Event {
                about,
                kind: "Warning".into(),
                reason: "FailedCreatePodSandBox".into(),
                message: "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"3f\": plugin type=\"flannel\" failed (add)".into(),
                count: 3,
                last_seen: None,
            });
        }
        world.write_slices();
        world
    }

    #[test]
    fn the_plugins_own_words_are_evidence() {
        let found = only(check(&PodWithoutNetwork, &Case::unmeasured(&broken(&["web-1", "web-2"]), &to_web())));
        assert_eq!(found.sentence, "pod/shop/web-1 has no network: the CNI plugin on node/node2 failed to set it up.");
        assert!(found.evidence[0].seen.starts_with("failed to setup network for sandbox"));
    }

    #[test]
    fn one_of_two_is_a_warning() {
        let found = only(check(&PodWithoutNetwork, &Case::unmeasured(&broken(&["web-1"]), &to_web())));
        assert_eq!(found.weight, crate::finding::Weight::Warning);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&PodWithoutNetwork, &case), Verdict::Clear | Verdict::NotApplicable));
    }

    #[test]
    fn a_denied_list_is_undetermined() {
        let mut case = Case::unmeasured(&World::shop(), &to_web());
        case.cluster.pods = crate::model::Store::default();
        assert!(matches!(check(&PodWithoutNetwork, &case), Verdict::Undetermined(_)));
    }
}
