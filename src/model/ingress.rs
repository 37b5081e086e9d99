//! Ingresses and their classes.

use super::ObjectRef;

/// An Ingress. Source: `networking.k8s.io/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ingress {
    pub namespace: String,
    pub name: String,
    pub class: Option<String>,
    /// The class is written in the annotation `kubernetes.io/ingress.class`, which some controllers read without an `IngressClass`.
    pub class_by_annotation: bool,
    pub backends: Vec<IngressBackend>,
    pub tls: Vec<IngressTls>,
    /// Addresses or host names in `status.loadBalancer.ingress`: what its controller published.
    pub load_balancer: Vec<String>,
}

/// One path of one rule, or the default backend.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngressBackend {
    /// Where it is written: `spec.rules[0].http.paths[1]`.
    pub field: String,
    pub host: Option<String>,
    pub path: Option<String>,
    /// `Exact`, `Prefix` or `ImplementationSpecific`; empty for the default backend.
    pub path_type: String,
    pub service: String,
    /// Number or name.
    pub port: String,
}

/// One entry of `spec.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngressTls {
    pub hosts: Vec<String>,
    /// The name of the Secret. Its content is never read.
    pub secret: Option<String>,
}

/// An `IngressClass`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngressClass {
    pub name: String,
    pub controller: String,
    /// It stands in for a class that an Ingress does not name.
    pub is_default: bool,
}

impl Ingress {
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new("ingress", &self.namespace, &self.name)
    }

    /// The entry of `spec.tls` that covers a host; `None` as host is the one without a host.
    pub fn tls_of(&self, host: Option<&str>) -> Option<&IngressTls> {
        let covers = |t: &&IngressTls| match host {
            Some(host) => t.hosts.iter().any(|pattern| host_matches(pattern, host)),
            None => t.hosts.is_empty(),
        };
        self.tls.iter().find(covers)
    }
}

/// Whether a host, or a host pattern itself, falls under a pattern: equal, or one label in place of `*` (Ingress v1, `host`).
pub fn host_matches(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(suffix) = pattern.strip_prefix("*.") else { return false };
    host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(host_matches("*.example.com", "web.example.com") && host_matches("Web.example.com", "web.example.com"));
        assert!(host_matches("*.example.com", "*.example.com"));
        assert!(!host_matches("*.example.com", "example.com") && !host_matches("*.example.com", "a.b.example.com"));
    }

    #[test]
    fn tls_without_hosts_is_of_the_rule_without_a_host() {
        let tls = |hosts: &[&str]| IngressTls { hosts: hosts.iter().map(|h| (*h).to_owned()).collect(), secret: None };
        let ingress = Ingress { tls: vec![tls(&[]), tls(&["a.example.com"])], ..Ingress::default() };
        assert_eq!(ingress.tls_of(None), Some(&tls(&[])));
        assert_eq!(ingress.tls_of(Some("a.example.com")), Some(&tls(&["a.example.com"])));
        assert_eq!(ingress.tls_of(Some("b.example.com")), None);
    }
}
