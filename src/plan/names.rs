//! DNS names of Services, read the way a pod's resolver would complete them.

use crate::dns_config::Corefile;
use crate::model::{Cluster, Pod};

/// The domain of kubeadm and most distributions; used when the cluster does not say.
pub const DEFAULT_DOMAIN: &str = "cluster.local";

/// Namespace of the cluster's DNS unless its Service is found elsewhere.
pub const DNS_NAMESPACE: &str = "kube-system";

/// The label every distribution puts on its DNS Service and pods.
pub const DNS_LABEL: &str = "k8s-app=kube-dns";

/// The namespace and name of the Service a DNS name stands for, seen from a pod in `namespace`.
///
/// `web`, `web.shop`, `web.shop.svc` and `web.shop.svc.cluster.local` are all understood, as is a name below a headless
/// Service (`web-0.web.shop.svc`). A name that merely looks like one, such as `example.com`, is a candidate too: only
/// the cluster knows, so the caller looks for the Service.
pub fn service_of(host: &str, namespace: &str, domain: &str) -> Option<(String, String)> {
    // names are compared without regard to case (RFC 4343), and objects' names are lower case
    let lower = host.to_ascii_lowercase();
    let host = lower.trim_end_matches('.');
    let host = host.strip_suffix(&format!(".{domain}")).unwrap_or(host);
    let labels: Vec<&str> = host.split('.').collect();
    let pair = |name: &str, namespace: &str| Some((namespace.to_owned(), name.to_owned()));
    match labels.as_slice() {
        [name] => pair(name, namespace),
        [name, ns] | [name, ns, "svc"] | [_, name, ns, "svc"] => pair(name, ns),
        _ => None,
    }
}

/// The full name of a Service, without the final dot.
pub fn full_name(namespace: &str, service: &str, domain: &str) -> String {
    format!("{service}.{namespace}.svc.{domain}")
}

/// The DNS domain of the cluster, from CoreDNS' configuration; [`DEFAULT_DOMAIN`] when that does not say.
pub fn domain(cluster: &Cluster) -> String {
    known_domain(cluster).unwrap_or_else(|| DEFAULT_DOMAIN.to_owned())
}

/// The DNS domain of the cluster when CoreDNS' configuration was read and names one.
pub fn known_domain(cluster: &Cluster) -> Option<String> {
    let texts = cluster.config_maps.seen().filter_map(|c| c.data.get("Corefile"));
    texts.filter_map(|text| Corefile::parse(text).ok()).find_map(|c| c.cluster_domains().into_iter().next())
}

/// A name that no search list turns into a Service's: it has a dot, and is neither below the cluster's domain nor `NAME.NAMESPACE.svc`.
///
/// `web.shop` counts as outside too: only the cluster knows whether there is a namespace `shop`.
pub fn is_outside(host: &str, domain: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.contains('.') && !host.ends_with(&format!(".{domain}")) && host.rsplit('.').next() != Some("svc")
}

/// The kubelet gives this pod the cluster's DNS as its nameserver (pkg/kubelet/network/dns/dns.go, `getPodDNSType`).
///
/// Under `None` the pod brings its own nameservers, which often are the cluster's: that counts as using it.
pub fn uses_cluster_dns(pod: &Pod) -> bool {
    match pod.dns_policy.as_deref() {
        Some("Default") => false,
        Some("ClusterFirst") | None => !pod.host_network,
        Some(_) => true,
    }
}

/// The candidate nearest to a word that was not found, when one is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (strsim::damerau_levenshtein(word, c), c))
        .filter(|(distance, c)| *distance <= (word.len() / 3).max(1) && *distance < c.len())
        .min()
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names_in_every_length() {
        let shop = Some(("shop".to_owned(), "web".to_owned()));
        for host in
            ["web.shop", "web.shop.svc", "web.shop.svc.cluster.local", "web.shop.svc.cluster.local.", "web-0.web.shop.svc"]
        {
            assert_eq!(service_of(host, "default", DEFAULT_DOMAIN), shop, "{host}");
        }
        assert_eq!(service_of("web", "shop", DEFAULT_DOMAIN), shop);
        assert_eq!(service_of("Web.SHOP", "default", DEFAULT_DOMAIN), shop);
        assert_eq!(service_of("a.b.example.com", "shop", DEFAULT_DOMAIN), None);
    }

    #[test]
    fn nearest_is_near() {
        assert_eq!(nearest("clinet", ["client", "web"].into_iter()), Some("client"));
        assert_eq!(nearest("zebra", ["client", "web"].into_iter()), None);
        // two of three letters are another word
        assert_eq!(nearest("web", ["sec", "wet"].into_iter()), Some("wet"));
        assert_eq!(nearest("web", ["sec"].into_iter()), None);
    }
}
