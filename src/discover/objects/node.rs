//! Nodes.

use k8s_openapi::api::core::v1::{Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo, Taint};

use super::{Object, keep};
use crate::discover::wire::{Message, bool, many, one, text, texts};
use crate::model;

impl Object for Node {
    type Model = model::Node;
    const WIRE: Option<&'static Message> = Some(&NODE);

    fn keep(self) -> Self {
        let taint = |t: Taint| Taint { key: t.key, value: t.value, effect: t.effect, time_added: None };
        let spec = |s: NodeSpec| NodeSpec {
            pod_cidr: s.pod_cidr,
            pod_cidrs: s.pod_cidrs,
            provider_id: s.provider_id,
            taints: s.taints.map(|all| all.into_iter().map(taint).collect()),
            unschedulable: s.unschedulable,
            ..NodeSpec::default()
        };
        let condition = |c: NodeCondition| NodeCondition {
            type_: c.type_,
            status: c.status,
            reason: c.reason,
            message: keep::message(c.message),
            ..NodeCondition::default()
        };
        let info = |i: NodeSystemInfo| NodeSystemInfo {
            architecture: i.architecture,
            container_runtime_version: i.container_runtime_version,
            kernel_version: i.kernel_version,
            kubelet_version: i.kubelet_version,
            operating_system: i.operating_system,
            os_image: i.os_image,
            ..NodeSystemInfo::default()
        };
        let status = |s: NodeStatus| NodeStatus {
            addresses: s.addresses,
            conditions: s.conditions.map(|all| all.into_iter().map(condition).collect()),
            node_info: s.node_info.map(info),
            ..NodeStatus::default()
        };
        Self { metadata: keep::metadata(self.metadata), spec: self.spec.map(spec), status: self.status.map(status) }
    }

    fn model(self) -> Result<model::Node, String> {
        let (_, name) = keep::names(&self.metadata);
        let spec = self.spec.unwrap_or_default();
        let status = self.status.unwrap_or_default();
        let addresses = status.addresses.unwrap_or_default();
        let mut cidrs = spec.pod_cidrs.unwrap_or_default();
        if cidrs.is_empty() {
            cidrs.extend(spec.pod_cidr);
        }
        let conditions: Vec<_> = status.conditions.unwrap_or_default().into_iter().map(condition).collect();
        let info = status.node_info.unwrap_or_default();
        Ok(model::Node {
            labels: keep::labels(&self.metadata),
            annotations: self.metadata.annotations.unwrap_or_default(),
            internal_ips: of_type(&addresses, "InternalIP")?,
            external_ips: of_type(&addresses, "ExternalIP")?,
            pod_cidrs: cidrs.iter().filter(|c| !c.is_empty()).map(|c| keep::cidr("podCIDRs", c)).collect::<Result<_, _>>()?,
            ready: conditions.iter().find(|c| c.kind == "Ready").map(|c| c.status == "True"),
            conditions,
            taints: spec.taints.unwrap_or_default().iter().map(taint).collect(),
            unschedulable: spec.unschedulable == Some(true),
            os: info.operating_system,
            os_image: info.os_image,
            kernel: info.kernel_version,
            runtime: info.container_runtime_version,
            kubelet: info.kubelet_version,
            architecture: info.architecture,
            provider_id: spec.provider_id,
            name,
        })
    }
}

fn of_type(addresses: &[NodeAddress], kind: &str) -> Result<Vec<std::net::IpAddr>, String> {
    addresses.iter().filter(|a| a.type_ == kind).map(|a| keep::ip(kind, &a.address)).collect()
}

fn condition(c: NodeCondition) -> model::Condition {
    model::Condition {
        kind: c.type_,
        status: c.status,
        reason: c.reason.unwrap_or_default(),
        message: c.message.unwrap_or_default(),
    }
}

/// The form `kubectl taint` takes.
fn taint(t: &Taint) -> String {
    match t.value.as_deref() {
        Some(value) if !value.is_empty() => format!("{}={value}:{}", t.key, t.effect),
        Some(_) | None => format!("{}:{}", t.key, t.effect),
    }
}

/// `core/v1.Node`. The list of images is most of a node.
const NODE: Message = Message(&[one(1, "metadata", &keep::META), one(2, "spec", &SPEC), one(3, "status", &STATUS)]);

const SPEC: Message = Message(&[
    text(1, "podCIDR"),
    text(3, "providerID"),
    bool(4, "unschedulable"),
    many(5, "taints", &Message(&[text(1, "key"), text(2, "value"), text(3, "effect")])),
    texts(7, "podCIDRs"),
]);

const STATUS: Message = Message(&[
    many(4, "conditions", &Message(&[text(1, "type"), text(2, "status"), text(5, "reason"), text(6, "message")])),
    many(5, "addresses", &Message(&[text(1, "type"), text(2, "address")])),
    one(7, "nodeInfo", &INFO),
]);

const INFO: Message = Message(&[
    text(4, "kernelVersion"),
    text(5, "osImage"),
    text(6, "containerRuntimeVersion"),
    text(7, "kubeletVersion"),
    text(9, "operatingSystem"),
    text(10, "architecture"),
]);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_keeps_what_the_network_needs() {
        let object = json!({"metadata": {"name": "n1", "annotations": {"flannel.alpha.coreos.com/public-ip": "10.0.0.1", "x": "secret"}},
            "spec": {"podCIDR": "10.244.1.0/24", "taints": [{"key": "a", "effect": "NoSchedule"}]},
            "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "n1"}],
                "conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}],
                "images": [{"names": ["secret"]}],
                "nodeInfo": {"architecture": "amd64", "bootID": "secret", "containerRuntimeVersion": "containerd://2", "kernelVersion": "6",
                    "kubeProxyVersion": "", "kubeletVersion": "v1.36.3", "machineID": "secret", "operatingSystem": "linux",
                    "osImage": "Debian", "systemUUID": "secret"}}});
        let kept = crate::discover::objects::keep_as::<Node>(object).expect("valid");
        assert!(!kept.to_string().contains("secret"), "{kept}");
        let node = crate::discover::objects::model_all::<Node>(&[kept]).expect("valid").remove(0);
        assert_eq!((node.ready, node.taints.as_slice()), (Some(false), [String::from("a:NoSchedule")].as_slice()));
        assert_eq!((node.pod_cidrs.len(), node.internal_ips.len(), node.annotations.len()), (1, 1, 1));
    }
}
