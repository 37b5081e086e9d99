//! The words for what was found of a CNI plugin.

use std::fmt;

use super::Tunnel;

/// How sure a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// One sign, which other projects may share or an earlier installation may have left.
    Possible,
    /// Several signs agree, or one that the project itself writes; not all of them could be looked at.
    Likely,
    /// The object that decides it says so.
    Certain,
}

/// One thing that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `daemonset/kube-system/cilium`, `configmap/kube-system/cilium-config routing-mode`.
    pub source: String,
    pub seen: String,
}

/// A value, how sure it is, and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<T> {
    pub value: T,
    pub certainty: Certainty,
    pub evidence: Vec<Seen>,
}

/// What a plugin is to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It gives pods their address and carries their packets.
    Primary,
    /// It enforces policies or adds features on top of the named plugin, which gives pods their address.
    On(&'static str),
    /// It calls other plugins: Multus.
    Meta,
}

/// Whether it is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its agent is meant for `desired` nodes, of which `ready` report ready. Both unknown where the list had no status.
    Agent { desired: Option<u32>, ready: Option<u32> },
    /// It is part of the node's own programs or of the cloud, and shows no agent in the API.
    BuiltIn,
    /// Signs of it without an agent, and the agents could not be listed.
    Unseen,
    /// Signs of it, and a complete list of agents without one of its own: what an earlier installation left.
    Leftover,
}

/// Whether NetworkPolicies are enforced, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    Enforced(String),
    /// Policies are accepted by the API server and change nothing.
    Ignored(String),
    Depends(String),
}

/// Whether traffic between nodes is encrypted by the plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    None,
    /// `WireGuard`, `IPsec`.
    By(String),
}

/// Where its agent writes its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    pub namespace: String,
    /// As `kubectl logs -l` takes it.
    pub selector: String,
    pub container: Option<String>,
}

/// All that is known of one plugin on this cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    pub name: &'static str,
    pub role: Role,
    pub state: State,
    pub certainty: Certainty,
    pub evidence: Vec<Seen>,
    /// How packets cross between nodes, in words: `VXLAN`, `BGP, no overlay`.
    pub mode: Option<Told<String>>,
    /// Of pod interfaces, in bytes, when the configuration says.
    pub mtu: Option<Told<u32>>,
    pub tunnel: Option<Told<Tunnel>>,
    pub policy: Policy,
    pub encryption: Option<Told<Encryption>>,
    /// It does kube-proxy's work: the value says how much of it.
    pub service_proxy: Option<Told<String>>,
    /// Ranges that pods get their addresses from.
    pub pod_cidrs: Vec<Told<String>>,
    /// Features by name: `Hubble`, `IPAM`.
    pub features: Vec<(&'static str, Told<String>)>,
    pub logs: Option<Logs>,
    /// Faults that users of it meet.
    pub hints: &'static [&'static str],
    /// Something about it is wrong or looks wrong.
    pub warnings: Vec<String>,
    /// What could not be told, and why.
    pub unknown: Vec<(String, String)>,
}

impl Seen {
    pub fn new(source: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { source: source.into(), seen: seen.into() }
    }
}

impl<T> Told<T> {
    pub fn certain(value: T, source: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { value, certainty: Certainty::Certain, evidence: vec![Seen::new(source, seen)] }
    }

    pub fn likely(value: T, source: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { certainty: Certainty::Likely, ..Self::certain(value, source, seen) }
    }

    /// The same evidence for another value.
    pub fn with<U>(&self, value: U) -> Told<U> {
        Told { value, certainty: self.certainty, evidence: self.evidence.clone() }
    }
}

impl Identified {
    /// At work, as far as could be seen: not only a leftover.
    pub fn is_present(&self) -> bool {
        self.state != State::Leftover
    }

    /// Its agents are meant for at least one node, or it has no agents of its own.
    pub fn is_active(&self) -> bool {
        match self.state {
            State::Agent { desired, .. } => desired != Some(0),
            State::BuiltIn => true,
            State::Unseen | State::Leftover => false,
        }
    }

    pub(super) fn feature(&mut self, name: &'static str, told: Told<String>) {
        self.features.push((name, told));
    }
}

impl Certainty {
    pub fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

impl Policy {
    /// `yes`, `no` or `depends`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Enforced(_) => "yes",
            Self::Ignored(_) => "no",
            Self::Depends(_) => "depends",
        }
    }

    pub fn why(&self) -> &str {
        match self {
            Self::Enforced(why) | Self::Ignored(why) | Self::Depends(why) => why,
        }
    }
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::By(name) => f.write_str(name),
        }
    }
}
