//! ConfigMaps: the data of the few that configure the network, and the names of all others.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::{Object, keep};
use crate::model;

/// Longest value that is kept, in bytes.
const MAX_VALUE: usize = 64 * 1024;

/// Namespaces that network components are installed in.
const NAMESPACES: &[&str] = &[
    "antrea-system",
    "calico-system",
    "cilium",
    "kube-flannel",
    "kube-ovn",
    "kube-router",
    "kube-system",
    "openshift-dns",
    "openshift-ovn-kubernetes",
    "ovn-kubernetes",
    "tigera-operator",
    "weave",
];

/// Whole names, or beginnings where they end in `*`.
const NAMES: &[&str] = &[
    "amazon-vpc-cni",
    "antrea-config*",
    "azure-*",
    "calico-config",
    "canal-config",
    "cilium-config",
    "coredns*",
    "dns-default",
    "kube-dns",
    "kube-flannel-cfg",
    "kube-ovn*",
    "kube-proxy",
    "kube-proxy-*",
    "kube-router-cfg",
    "node-local-dns",
    "nodelocaldns",
    "ovn-config",
    "ovnkube-config",
    "rke2-canal-config",
    "rke2-coredns*",
    "weave*",
];

impl Object for ConfigMap {
    type Model = model::ConfigMap;

    fn keep(self) -> Self {
        let (namespace, name) = keep::names(&self.metadata);
        let data = self.data.filter(|_| is_network(&namespace, &name)).map(|data| keep_data(&name, data));
        Self { metadata: keep::metadata(self.metadata), data, ..Self::default() }
    }

    fn model(self) -> Result<model::ConfigMap, String> {
        let (namespace, name) = keep::names(&self.metadata);
        Ok(model::ConfigMap { namespace, name, data: self.data.unwrap_or_default() })
    }
}

fn is_network(namespace: &str, name: &str) -> bool {
    let is_named = |pattern: &&str| pattern.strip_suffix('*').map_or(name == *pattern, |start| name.starts_with(start));
    NAMESPACES.contains(&namespace) && NAMES.iter().any(is_named)
}

fn keep_data(name: &str, data: BTreeMap<String, String>) -> BTreeMap<String, String> {
    // kube-proxy's ConfigMap also holds a kubeconfig.
    let is_wanted =
        |key: &str| if name.starts_with("kube-proxy") { key == "config.conf" || key == "config" } else { !is_secret(key) };
    data.into_iter().filter(|(key, _)| is_wanted(key)).map(|(key, value)| (key, keep::cut(value, MAX_VALUE))).collect()
}

/// Keys that hold credentials in the ConfigMaps above: Calico's `etcd_key`, Weave's password.
fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["kubeconfig", "password", "secret", "token", "etcd_key", "etcd_cert", "etcd-config", "private"]
        .iter()
        .any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(namespace: &str, name: &str, key: &str) -> bool {
        let object = json!({"metadata": {"name": name, "namespace": namespace}, "data": {key: "x"}});
        let kept = crate::discover::objects::keep_as::<ConfigMap>(object).expect("valid");
        kept.pointer("/data").is_some_and(|data| data.get(key).is_some())
    }

    #[test]
    fn only_network_configuration_is_kept() {
        assert!(kept("kube-system", "coredns", "Corefile"));
        assert!(kept("kube-system", "coredns-custom", "x.server"));
        assert!(kept("kube-flannel", "kube-flannel-cfg", "net-conf.json"));
        assert!(kept("kube-system", "kube-proxy", "config.conf"));
        assert!(!kept("kube-system", "kube-proxy", "kubeconfig.conf"));
        assert!(!kept("kube-system", "calico-config", "etcd_key"));
        assert!(!kept("shop", "coredns", "Corefile"));
        assert!(!kept("kube-system", "kubeadm-config", "x"));
    }
}
