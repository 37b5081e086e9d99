//! Where a run gets its objects and measurements: a live cluster or a bundle.

use tokio_util::sync::CancellationToken;

use crate::deploy::{AgentOptions, Prober};
use crate::discover::{Bundle, Discovery, Reader};

use super::args::{AgentArgs, Cli, PairArgs, PullPolicy};
use super::error::CliError;
use super::progress::Progress;
use super::reading::live;

/// What a run is made from.
#[derive(Debug)]
pub(super) struct Input<'a> {
    pub(super) cli: &'a Cli,
    /// The question: of the command line or of the bundle.
    pub(super) pair: &'a PairArgs,
    pub(super) agent: &'a AgentArgs,
    pub(super) dry_run: bool,
    /// A bundle will be made of it.
    pub(super) is_recorded: bool,
    pub(super) bundle: Option<Bundle>,
}

impl Input<'_> {
    /// Opens the source of objects, and of measurements.
    pub(super) async fn open(&mut self, progress: &Progress, cancel: CancellationToken) -> Result<(Discovery, Prober), CliError> {
        if let Some(bundle) = self.bundle.take() {
            let prober = Prober::replay(&bundle);
            return Ok((Discovery::new(Reader::Bundle(Box::new(bundle))), prober));
        }
        let live = live(self.cli, progress).await?;
        let prober = Prober::live(live.clone(), self.agents(), cancel);
        let reader = Reader::Live(live);
        let discovery = if self.is_recorded { Discovery::new(reader) } else { Discovery::unrecorded(reader) };
        Ok((discovery, prober))
    }

    pub(super) fn agents(&self) -> AgentOptions {
        agents(self.cli, self.agent)
    }
}

/// How agents are started, by the command line.
pub(super) fn agents(cli: &Cli, agent: &AgentArgs) -> AgentOptions {
    let mut options = AgentOptions::default();
    if let Some(image) = agent.image.as_ref().filter(|image| !image.is_empty()) {
        options.image.clone_from(image);
    }
    let policy = match agent.image_pull_policy {
        PullPolicy::IfNotPresent => "IfNotPresent",
        PullPolicy::Always => "Always",
        PullPolicy::Never => "Never",
    };
    policy.clone_into(&mut options.pull_policy);
    // why an agent does not start must be known before the time limit cuts the run off
    let whole = cli.common.timeout;
    options.start_timeout = options.start_timeout.max(whole / 3).min(whole / 4 * 3);
    options
}
