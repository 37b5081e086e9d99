//! The library behind `kubectl netcheck` and its in-pod agent.
//!
//! Modules stand in layers, and each layer may name only itself and those above it in this list:
//! words (plain data), decisions (pure, synchronous, no clock), effects, and the command line.
//! A test (`tests/it/layers.rs`) keeps the order.

// words
pub mod finding;
pub mod model;
pub mod probe;
pub mod protocol;

// decisions
#[cfg(feature = "cli")]
pub mod checks;
#[cfg(feature = "cli")]
pub mod cni;
#[cfg(feature = "cli")]
pub mod correlate;
#[cfg(feature = "cli")]
pub mod dns_config;
#[cfg(feature = "cli")]
pub mod info;
#[cfg(feature = "cli")]
pub mod netfilter;
#[cfg(feature = "cli")]
pub mod plan;
#[cfg(feature = "cli")]
pub mod policy;
#[cfg(feature = "cli")]
pub mod report;

// effects
#[cfg(all(feature = "agent", target_os = "linux"))]
pub mod agent;
#[cfg(feature = "cli")]
pub mod deploy;
#[cfg(feature = "cli")]
pub mod discover;

// the command line
#[cfg(feature = "cli")]
pub mod cli;
