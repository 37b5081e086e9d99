//! The lists of what may be kept: annotations, arguments, messages.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};

use crate::discover::wire::{Message, bool_pointer, many, text, text_map, texts, time};
use crate::model::{Labels, Operator, Protocol, Requirement, Selector};

/// Longest annotation value that is kept, in bytes.
const MAX_ANNOTATION: usize = 4096;

/// Longest message of an event or a condition that is kept, in bytes.
const MAX_MESSAGE: usize = 1024;

/// Beginnings of the annotation keys of network projects, or whole keys. Nothing else is kept.
const ANNOTATIONS: &[&str] = &[
    "cilium.io/",
    "cni.projectcalico.org/",
    "consul.hashicorp.com/",
    "flannel.alpha.coreos.com/",
    "ingress.class",
    "ingressclass.kubernetes.io/is-default-class",
    "k8s.ovn.org/",
    "k8s.v1.cni.cncf.io/networks",
    "k8s.v1.cni.cncf.io/network-status",
    "kube-router.io/",
    "kubernetes.io/ingress.class",
    "kuma.io/",
    "linkerd.io/",
    "network.cilium.io/",
    "node.antrea.io/",
    "ovn.kubernetes.io/",
    "projectcalico.org/",
    "service.kubernetes.io/topology-aware-hints",
    "service.kubernetes.io/topology-mode",
    "vpc.amazonaws.com/",
];

/// Annotations whose presence says enough. Their value may describe a whole injected pod.
const PRESENCE: &[&str] = &["kubernetes.io/config.mirror", "sidecar.istio.io/status"];

/// Flags of network components, without their dashes.
const FLAGS: &[&str] = &[
    "bind-address",
    "bpf",
    "cluster-asn",
    "cluster-cidr",
    "cni-bin-dir",
    "config",
    "config-dir",
    "controller-class",
    "default-interface",
    "detect-local-mode",
    "enable-cni",
    "enable-ibgp",
    "enable-ipv4",
    "enable-ipv6",
    "enable-lb",
    "enable-network-policy",
    "enable-np",
    "enable-overlay",
    "encap-checksum",
    "hairpin-mode",
    "iface",
    "iface-can-reach",
    "iface-regex",
    "ip-masq",
    "iptables-backend",
    "kube-subnet-mgr",
    "local-ip",
    "localip",
    "masquerade-all",
    "metrics-bind-address",
    "metrics-path",
    "metrics-port",
    "mode",
    "mtu",
    "network-type",
    "nodes-full-mesh",
    "overlay-encap",
    "overlay-type",
    "proxy-mode",
    "public-ip",
    "run-firewall",
    "run-loadbalancer",
    "run-router",
    "run-service-proxy",
    "service-cidr",
    "service-cluster-ip-range",
    "upstreamsvc",
];

/// Reasons whose message the kubelet or the runtime wrote. Other messages may be the last lines of an application's log.
const KUBELET_REASONS: &[&str] = &["ContainerCannotRun", "ContainerStatusUnknown", "CreateContainerError", "StartError"];

/// Name, namespace, labels, network annotations, owner, and whether it is being deleted.
pub(super) fn metadata(meta: ObjectMeta) -> ObjectMeta {
    let owner = |o: OwnerReference| OwnerReference {
        api_version: o.api_version,
        kind: o.kind,
        name: o.name,
        controller: o.controller,
        ..OwnerReference::default()
    };
    ObjectMeta {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        labels: meta.labels,
        annotations: meta.annotations.map(annotations).filter(|a| !a.is_empty()),
        deletion_timestamp: meta.deletion_timestamp,
        owner_references: meta.owner_references.map(|all| all.into_iter().map(owner).collect()),
        ..ObjectMeta::default()
    }
}

pub(super) fn annotations(all: BTreeMap<String, String>) -> BTreeMap<String, String> {
    all.into_iter()
        .filter_map(|(key, value)| {
            if PRESENCE.contains(&key.as_str()) {
                return Some((key, String::from("true")));
            }
            let wanted = ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix) && (prefix.ends_with('/') || key == *prefix));
            wanted.then(|| (key, cut(value, MAX_ANNOTATION)))
        })
        .collect()
}

/// The words of a command line that are network flags, each with its value.
pub(super) fn flags(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut wants_value = false;
    for word in words {
        let Some(flag) = word.strip_prefix('-').map(|w| w.trim_start_matches('-')) else {
            // `--iface eth1`: the word after a known flag without `=` is its value
            if std::mem::take(&mut wants_value) {
                kept.push(cut(word, MAX_MESSAGE));
            }
            continue;
        };
        let name = flag.split_once('=').map_or(flag, |(name, _)| name);
        let is_known = FLAGS.contains(&name);
        wants_value = is_known && !flag.contains('=');
        if is_known {
            kept.push(cut(word, MAX_MESSAGE));
        }
    }
    kept
}

pub(super) fn message(text: Option<String>) -> Option<String> {
    text.map(|t| cut(t, MAX_MESSAGE))
}

/// The message of a container's end, only when the kubelet or the runtime wrote it.
pub(super) fn end_message(reason: Option<&str>, text: Option<String>) -> Option<String> {
    reason.is_some_and(|r| KUBELET_REASONS.contains(&r)).then_some(text).flatten().and_then(|t| message(Some(t)))
}

/// The first bytes of a text, cut at a character.
pub(super) fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

pub(super) fn labels(meta: &ObjectMeta) -> Labels {
    meta.labels.clone().unwrap_or_default()
}

pub(super) fn names(meta: &ObjectMeta) -> (String, String) {
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

/// An address as the API server accepts it: IPv4 numbers may have leading zeros (`netutils.ParseIPSloppy`).
pub(super) fn ip(field: &str, text: &str) -> Result<IpAddr, String> {
    if let Ok(ip) = text.parse() {
        return Ok(ip);
    }
    let octets: Vec<u8> = text.split('.').filter_map(|part| part.parse().ok()).collect();
    match octets.as_slice() {
        &[a, b, c, d] if text.split('.').count() == 4 => Ok(IpAddr::V4(Ipv4Addr::new(a, b, c, d))),
        _ => Err(format!("{field} is not an address: {}", cut(text.to_owned(), 64))),
    }
}

pub(super) fn cidr(field: &str, text: &str) -> Result<IpNet, String> {
    let bad = || format!("{field} is not a CIDR: {}", cut(text.to_owned(), 64));
    let (address, length) = text.split_once('/').ok_or_else(bad)?;
    let length = length.parse().ok().ok_or_else(bad)?;
    IpNet::new(ip(field, address)?, length).ok().ok_or_else(bad)
}

pub(super) fn port(field: &str, number: i32) -> Result<u16, String> {
    u16::try_from(number).ok().ok_or_else(|| format!("{field} is not a port: {number}"))
}

pub(super) fn protocol(field: &str, text: Option<&str>) -> Result<Protocol, String> {
    match text {
        None | Some("TCP" | "") => Ok(Protocol::Tcp),
        Some("UDP") => Ok(Protocol::Udp),
        Some("SCTP") => Ok(Protocol::Sctp),
        Some(other) => Err(format!("{field} is not a protocol: {}", cut(other.to_owned(), 64))),
    }
}

pub(super) fn count(number: Option<i32>) -> Option<u32> {
    number.and_then(|n| u32::try_from(n).ok())
}

pub(super) fn selector(selector: LabelSelector) -> Selector {
    let requirement = |r: k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement| Requirement {
        key: r.key,
        operator: match r.operator.as_str() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            other => Operator::Other(other.to_owned()),
        },
        values: r.values.unwrap_or_default(),
    };
    Selector {
        labels: selector.match_labels.unwrap_or_default(),
        expressions: selector.match_expressions.unwrap_or_default().into_iter().map(requirement).collect(),
    }
}

/// `metav1.ObjectMeta`, as far as [`metadata`] keeps it.
pub(super) const META: Message = Message(&[
    text(1, "name"),
    text(3, "namespace"),
    text(5, "uid"),
    time(9, "deletionTimestamp"),
    text_map(11, "labels"),
    text_map(12, "annotations"),
    many(
        13,
        "ownerReferences",
        &Message(&[text(1, "kind"), text(3, "name"), text(5, "apiVersion"), bool_pointer(6, "controller")]),
    ),
]);

/// `metav1.LabelSelector`.
pub(super) const SELECTOR: Message = Message(&[
    text_map(1, "matchLabels"),
    many(2, "matchExpressions", &Message(&[text(1, "key"), text(2, "operator"), texts(3, "values")])),
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_network_flags_survive() {
        let words = [
            "/opt/bin/flanneld",
            "--ip-masq",
            "--kube-subnet-mgr",
            "--iface",
            "eth1",
            "--token=secret",
            "hunter2",
            "--password",
            "x",
        ];
        assert_eq!(flags(words.map(String::from)), ["--ip-masq", "--kube-subnet-mgr", "--iface", "eth1"]);
    }

    #[test]
    fn only_network_annotations_survive() {
        let all = [
            ("kubectl.kubernetes.io/last-applied-configuration", "{\"password\":\"x\"}"),
            ("flannel.alpha.coreos.com/backend-type", "vxlan"),
            ("kubernetes.io/config.mirror", "abc"),
            ("ingress.classified", "secret"),
        ];
        let kept = annotations(all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let kept: Vec<_> = kept.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(kept, [("flannel.alpha.coreos.com/backend-type", "vxlan"), ("kubernetes.io/config.mirror", "true")]);
    }

    #[test]
    fn addresses_may_have_leading_zeros() {
        assert_eq!(ip("x", "010.1.2.3"), Ok(IpAddr::from([10, 1, 2, 3])));
        assert!(ip("x", "10.1.2").is_err() && ip("x", "10.1.2.999").is_err() && ip("x", "").is_err());
        assert_eq!(cidr("x", "10.0.0.0/8").map(|c| c.to_string()), Ok(String::from("10.0.0.0/8")));
        assert!(cidr("x", "10.0.0.0/40").is_err());
    }

    #[test]
    fn an_applications_last_words_are_not_kept() {
        assert_eq!(end_message(Some("Error"), Some(String::from("password=x"))), None);
        assert_eq!(end_message(Some("StartError"), Some(String::from("no such file"))), Some(String::from("no such file")));
    }
}
