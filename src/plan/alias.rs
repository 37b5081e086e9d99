//! A Service of type `ExternalName` that stands for another Service of the cluster.

use crate::model::{Cluster, Service, ServiceKind};

use super::names;

/// Aliases of aliases are followed this far.
const HOPS: usize = 3;

/// The Service of this cluster that an alias stands for: namespace and name. `None` for a name outside the cluster.
///
/// The name is taken as it is, without the search list: only a full name or one that ends in `.svc` can be a Service's.
pub fn target(service: &Service, cluster: &Cluster) -> Option<(String, String)> {
    let host = service.external_name.as_deref().filter(|_| service.kind == ServiceKind::ExternalName)?;
    let domain = names::domain(cluster);
    let of_cluster = host.trim_end_matches('.').ends_with(&format!(".svc.{domain}"));
    of_cluster.then(|| names::service_of(host, &service.namespace, &domain)).flatten()
}

/// The Service at the end of a chain of aliases, as far as its Services exist: what connections to the first one reach.
pub fn followed(first: (String, String), cluster: &Cluster) -> (String, String) {
    let mut at = first;
    for _ in 0..HOPS {
        let next = cluster.service(&at.0, &at.1).and_then(|s| target(s, cluster));
        match next.filter(|(namespace, name)| cluster.service(namespace, name).is_some()) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::World;
    use crate::model::{Destination, ObjectRef, Subject};
    use crate::plan::testing::{Case, request};

    fn alias(to: &str) -> World {
        let mut world = World::shop();
        let mut alias = world.service("web").clone();
        (alias.name, alias.kind, alias.external_name) = ("shop-front".into(), ServiceKind::ExternalName, Some(to.into()));
        alias.selector.clear();
        alias.cluster_ips.clear();
        world.services.push(alias);
        world
    }

    fn to_alias(world: &World) -> Case {
        Case::unmeasured(world, &request(Destination::Object(ObjectRef::service("shop", "shop-front"))))
    }

    #[test]
    fn a_service_of_the_cluster_is_what_is_asked() {
        let case = to_alias(&alias("web.shop.svc.cluster.local"));
        assert_eq!(case.question.to, Subject::Service { namespace: "shop".into(), name: "web".into() });
        assert_eq!(
            case.question.name.as_deref(),
            Some("shop-front.shop.svc.cluster.local"),
            "the name stays the one that is used"
        );
        assert!(case.question.notes.iter().any(|n| n.contains("alias")), "{:?}", case.question.notes);
    }

    #[test]
    fn a_name_outside_and_one_that_is_not_there_stay_the_alias() {
        let own = Subject::Service { namespace: "shop".into(), name: "shop-front".into() };
        assert_eq!(to_alias(&alias("www.example.com")).question.to, own);
        assert_eq!(to_alias(&alias("wbe.shop.svc.cluster.local")).question.to, own);
    }

    #[test]
    fn a_circle_ends() {
        let case = to_alias(&alias("shop-front.shop.svc.cluster.local"));
        assert_eq!(case.question.to, Subject::Service { namespace: "shop".into(), name: "shop-front".into() });
    }
}
