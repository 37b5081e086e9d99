//! Where on the API server the answer to a read is.

use crate::model::{Query, Resource};

/// Lines of a log that are read from its end.
const LOG_LINES: u32 = 200;

/// What a path answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A list in pages.
    List,
    /// One object.
    Object,
    /// `APIGroupList`.
    Groups,
    /// The end of a log.
    Text,
    /// What a pod says.
    Answer,
}

/// The path and query string of a read, without paging, and the shape of its answer. `None`: a custom kind that is not
/// written `plural.version.group`.
pub(super) fn of(query: &Query) -> Option<(String, Shape)> {
    let (base, plural) = match &query.resource {
        Resource::Version => return Some((String::from("/version"), Shape::Object)),
        Resource::ApiGroups => return Some((String::from("/apis"), Shape::Groups)),
        Resource::Pods | Resource::Log | Resource::PodProxy => (String::from("/api/v1"), "pods"),
        Resource::Services | Resource::Nodes | Resource::Namespaces | Resource::Events | Resource::ConfigMaps => {
            (String::from("/api/v1"), query.resource.plural())
        }
        Resource::EndpointSlices => (String::from("/apis/discovery.k8s.io/v1"), "endpointslices"),
        Resource::Deployments => (String::from("/apis/apps/v1"), "deployments"),
        Resource::DaemonSets => (String::from("/apis/apps/v1"), "daemonsets"),
        Resource::StatefulSets => (String::from("/apis/apps/v1"), "statefulsets"),
        Resource::ReplicaSets => (String::from("/apis/apps/v1"), "replicasets"),
        Resource::Jobs => (String::from("/apis/batch/v1"), "jobs"),
        Resource::CronJobs => (String::from("/apis/batch/v1"), "cronjobs"),
        Resource::Ingresses => (String::from("/apis/networking.k8s.io/v1"), "ingresses"),
        Resource::IngressClasses => (String::from("/apis/networking.k8s.io/v1"), "ingressclasses"),
        Resource::NetworkPolicies => (String::from("/apis/networking.k8s.io/v1"), "networkpolicies"),
        Resource::ServiceCidrs => (String::from("/apis/networking.k8s.io/v1"), "servicecidrs"),
        Resource::Custom(kind) => {
            let (plural, rest) = kind.split_once('.')?;
            let (version, group) = rest.split_once('.')?;
            (format!("/apis/{}/{}", escape(group), escape(version)), plural)
        }
    };
    let namespace = query.namespace.as_deref().map(|ns| format!("/namespaces/{}", escape(ns))).unwrap_or_default();
    let name = query.name.as_deref().map(|name| format!("/{}", escape(name))).unwrap_or_default();
    let path = format!("{base}{namespace}/{}{name}", escape(plural));
    if query.resource == Resource::PodProxy {
        let (port, rest) = query.fields.as_deref()?.split_once('/')?;
        return Some((format!("{path}:{}/proxy/{}", escape(port), escape(rest)), Shape::Answer));
    }
    if query.resource == Resource::Log {
        let container = query.fields.as_deref().map(|c| format!("&container={}", escape(c))).unwrap_or_default();
        let previous = if query.labels.is_some() { "&previous=true" } else { "" };
        return Some((format!("{path}/log?tailLines={LOG_LINES}{container}{previous}"), Shape::Text));
    }
    if query.name.is_some() {
        return Some((path, Shape::Object));
    }
    let labels = query.labels.as_deref().map(|l| format!("&labelSelector={}", escape(l))).unwrap_or_default();
    let fields = query.fields.as_deref().map(|f| format!("&fieldSelector={}", escape(f))).unwrap_or_default();
    Some((format!("{path}?limit=500{labels}{fields}"), Shape::List))
}

/// Percent-encodes everything but unreserved characters (RFC 3986, section 2.3).
pub(crate) fn escape(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let digit = |n: u8| HEX.get(usize::from(n)).map_or('0', |b| char::from(*b));
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    // A segment of dots would be taken for a step in the path.
    if out.chars().all(|c| c == '.') { out.replace('.', "%2E") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_become_paths() {
        let path = |q: &Query| of(q).expect("a path").0;
        assert_eq!(path(&Query::all(Resource::Pods)), "/api/v1/pods?limit=500");
        assert_eq!(path(&Query::named(Resource::Services, "shop", "web")), "/api/v1/namespaces/shop/services/web");
        assert_eq!(
            path(&Query::within(Resource::EndpointSlices, "shop").labelled("kubernetes.io/service-name=web")),
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?limit=500&labelSelector=kubernetes.io%2Fservice-name%3Dweb"
        );
        assert_eq!(path(&Query::named(Resource::Nodes, "", "n1")), "/api/v1/nodes/n1");
        assert_eq!(
            path(&Query::all(Resource::Custom(String::from("ippools.v1.crd.projectcalico.org")))),
            "/apis/crd.projectcalico.org/v1/ippools?limit=500"
        );
        assert_eq!(
            path(&Query::log("kube-system", "coredns-1", "coredns", true)),
            "/api/v1/namespaces/kube-system/pods/coredns-1/log?tailLines=200&container=coredns&previous=true"
        );
        assert_eq!(
            path(&Query::pod_proxy("kube-system", "kube-proxy-1", 10249, "proxyMode")),
            "/api/v1/namespaces/kube-system/pods/kube-proxy-1:10249/proxy/proxyMode"
        );
        assert_eq!(path(&Query::all(Resource::ApiGroups)), "/apis");
    }

    #[test]
    fn names_cannot_leave_their_segment() {
        let path = of(&Query::named(Resource::Pods, "..", "a/../../secrets?x")).expect("a path").0;
        assert_eq!(path, "/api/v1/namespaces/%2E%2E/pods/a%2F..%2F..%2Fsecrets%3Fx");
        assert_eq!(of(&Query::all(Resource::Custom(String::from("nodots")))), None);
    }
}
