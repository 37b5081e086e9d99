//! How to reach the cluster: kubectl's connection flags, and why it did not work.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// kubectl's connection flags, each with kubectl's meaning. What is unset comes from the kubeconfig.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    pub cluster: Option<String>,
    pub user: Option<String>,
    pub namespace: Option<String>,
    pub server: Option<String>,
    pub token: Option<String>,
    pub certificate_authority: Option<PathBuf>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
    pub insecure_skip_tls_verify: bool,
    pub tls_server_name: Option<String>,
    pub as_user: Option<String>,
    pub as_groups: Vec<String>,
    pub as_uid: Option<String>,
    /// `key=value`, repeatable.
    pub as_user_extra: Vec<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// For each call. Zero and `None` both mean 15 s: a diagnosis that hangs helps nobody.
    pub request_timeout: Option<Duration>,
    /// Accepted as kubectl does; nothing is cached.
    pub cache_dir: Option<PathBuf>,
    pub disable_compression: bool,
    /// The whole run ends after this long.
    pub deadline: Option<Duration>,
}

impl fmt::Debug for ConnectOptions {
    /// Without token and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("kubeconfig", &self.kubeconfig)
            .field("context", &self.context)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// There is no way to the API server, or it does not know us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    /// One line: what is wrong.
    pub cause: String,
    /// One line: what to do next.
    pub next: String,
}

impl ConnectError {
    pub(super) fn new(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { cause: one_line(&cause.into()), next: next.into() }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for ConnectError {}

/// Takes short messages about what is going on, such as a retry. They are not part of the report.
#[derive(Clone)]
pub struct Notices(Arc<dyn Fn(String) + Send + Sync>);

impl Notices {
    pub fn new(sink: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    pub fn send(&self, text: String) {
        (self.0)(text);
    }
}

impl Default for Notices {
    /// Drops every message.
    fn default() -> Self {
        Self::new(drop)
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notices")
    }
}

/// A text on one line, of bounded length.
pub(crate) fn one_line(text: &str) -> String {
    const MOST: usize = 400;
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined.len() <= MOST {
        return joined;
    }
    let cut = (0..=MOST).rev().find_map(|at| joined.get(..at)).unwrap_or_default();
    format!("{cut}…")
}
