//! NetworkPolicies.

use k8s_openapi::api::networking::v1 as net;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Object, keep};
use crate::discover::wire::{Message, int_or_string, int_pointer, many, one, text, text_pointer, texts};
use crate::model::{IpBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, PolicyPort};

impl Object for net::NetworkPolicy {
    type Model = NetworkPolicy;
    const WIRE: Option<&'static Message> = Some(&POLICY);

    fn keep(self) -> Self {
        // every field of the spec decides who may talk to whom
        Self { metadata: keep::metadata(self.metadata), spec: self.spec }
    }

    fn model(self) -> Result<NetworkPolicy, String> {
        let (namespace, name) = keep::names(&self.metadata);
        let labels = self.metadata.labels.unwrap_or_default();
        let Some(spec) = self.spec else {
            return Ok(NetworkPolicy { namespace, name, labels, ..NetworkPolicy::default() });
        };
        let ingress = spec.ingress.unwrap_or_default().into_iter().map(|r| rule(r.from, r.ports));
        let egress = spec.egress.unwrap_or_default().into_iter().map(|r| rule(r.to, r.ports));
        Ok(NetworkPolicy {
            namespace,
            name,
            labels,
            pod_selector: spec.pod_selector.map(keep::selector).unwrap_or_default(),
            policy_types: spec.policy_types.unwrap_or_default(),
            ingress: ingress.collect::<Result<_, _>>()?,
            egress: egress.collect::<Result<_, _>>()?,
        })
    }
}

fn rule(
    peers: Option<Vec<net::NetworkPolicyPeer>>,
    ports: Option<Vec<net::NetworkPolicyPort>>,
) -> Result<NetworkPolicyRule, String> {
    Ok(NetworkPolicyRule {
        peers: peers.unwrap_or_default().into_iter().map(peer).collect(),
        ports: ports.unwrap_or_default().into_iter().map(port).collect::<Result<_, _>>()?,
    })
}

fn peer(peer: net::NetworkPolicyPeer) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: peer.pod_selector.map(keep::selector),
        namespace_selector: peer.namespace_selector.map(keep::selector),
        ip_block: peer.ip_block.map(|b| IpBlock { cidr: b.cidr, except: b.except.unwrap_or_default() }),
    }
}

fn port(port: net::NetworkPolicyPort) -> Result<NetworkPolicyPort, String> {
    Ok(NetworkPolicyPort {
        protocol: keep::protocol("protocol", port.protocol.as_deref())?,
        port: port.port.map(|p| match p {
            IntOrString::Int(number) => PolicyPort::Number(number),
            IntOrString::String(name) => PolicyPort::Name(name),
        }),
        end_port: port.end_port,
    })
}

/// `networking/v1.NetworkPolicy`.
const POLICY: Message = Message(&[one(1, "metadata", &keep::META), one(2, "spec", &SPEC)]);

const SPEC: Message = Message(&[
    one(1, "podSelector", &keep::SELECTOR),
    many(2, "ingress", &Message(&[many(1, "ports", &PORT), many(2, "from", &PEER)])),
    many(3, "egress", &Message(&[many(1, "ports", &PORT), many(2, "to", &PEER)])),
    texts(4, "policyTypes"),
]);

const PORT: Message = Message(&[text_pointer(1, "protocol"), int_or_string(2, "port"), int_pointer(3, "endPort")]);

const PEER: Message = Message(&[
    one(1, "podSelector", &keep::SELECTOR),
    one(2, "namespaceSelector", &keep::SELECTOR),
    one(3, "ipBlock", &Message(&[text(1, "cidr"), texts(2, "except")])),
]);
