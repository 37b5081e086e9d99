//! Where policy questions get their objects: a cluster, a recorded run, or manifests.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::args::Cli;
use crate::cli::error::CliError;
use crate::cli::recording;
use crate::cli::terminal;
use crate::discover::Bundle;
use crate::discover::manifests::{self, Manifests, Severity};
use crate::report::diagnosis::GapPart;
use crate::report::sanitise;

/// Most lines about manifests on stderr; reports hold all.
const LINES: usize = 50;

/// Where the objects come from; without any of these, the cluster.
#[derive(Debug, Clone, Default, Args)]
pub struct InputArgs {
    /// Read manifests instead of a cluster: a file, a directory with everything below it, or - for standard input. May be repeated.
    #[arg(short = 'f', long = "filename", value_name = "FILE", value_hint = ValueHint::AnyPath, conflicts_with = "from")]
    pub files: Vec<PathBuf>,

    /// Read a recorded run instead of a cluster; what it did not record is missing.
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::AnyPath, help_heading = "Recording")]
    pub from: Option<PathBuf>,
}

impl InputArgs {
    /// The bundle that takes a cluster's place, and what is to be told of it.
    pub(super) fn bundle(&self, cli: &Cli) -> Result<(Option<Bundle>, Vec<GapPart>), CliError> {
        if self.files.is_empty() {
            return Ok((self.from.as_deref().map(recording::open).transpose()?, Vec::new()));
        }
        let manifests = read(&self.files, cli, true)?;
        let gaps = gaps(&manifests);
        Ok((Some(manifests.into_bundle()), gaps))
    }
}

/// Reads manifests and says on stderr what is wrong with them.
pub(super) fn read(files: &[PathBuf], cli: &Cli, keep: bool) -> Result<Manifests, CliError> {
    let namespace = cli.connection.namespace().unwrap_or("default");
    let manifests = manifests::read(files, namespace, keep)?;
    tell(&manifests, |severity| severity == Severity::Error || !cli.common.quiet);
    Ok(manifests)
}

/// Says on stderr what is wrong with manifests, as far as it is wanted.
pub(super) fn tell(manifests: &Manifests, wanted: impl Fn(Severity) -> bool) {
    let lines = manifests.troubles.iter().filter(|t| wanted(t.severity));
    let mut left = 0_usize;
    for (at, trouble) in lines.enumerate() {
        if at < LINES {
            let word = match trouble.severity {
                Severity::Error => "warning: ",
                Severity::Notice => "note: ",
            };
            terminal::err(&format!("{word}{}", sanitise::line(&trouble.to_string())));
        } else {
            left += 1;
        }
    }
    if left > 0 {
        terminal::err(&format!("and {left} more of the kind; -o json has all that matter"));
    }
}

/// What could not be read, for a report.
pub(super) fn gaps(manifests: &Manifests) -> Vec<GapPart> {
    let errors = manifests.troubles.iter().filter(|t| t.severity == Severity::Error);
    let place = |t: &manifests::Trouble| t.line.map_or_else(|| t.file.clone(), |line| format!("{}:{line}", t.file));
    errors.map(|t| GapPart { what: place(t), why: t.text.clone() }).collect()
}
