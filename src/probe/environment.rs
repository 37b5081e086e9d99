//! The pod's own view of the network: addresses, routes, resolv.conf, counters.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Reads the network namespace the agent is in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentSpec {}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EnvironmentOutcome {
    pub interfaces: Vec<Interface>,
    pub routes: Vec<Route>,
    pub resolv_conf: Option<ResolvConf>,
    pub kernel: String,
    /// What could not be read, in words.
    pub errors: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    pub up: bool,
    pub mtu: Option<u32>,
    /// Addresses with prefix length, as `10.244.1.5/24`.
    pub addresses: Vec<String>,
    pub rx_packets: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
}

/// A route of the main table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `0.0.0.0/0` or `::/0` for the default route.
    pub destination: String,
    pub gateway: Option<IpAddr>,
    pub interface: String,
}

/// resolv.conf(5) as the pod sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResolvConf {
    pub nameservers: Vec<IpAddr>,
    pub search: Vec<String>,
    /// 1 when the file does not say.
    pub ndots: u32,
    pub options: Vec<String>,
}
