//! Bundles on the command line: `--record`, `--from` and `collect`.

use std::path::Path;

use crate::discover::Bundle;

use super::args::Cli;
use super::error::CliError;
use super::terminal;

/// `--from demo`: a run on a real cluster, recorded.
const DEMO: &[u8] = include_bytes!("../../tests/scenarios/wrong-target-port/bundle.tar.gz");

/// Reads a bundle from a file, or the one in the program.
pub(super) fn open(path: &Path) -> Result<Bundle, CliError> {
    if path.as_os_str() == "demo" {
        return Ok(Bundle::from_bytes(DEMO)?);
    }
    Ok(Bundle::open(path)?)
}

/// Better before the run than after it.
pub(super) fn refuse_existing(path: &Path) -> Result<(), CliError> {
    if path.symlink_metadata().is_ok() {
        return Err(CliError::new(format!("{} exists already", path.display()), "choose another name: nothing is overwritten"));
    }
    Ok(())
}

/// Writes the inputs of a run whose result was printed.
pub(super) fn record(bundle: &Bundle, path: &Path, cli: &Cli) -> Result<(), CliError> {
    bundle.save(path)?;
    if !cli.common.quiet {
        terminal::err(&format!("recorded in {}", path.display()));
    }
    Ok(())
}
