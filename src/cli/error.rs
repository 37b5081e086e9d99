//! Why netcheck could not do its work: one line, and what to do about it.

use std::io;

use crate::discover::manifests::ManifestError;
use crate::discover::{BundleError, ConnectError};
use crate::plan::resolve::Unresolved;

/// A failure of netcheck itself. A fault of the cluster is a finding, never one of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct CliError {
    /// One line, a lower-case fragment.
    pub cause: String,
    /// The next step; empty when there is none.
    pub next: String,
}

impl CliError {
    pub fn new(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { cause: cause.into(), next: next.into() }
    }

    /// A file or a stream that could not be read or written.
    pub fn io(what: &str, error: &io::Error) -> Self {
        Self::new(format!("{what}: {error}"), "")
    }
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        Self { cause: error.cause, next: error.next }
    }
}

impl From<Unresolved> for CliError {
    fn from(error: Unresolved) -> Self {
        Self { cause: error.cause, next: error.next }
    }
}

impl From<BundleError> for CliError {
    fn from(error: BundleError) -> Self {
        Self { cause: error.to_string(), next: error.next().to_owned() }
    }
}

impl From<ManifestError> for CliError {
    fn from(error: ManifestError) -> Self {
        Self { cause: error.cause, next: error.next }
    }
}
