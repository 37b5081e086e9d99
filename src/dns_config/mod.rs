//! How the cluster's DNS is configured: the Corefile of CoreDNS and of NodeLocal DNS, as CoreDNS itself reads it.
//!
//! Start with [`Corefile::parse`], then ask [`Corefile::block_for`] who serves a name and
//! [`ServerBlock::forward_for`] where a name that nobody answers goes.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod cluster;
mod corefile;
mod forward;
mod lexer;
mod zone;

pub use cluster::{
    COREFILE_MAPS, ClusterDns, DNS_LABEL, DNS_NAMESPACES, NODE_LOCAL_MAPS, NodeLocal, answers_over, cluster_dns, reads,
};
pub use corefile::{Corefile, CorefileError, Directive, Import, ServerBlock};
pub use forward::{Forward, Upstream};
pub use zone::{Transport, Zone};
