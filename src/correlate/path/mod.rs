//! Causes on the way to the destination (`NC4xxx`), and at destinations that are no pods.

mod actively_rejected;
mod address_silent;
mod nobody_has_address;
mod node_out_of_reach;
mod nothing_listens;
mod outside;
mod packets_dropped;

pub use actively_rejected::ActivelyRejected;
pub use address_silent::AddressSilent;
pub use nobody_has_address::NobodyHasAddress;
pub use node_out_of_reach::NodeOutOfReach;
pub use nothing_listens::NothingListens;
pub use packets_dropped::PacketsDropped;
