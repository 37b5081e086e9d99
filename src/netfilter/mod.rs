//! What the kernel of a node does with a packet: the rules of iptables and nftables, read from their texts and walked.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod answer;
mod hooks;
mod packet;
mod routes;
mod rule;
mod rule_line;
mod save;
mod sets;
mod walk;
mod words;

pub use answer::Answer;
pub use hooks::{End, Firewall, Passage};
pub use packet::{CtState, Host, Packet};
pub use routes::{Route, Routes};
pub use rule::{AddressType, Condition, IpProtocol, Match, Rule, Target, Translation};
pub use save::{Chain, Saved, Table};
pub use sets::Sets;
pub use walk::{Context, Step, Verdict, Way, table};
