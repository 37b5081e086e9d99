//! Runs that read objects first of all: rounds of reads until nothing more is wanted, or until time is up.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::correlate::Gap;
use crate::deploy::{AgentOptions, Prober};
use crate::discover::{self, Bundle, Discovery, Live, Meta, Notices, Reader};
use crate::model::{Cluster, Query};
use crate::plan::Step;
use crate::protocol::{LaunchFailure, Measurement};
use crate::report::diagnosis::TimingPart;

use super::args::Cli;
use super::consent;
use super::error::CliError;
use super::going::{Ended, Going, to_its_end};
use super::progress::Progress;
use super::terminal::Surroundings;

/// Rounds of reads after which a run goes on with what is known.
const MAX_ROUNDS: u32 = 12;

/// For all probes together, agents already running.
const PROBES: Duration = Duration::from_secs(10);

/// What is read, and where.
pub(super) struct Reads<'a> {
    pub(super) cli: &'a Cli,
    /// Instead of a cluster.
    pub(super) bundle: Option<Bundle>,
    /// A bundle will be made of it.
    pub(super) is_recorded: bool,
    /// What to read next. It also gets the namespace of names without one.
    pub(super) next: &'a dyn Fn(&Cluster, &str) -> Vec<Query>,
    /// What to measure once everything is read.
    pub(super) probes: Option<Probes<'a>>,
}

/// Probes in pods of the cluster.
pub(super) struct Probes<'a> {
    pub(super) steps: &'a dyn Fn(&Cluster) -> Vec<Step>,
    pub(super) agents: AgentOptions,
    /// Nobody is to be asked whether agents may start.
    pub(super) yes: bool,
}

/// What came of it.
pub(super) struct Objects {
    pub(super) discovery: Discovery,
    pub(super) measurements: Vec<Measurement>,
    /// The time limit, when it ended the run or the recorded one.
    pub(super) cut: Option<Duration>,
    launches: Vec<LaunchFailure>,
    timing: TimingPart,
}

impl Objects {
    /// The inputs of this run, for `--from`.
    pub(super) fn bundle(&self, arguments: Vec<String>) -> Bundle {
        Bundle {
            meta: Meta {
                netcheck: env!("CARGO_PKG_VERSION").to_owned(),
                arguments,
                namespace: self.discovery.namespace().to_owned(),
                timing: self.timing,
                cut_ms: self.cut.map(millis),
            },
            reads: self.discovery.reads().to_vec(),
            measurements: self.measurements.clone(),
            launches: self.launches.clone(),
        }
    }
}

/// Reads what is wanted of a cluster or a bundle.
pub(super) fn objects(reads: Reads<'_>, surroundings: &Surroundings) -> Result<Ended<Box<Objects>>, CliError> {
    let cli = reads.cli;
    to_its_end(cli, surroundings, |progress, cancel| Reading {
        reads,
        progress,
        cancel,
        discovery: None,
        prober: None,
        measurements: Vec::new(),
    })
}

/// What is known so far: it outlives the time limit.
struct Reading<'a> {
    reads: Reads<'a>,
    progress: Progress,
    cancel: CancellationToken,
    discovery: Option<Discovery>,
    prober: Option<Prober>,
    measurements: Vec<Measurement>,
}

impl Going for Reading<'_> {
    type Outcome = Box<Objects>;

    async fn go(&mut self) -> Result<Box<Objects>, CliError> {
        let started = Instant::now();
        let limit = self.reads.cli.common.timeout;
        let recorded = self.reads.bundle.as_ref().map(|bundle| bundle.meta.clone());
        let cut = match tokio::time::timeout(limit, self.all_steps()).await {
            Ok(done) => {
                done?;
                recorded.as_ref().and_then(|meta| meta.cut_ms).map(Duration::from_millis)
            }
            Err(_) => Some(limit),
        };
        // a bundle of nothing would look like a record of something
        let Some(discovery) = self.discovery.take().filter(|discovery| cut.is_none() || !discovery.asked().is_empty()) else {
            let cause = "the time limit was reached before anything was read";
            return Err(CliError::new(cause, "give it longer with --timeout 2m"));
        };
        let total_ms = millis(started.elapsed());
        let timing =
            TimingPart { total_ms, discover_ms: total_ms, api_requests: discovery.request_count(), ..TimingPart::default() };
        Ok(Box::new(Objects {
            discovery,
            measurements: std::mem::take(&mut self.measurements),
            cut,
            launches: self.prober.as_ref().map(|prober| prober.failures().to_vec()).unwrap_or_default(),
            timing: recorded.map_or(timing, |meta| meta.timing),
        }))
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn left_behind(&self) -> Vec<String> {
        self.prober.as_ref().map(Prober::left_behind).unwrap_or_default()
    }
}

impl Reading<'_> {
    async fn all_steps(&mut self) -> Result<(), CliError> {
        let cancel = self.cancel.clone();
        // nothing is left behind by reading: it may end anywhere
        match cancel.run_until_cancelled(self.read()).await {
            Some(done) => done?,
            None => return Ok(()),
        }
        self.probe().await;
        Ok(())
    }

    async fn read(&mut self) -> Result<(), CliError> {
        let reader = match self.reads.bundle.take() {
            Some(bundle) => {
                self.measurements.clone_from(&bundle.measurements);
                Reader::Bundle(Box::new(bundle))
            }
            None => Reader::Live(live(self.reads.cli, &self.progress).await?),
        };
        let discovery =
            self.discovery.insert(if self.reads.is_recorded { Discovery::new(reader) } else { Discovery::unrecorded(reader) });
        let namespace = discovery.namespace().to_owned();
        rounds(discovery, &mut self.progress, |cluster| (self.reads.next)(cluster, &namespace)).await
    }

    async fn probe(&mut self) {
        let (Some(discovery), Some(probes)) = (&self.discovery, &self.reads.probes) else { return };
        let Reader::Live(live) = discovery.reader() else { return };
        let steps = (probes.steps)(discovery.cluster());
        let shared = consent::shared(&steps, discovery.cluster());
        let is_wanted = shared.is_empty() || probes.yes || {
            let answer = self.cancel.run_until_cancelled(consent::asked(&shared, &mut self.progress));
            answer.await == Some(true)
        };
        if !is_wanted {
            return;
        }
        let prober = self.prober.insert(Prober::live(live.clone(), probes.agents.clone(), self.cancel.clone()));
        self.progress.doing("asking from inside the pods");
        self.measurements = prober.run(discovery.cluster(), &steps, 0, PROBES).await;
        prober.finish().await;
    }
}

/// A connection that lasts as long as the run may.
pub(super) async fn live(cli: &Cli, progress: &Progress) -> Result<Live, CliError> {
    let mut options = cli.connection.options();
    options.deadline = Some(cli.common.timeout);
    let notices = progress.clone();
    Ok(discover::connect(&options, Notices::new(move |text| notices.notice(&text))).await?)
}

/// Reads in rounds until nothing more is wanted.
pub(super) async fn rounds(
    discovery: &mut Discovery,
    progress: &mut Progress,
    next: impl Fn(&Cluster) -> Vec<Query>,
) -> Result<(), CliError> {
    for _ in 0..MAX_ROUNDS {
        let queries = next(discovery.cluster());
        if queries.is_empty() || discovery.is_cut() {
            break;
        }
        let what: Vec<String> = queries.iter().map(ToString::to_string).collect();
        progress.doing(&format!("reading: {}", what.join(", ")));
        discovery.ask(&queries).await;
        if let Some(error) = discovery.fatal() {
            return Err(error.into());
        }
        // not before the first answer: a login plugin may have had to talk to the user
        progress.start();
    }
    Ok(())
}

/// What the time limit leaves open.
pub(super) fn cut_gap(limit: Duration) -> Gap {
    Gap {
        what: String::from("everything after the time limit"),
        why: format!("the run was ended after {} s (--timeout)", Duration::from_millis(millis(limit)).as_secs_f32()),
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
