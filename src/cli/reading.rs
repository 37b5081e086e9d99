//! Runs that only read: rounds of reads until nothing more is wanted, or until time is up.

use std::time::{Duration, Instant};

use crate::correlate::Gap;
use crate::discover::{self, Bundle, Discovery, Meta, Notices, Reader};
use crate::model::{Cluster, Query};
use crate::report::diagnosis::TimingPart;

use super::args::Cli;
use super::error::CliError;
use super::exit::Exit;
use super::pair;
use super::progress::{Progress, Talk};
use super::signals::Interrupt;
use super::terminal::{self, Surroundings};

/// Rounds of reads after which a run goes on with what is known.
const MAX_ROUNDS: u32 = 12;

/// How a run ended that only reads.
pub(super) enum Ended {
    Read(Box<Objects>),
    Interrupted(Exit),
}

/// What it brought.
pub(super) struct Objects {
    pub(super) discovery: Discovery,
    /// The time limit, when it ended the run or the recorded one.
    pub(super) cut: Option<Duration>,
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
            measurements: Vec::new(),
            launches: Vec::new(),
        }
    }
}

/// Reads what `next` wants of a cluster or a bundle, in a runtime of its own. `next` also gets the namespace of names without one.
pub(super) fn objects(
    cli: &Cli,
    bundle: Option<Bundle>,
    is_recorded: bool,
    surroundings: &Surroundings,
    next: impl Fn(&Cluster, &str) -> Vec<Query>,
) -> Result<Ended, CliError> {
    let runtime = pair::runtime()?;
    let talk = Talk { quiet: cli.common.quiet, verbose: cli.common.verbose > 0 };
    let mut progress = Progress::new(surroundings, talk);
    let outcome = runtime.block_on(async {
        let interrupt = Interrupt::listen();
        tokio::select! {
            biased;
            exit = interrupt.wait() => Ok(Ended::Interrupted(exit)),
            objects = until_the_limit(cli, bundle, is_recorded, &mut progress, next) => objects.map(|objects| Ended::Read(Box::new(objects))),
        }
    });
    progress.finish();
    // a login plugin that still runs must not hold up the end
    runtime.shutdown_background();
    if let Ok(Ended::Interrupted(_)) = &outcome {
        terminal::err("interrupted");
    }
    outcome
}

async fn until_the_limit(
    cli: &Cli,
    bundle: Option<Bundle>,
    is_recorded: bool,
    progress: &mut Progress,
    next: impl Fn(&Cluster, &str) -> Vec<Query>,
) -> Result<Objects, CliError> {
    let started = Instant::now();
    let limit = cli.common.timeout;
    let recorded = bundle.as_ref().map(|b| b.meta.clone());
    let mut kept = None;
    let reading = async {
        let reader = match bundle {
            Some(bundle) => Reader::Bundle(Box::new(bundle)),
            None => live(cli, progress).await?,
        };
        let discovery = kept.insert(if is_recorded { Discovery::new(reader) } else { Discovery::unrecorded(reader) });
        let namespace = discovery.namespace().to_owned();
        rounds(discovery, progress, |cluster| next(cluster, &namespace)).await
    };
    let cut = match tokio::time::timeout(limit, reading).await {
        Ok(done) => {
            done?;
            recorded.as_ref().and_then(|meta| meta.cut_ms).map(Duration::from_millis)
        }
        Err(_) => Some(limit),
    };
    // a bundle of nothing would look like a record of something
    let Some(discovery) = kept.filter(|discovery| cut.is_none() || !discovery.asked().is_empty()) else {
        return Err(CliError::new("the time limit was reached before anything was read", "give it longer with --timeout 2m"));
    };
    let discover_ms = millis(started.elapsed());
    let timing =
        TimingPart { total_ms: discover_ms, discover_ms, api_requests: discovery.request_count(), ..TimingPart::default() };
    Ok(Objects { discovery, cut, timing: recorded.map_or(timing, |meta| meta.timing) })
}

async fn live(cli: &Cli, progress: &Progress) -> Result<Reader, CliError> {
    let mut options = cli.connection.options();
    options.deadline = Some(cli.common.timeout);
    let notices = progress.clone();
    Ok(Reader::Live(discover::connect(&options, Notices::new(move |text| notices.notice(&text))).await?))
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
