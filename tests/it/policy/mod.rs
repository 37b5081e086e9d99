//! Policy semantics against sources that are not ours: another implementation, the upstream test suites, real packets.

mod cases;
mod cyclonus;
mod live;
mod random;
mod world;
