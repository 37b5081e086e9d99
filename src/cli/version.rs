//! `kubectl netcheck version`.

use clap::Args;

use crate::protocol;
use crate::report::json;

use super::args::Format;
use super::error::CliError;

/// Print versions.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  kubectl netcheck version\n  kubectl netcheck version -o json")]
pub struct VersionArgs {}

pub(super) fn run(format: Format) -> Result<String, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    let data = serde_json::json!({
        "apiVersion": crate::report::diagnosis::API_VERSION,
        "kind": "Version",
        "version": version,
        "agentProtocol": protocol::VERSION,
    });
    let written = match format {
        Format::Json => json::json(&data),
        Format::Yaml => json::yaml(&data),
        Format::Table | Format::Wide => Ok(format!("kubectl-netcheck {version}, agent protocol {}\n", protocol::VERSION)),
        Format::Name => Ok(format!("{version}\n")),
    };
    written.map_err(|e| CliError::new(format!("cannot write the version: {e}"), ""))
}
