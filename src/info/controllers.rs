//! Ingress controllers: by the class that names them, and by the images they run.

use crate::model::{Cluster, Ingress, IngressClass, Known, Resource, Workload};

/// A controller: `spec.controller` of its IngressClass, and ends of its images.
pub struct Controller {
    pub name: &'static str,
    pub classes: &'static [&'static str],
    /// Empty for one that runs outside the cluster or inside something else.
    pub images: &'static [&'static str],
}

/// The controllers that are known. Source: the project's own manifests or chart.
pub const CONTROLLERS: &[Controller] = &[
    Controller {
        name: "ingress-nginx",
        classes: &["k8s.io/ingress-nginx"],
        images: &["ingress-nginx/controller", "nginx-ingress-controller"],
    },
    Controller {
        name: "NGINX Ingress Controller (F5)",
        classes: &["nginx.org/ingress-controller"],
        images: &["nginx/nginx-ingress", "nginx-ic/nginx-plus-ingress"],
    },
    Controller {
        name: "Traefik",
        classes: &["traefik.io/ingress-controller"],
        images: &["traefik", "mirrored-library-traefik", "traefik/traefik"],
    },
    Controller { name: "Istio", classes: &["istio.io/ingress-controller"], images: &[] },
    Controller {
        name: "Azure Application Gateway",
        classes: &["azure/application-gateway"],
        images: &["azure-application-gateway/kubernetes-ingress"],
    },
    Controller {
        name: "Azure Application Gateway for Containers",
        classes: &["alb.networking.azure.io/alb-controller"],
        images: &["application-lb/images/alb-controller"],
    },
    Controller {
        name: "HAProxy",
        classes: &["haproxy.org/ingress-controller", "haproxy-ingress.github.io/controller"],
        images: &["haproxytech/kubernetes-ingress", "jcmoraisjr/haproxy-ingress"],
    },
    Controller {
        name: "Contour",
        classes: &["projectcontour.io/ingress-controller", "projectcontour.io/contour"],
        images: &["projectcontour/contour"],
    },
    Controller {
        name: "Kong",
        classes: &["ingress-controllers.konghq.com/kong"],
        images: &["kong/kubernetes-ingress-controller"],
    },
    Controller {
        name: "AWS Load Balancer Controller",
        classes: &["ingress.k8s.aws/alb", "eks.amazonaws.com/alb"],
        images: &["eks/aws-load-balancer-controller", "amazon/aws-alb-ingress-controller"],
    },
    Controller { name: "Cilium", classes: &["cilium.io/ingress-controller"], images: &[] },
    Controller { name: "OpenShift router", classes: &["openshift.io/ingress-to-route"], images: &[] },
    Controller { name: "Emissary", classes: &["getambassador.io/ingress-controller"], images: &["emissary-ingress/emissary"] },
    Controller { name: "APISIX", classes: &["apisix.apache.org/apisix-ingress"], images: &["apache/apisix-ingress-controller"] },
    Controller { name: "GKE Ingress", classes: &["networking.gke.io/ingress", "k8s.io/ingress-gce"], images: &[] },
];

/// Whose work an Ingress is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class<'a> {
    Of(&'a IngressClass),
    /// It names a class that does not exist.
    Missing(&'a str),
    /// It names none, and no class is the default.
    None,
}

/// The class of an Ingress, the default one when it names none.
pub fn class_of<'a>(ingress: &'a Ingress, cluster: &'a Cluster) -> Known<Class<'a>> {
    cluster.ingress_classes.complete(&Resource::IngressClasses, None).map(|all| match &ingress.class {
        Some(name) => all.iter().find(|c| c.name == *name).map_or(Class::Missing(name), Class::Of),
        None => all.iter().find(|c| c.is_default).map_or(Class::None, Class::Of),
    })
}

/// What is known of the controller with this name in `spec.controller`.
pub fn of_class(controller: &str) -> Option<&'static Controller> {
    CONTROLLERS.iter().find(|c| c.classes.contains(&controller))
}

impl Controller {
    /// Its Deployments and DaemonSets that were seen, the one with ready pods first.
    pub fn workloads<'a>(&self, cluster: &'a Cluster) -> Vec<&'a Workload> {
        let runs = |w: &&Workload| {
            matches!(w.kind.as_str(), "deployment" | "daemonset")
                && w.images.iter().any(|i| self.images.iter().any(|end| ends_in(i, end)))
        };
        let mut all: Vec<&Workload> = cluster.workloads.seen().filter(runs).collect();
        all.sort_by_key(|w| (w.ready.unwrap_or(0) == 0, w.object()));
        all.dedup_by_key(|w| w.object());
        all
    }
}

/// The Deployments and DaemonSets that serve a class, by its `spec.controller`: those of a known controller, and whichever names the
/// class in its flag. Two installations of one project differ in that flag.
pub fn workloads_of<'a>(class: &str, cluster: &'a Cluster) -> Vec<&'a Workload> {
    let known = of_class(class).map(|c| c.workloads(cluster)).unwrap_or_default();
    let flag = |w: &'a Workload| {
        w.arguments.iter().find_map(|a| a.trim_start_matches('-').strip_prefix("controller-class=")).map(str::to_owned)
    };
    let by_flag = cluster.workloads.seen().filter(|w| flag(w).as_deref() == Some(class));
    let mut all: Vec<&Workload> = known.into_iter().filter(|w| flag(w).is_none_or(|f| f == class)).chain(by_flag).collect();
    all.sort_by_key(|w| (w.ready.unwrap_or(0) == 0, w.object()));
    all.dedup_by_key(|w| w.object());
    all
}

/// Whether an image's path ends in these whole parts, whatever its registry, tag and digest are.
fn ends_in(image: &str, end: &str) -> bool {
    let name = image.split('@').next().unwrap_or(image);
    let path = match name.rsplit_once(':') {
        Some((head, tag)) if !tag.contains('/') => head,
        Some(_) | None => name,
    };
    path == end || path.strip_suffix(end).is_some_and(|head| head.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_tag_and_digest_do_not_matter() {
        for image in [
            "registry.k8s.io/ingress-nginx/controller:v1.14.0@sha256:00",
            "mirror:5000/ingress-nginx/controller",
            "ingress-nginx/controller",
        ] {
            assert!(ends_in(image, "ingress-nginx/controller"), "{image}");
        }
        assert!(!ends_in("example.com/my-ingress-nginx/controller", "ingress-nginx/controller"));
    }

    #[test]
    fn two_installations_are_told_apart_by_their_class() {
        let mut cluster = Cluster::default();
        let workload = |name: &str, arguments: &[&str]| Workload {
            kind: "deployment".into(),
            name: name.into(),
            images: vec!["registry.k8s.io/ingress-nginx/controller:v1".into()],
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            ..Workload::default()
        };
        let all = vec![workload("public", &[]), workload("internal", &["--controller-class=k8s.io/internal"])];
        cluster.workloads.push(crate::model::Query::all(Resource::Deployments), Known::Got(all));
        let names = |class: &str| workloads_of(class, &cluster).iter().map(|w| w.name.clone()).collect::<Vec<_>>();
        assert_eq!(names("k8s.io/ingress-nginx"), ["public"]);
        assert_eq!(names("k8s.io/internal"), ["internal"]);
        assert!(names("example.com/unknown").is_empty());
    }
}
