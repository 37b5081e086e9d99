//! The healthy shop with policies, read as the program reads a cluster, and asked by one lint.

use crate::model::testing::policies::{pods, pods_in, policy, rule, tcp, udp};
use crate::model::testing::{World, labels};
use crate::model::{Cluster, Known, NetworkPolicy, Resource};
use crate::plan::lint_reads;
use crate::policy::NAME_LABEL;

use super::{Ground, Lint, Linted, Located, Origin, run};

/// The cluster of a test.
pub(super) struct Shop {
    pub(super) world: World,
    /// API groups of custom kinds.
    pub(super) groups: Vec<String>,
}

impl Shop {
    pub(super) fn with(policies: impl IntoIterator<Item = NetworkPolicy>) -> Self {
        let mut world = World::shop();
        for namespace in &mut world.namespaces {
            namespace.labels = labels(&format!("{NAME_LABEL}={}", namespace.name));
        }
        world.network_policies = policies.into_iter().collect();
        Self { world, groups: Vec::new() }
    }

    /// Policies as they should be: everything is closed, and what is needed is open.
    pub(super) fn healthy() -> Self {
        let dns = rule([pods_in("kubernetes.io/metadata.name=kube-system", "k8s-app=kube-dns")], [udp(53), tcp(53)]);
        Self::with([
            policy("shop", "deny-all", ""),
            policy("shop", "dns", "").egress([dns]),
            policy("shop", "web", "app=web").ingress([rule([pods("app=client")], [tcp(8080)])]),
            policy("shop", "client", "app=client").egress([rule([pods("app=web")], [tcp(8080)])]),
        ])
    }

    pub(super) fn read(&self) -> Cluster {
        let mut cluster = Cluster::default();
        for _ in 0..10 {
            let queries = lint_reads::next("shop", None, &cluster);
            if queries.is_empty() {
                return cluster;
            }
            for query in queries {
                self.world.ask(&mut cluster, &query);
                if query.resource == Resource::ApiGroups {
                    cluster.api_groups = Known::Got(self.groups.clone());
                }
            }
        }
        panic!("reads do not end");
    }

    pub(super) fn lint(&self, lint: &dyn Lint) -> Linted {
        run(&Ground::new(&self.read(), Origin::Cluster), None, &[lint])
    }

    pub(super) fn lint_manifests(&self, lint: &dyn Lint) -> Linted {
        run(&Ground::new(&self.read(), Origin::Manifests), None, &[lint])
    }
}

impl Linted {
    /// Nothing was found, and nothing is left open.
    pub(super) fn is_clear(&self) -> bool {
        self.findings.is_empty() && self.open.is_empty()
    }
}

#[track_caller]
pub(super) fn only(linted: Linted) -> Located {
    let [found] = linted.findings.try_into().unwrap_or_else(|all| panic!("not one: {all:#?} {:#?}", linted.open));
    found
}
