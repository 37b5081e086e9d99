//! Whose reading of the policies counts.

use crate::cni::{self, Policy};
use crate::model::Cluster;

use super::dialect::cilium;

/// Whose reading of the policies counts: that of the component which enforces them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Engine {
    /// The text of the APIs: tiers of admin policies around NetworkPolicy.
    #[default]
    Spec,
    /// Cilium: its policies and NetworkPolicy in one.
    Cilium(Box<cilium::Settings>),
}

/// Which engine a cluster has, and whether it enforces NetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforcement {
    pub engine: Engine,
    /// The plugin that enforces them; `None` when it is not known.
    pub by: Option<&'static str>,
    /// With its reason. `Depends` where what decides it could not be read.
    pub enforces: Policy,
}

impl Enforcement {
    /// By what was read of the cluster's network: DaemonSets, API groups, ConfigMaps.
    pub fn of(cluster: &Cluster) -> Self {
        let networks = cni::networks(cluster);
        let Some(found) = networks.policy_engine() else {
            let why = "no plugin that enforces policies was found";
            return Self { engine: Engine::Spec, by: None, enforces: Policy::Depends(String::from(why)) };
        };
        let engine = match found.name {
            "Cilium" | "GKE Dataplane V2" => Engine::Cilium(Box::new(cilium::Settings::of(cluster))),
            _ => Engine::Spec,
        };
        Self { engine, by: Some(found.name), enforces: found.policy.clone() }
    }

    /// In words, with the reason.
    pub fn words(&self) -> String {
        match self.by {
            Some(name) => format!("{} by {name}: {}", self.enforces.word(), self.enforces.why()),
            None => format!("not known: {}", self.enforces.why()),
        }
    }

    /// Somebody enforces policies, as far as is known.
    pub fn is_enforced(&self) -> bool {
        matches!(self.enforces, Policy::Enforced(_))
    }
}
