//! Where the kernel sends a packet: the rules and tables of routing, as `ip -j` prints them.

use std::net::IpAddr;

use ipnet::IpNet;

/// The main table and the local one, in the order the kernel asks them. Policy routing beyond is named in `unread`.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    pub routes: Vec<Route>,
    /// Why the answer may be another one, such as `rule 100: from 10.0.0.0/8 lookup 200`.
    pub unread: Vec<String>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub destination: IpNet,
    pub gateway: Option<IpAddr>,
    pub device: Option<String>,
    /// The source address that the host's own packets take.
    pub source: Option<IpAddr>,
    /// `unicast`, `local`, `blackhole`, `unreachable`, `prohibit`.
    pub kind: String,
    pub metric: u32,
}

impl Routes {
    /// The route to an address: the longest prefix, then the smallest metric.
    pub fn lookup(&self, address: IpAddr) -> Option<&Route> {
        self.routes
            .iter()
            .filter(|r| r.destination.contains(&address))
            .max_by_key(|r| (r.destination.prefix_len(), std::cmp::Reverse(r.metric)))
    }
}
