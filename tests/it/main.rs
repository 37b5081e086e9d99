//! The one integration test binary.

#[cfg(all(feature = "agent", target_os = "linux"))]
mod agent_loopback;
mod bundle;
mod generated;
mod layers;
mod source;

/// The root of the repository.
fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}
