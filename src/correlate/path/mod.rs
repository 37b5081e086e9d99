//! Causes on the way to the destination (`NC4xxx`).

mod actively_rejected;
mod packets_dropped;

pub use actively_rejected::ActivelyRejected;
pub use packets_dropped::PacketsDropped;
