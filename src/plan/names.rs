//! DNS names of Services, read the way a pod's resolver would complete them.

use crate::model::Cluster;

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
    let host = host.trim_end_matches('.');
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

/// The DNS domain of the cluster, from CoreDNS' configuration.
pub fn domain(cluster: &Cluster) -> String {
    let corefile = cluster.config_maps.seen().find_map(|c| c.data.get("Corefile"));
    let zone = corefile.and_then(|text| {
        let line = text.lines().find(|l| l.trim_start().starts_with("kubernetes "))?;
        line.split_whitespace().nth(1).filter(|zone| *zone != "{").map(|zone| zone.trim_end_matches('.').to_owned())
    });
    zone.unwrap_or_else(|| DEFAULT_DOMAIN.to_owned())
}

/// The candidate nearest to a word that was not found, when one is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (strsim::damerau_levenshtein(word, c), c))
        .filter(|(distance, c)| *distance <= 2.max(word.len() / 3) && *distance < c.len())
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
        assert_eq!(service_of("a.b.example.com", "shop", DEFAULT_DOMAIN), None);
    }

    #[test]
    fn nearest_is_near() {
        assert_eq!(nearest("clinet", ["client", "web"].into_iter()), Some("client"));
        assert_eq!(nearest("zebra", ["client", "web"].into_iter()), None);
    }
}
