//! The one integration test binary.
#![expect(
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "nothing is exported from a test binary, and a panic is a failed test"
)]

#[cfg(all(feature = "agent", target_os = "linux"))]
mod agent_http;
#[cfg(all(feature = "agent", target_os = "linux"))]
mod agent_init;
#[cfg(all(feature = "agent", target_os = "linux"))]
mod agent_loopback;
#[cfg(all(feature = "agent", target_os = "linux"))]
mod agent_netns;
#[cfg(all(feature = "agent", target_os = "linux"))]
mod agent_process;
mod agent_tree;
mod api_faults;
mod api_faults_agent;
mod api_faults_login;
mod api_faults_protobuf;
mod api_faults_server;
mod bundle;
mod cli;
mod cni;
mod cni_real;
mod collect;
mod completion;
mod e2e;
mod generated;
mod layers;
mod lint;
#[cfg(all(feature = "agent", target_os = "linux"))]
mod netfilter_kernel;
mod policy;
mod scenarios;
mod source;
mod wire_real;

/// The root of the repository.
fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}
