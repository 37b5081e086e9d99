//! One run: read, resolve, probe in waves, and say what it all means.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::correlate::{self, Gap, Inputs};
use crate::deploy::Prober;
use crate::discover::{Bundle, Discovery, Meta};
use crate::model::Question;
use crate::plan::{Step, reads, resolve, steps};
use crate::protocol::Measurement;
use crate::report::diagnosis::{Diagnosis, TimingPart};

use super::dry_run::Plan;
use super::error::CliError;
use super::going::Going;
use super::input::Input;
use super::progress::Progress;
use super::reading::{cut_gap, millis, rounds};
use super::{consent, grammar, pair};

/// Waves of probes after which a question that still wants more is answered with what is known.
const MAX_WAVES: u32 = 4;

/// For all probes of one wave, agents already running.
const WAVE: Duration = Duration::from_secs(20);

/// Kept back from the time limit, so that agents end in time to tell what they know; of a short limit a quarter.
const RESERVE: Duration = Duration::from_millis(1500);

fn reserve(limit: Duration) -> Duration {
    RESERVE.min(limit / 4)
}

/// How a run ended.
pub(super) enum Finished {
    Answered { diagnosis: Box<Diagnosis>, bundle: Box<Bundle> },
    Planned(Box<Plan>),
}

/// What is known so far. It outlives the time limit, so that a run cut short still says what it saw.
pub(super) struct Run<'a> {
    input: Input<'a>,
    progress: Progress,
    cancel: CancellationToken,
    started: Instant,
    source: Option<(Discovery, Prober)>,
    question: Option<Question>,
    measured: Vec<Measurement>,
    gaps: Vec<Gap>,
    timing: TimingPart,
    plan: Option<Plan>,
    /// The time limit, when it ended this run or the recorded one.
    cut: Option<Duration>,
    /// What the bundle says of the recorded run.
    recorded: Option<Meta>,
}

impl<'a> Run<'a> {
    pub(super) fn new(input: Input<'a>, progress: Progress, cancel: CancellationToken) -> Self {
        let recorded = input.bundle.as_ref().map(|b| b.meta.clone());
        Self {
            input,
            progress,
            cancel,
            started: Instant::now(),
            source: None,
            question: None,
            measured: Vec::new(),
            gaps: Vec::new(),
            timing: TimingPart::default(),
            plan: None,
            cut: None,
            recorded,
        }
    }
}

impl Going for Run<'_> {
    type Outcome = Finished;

    /// Runs to the end or to the time limit.
    async fn go(&mut self) -> Result<Finished, CliError> {
        let limit = self.input.cli.common.timeout;
        match tokio::time::timeout(limit, self.all_steps()).await {
            Ok(done) => {
                done?;
                self.cut = self.recorded.as_ref().and_then(|meta| meta.cut_ms).map(Duration::from_millis);
            }
            Err(_) => self.cut = Some(limit),
        }
        self.gaps.extend(self.cut.map(cut_gap));
        match self.plan.take() {
            Some(plan) => Ok(Finished::Planned(Box::new(plan))),
            None => self.answer(),
        }
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn left_behind(&self) -> Vec<String> {
        self.source.as_ref().map(|(_, prober)| prober.left_behind()).unwrap_or_default()
    }
}

impl Run<'_> {
    async fn all_steps(&mut self) -> Result<(), CliError> {
        let cancel = self.cancel.clone();
        // nothing is left behind by reading: it may end anywhere
        match cancel.run_until_cancelled(self.read()).await {
            Some(done) => done?,
            None => return Ok(()),
        }
        self.probe().await
    }

    async fn read(&mut self) -> Result<(), CliError> {
        let (mut discovery, prober) = self.input.open(&self.progress, self.cancel.clone()).await?;
        let namespace = discovery.namespace().to_owned();
        let request = grammar::parse(&self.input.pair.words, &pair::defaults(self.input.cli, self.input.pair, &namespace))?;
        rounds(&mut discovery, &mut self.progress, |cluster| reads::next(&request, cluster)).await?;
        self.timing.discover_ms = millis(self.started.elapsed());
        self.question = Some(resolve::question(&request, discovery.cluster())?);
        self.source = Some((discovery, prober));
        Ok(())
    }

    async fn probe(&mut self) -> Result<(), CliError> {
        let (Some((discovery, prober)), Some(question)) = (&mut self.source, &mut self.question) else {
            return Ok(());
        };
        let cluster = discovery.cluster();
        let findings = correlate::findings(question, cluster);
        let mut wave = steps::first(question, cluster, &findings);
        if self.input.dry_run {
            let reads = discovery.asked().to_vec();
            let later = steps::may_look_inside(question, cluster);
            self.plan = Some(Plan { reads, steps: wave, later, agents: self.input.agents() });
            return Ok(());
        }
        let is_live = matches!(prober, Prober::Live(_));
        let shared = if question.request.deep { consent::shared(&wave, cluster) } else { Vec::new() };
        if is_live && !shared.is_empty() && !self.input.pair.yes {
            let answer = self.cancel.run_until_cancelled(consent::asked(&shared, &mut self.progress));
            question.request.no_probes = answer.await != Some(true);
        }
        if question.request.no_probes {
            self.gaps.push(not_measured("probes were not wanted (--no-probes)"));
            return Ok(());
        }
        let was_cut = self.recorded.as_ref().is_some_and(|meta| meta.cut_ms.is_some());
        if prober.is_empty() && !was_cut && !wave.is_empty() {
            self.gaps.push(not_measured("the bundle holds objects only: nothing was started when it was recorded"));
            return Ok(());
        }
        let probing = Instant::now();
        for number in 0..MAX_WAVES {
            // a recorded run that was cut short came to no later wave
            if wave.is_empty() || self.cancel.is_cancelled() || was_cut && !prober.has_wave(number) {
                break;
            }
            self.progress.doing(&describe(&wave));
            let limit = self.input.cli.common.timeout;
            let left = limit.saturating_sub(self.started.elapsed()).saturating_sub(reserve(limit));
            self.measured.extend(prober.run(cluster, &wave, number, left.min(WAVE)).await);
            wave = steps::more(question, cluster, &findings, &self.measured, number + 1);
        }
        self.timing.start_ms = millis(prober.start_time());
        self.timing.probe_ms = millis(probing.elapsed()).saturating_sub(self.timing.start_ms);
        prober.finish().await;
        Ok(())
    }

    fn answer(&mut self) -> Result<Finished, CliError> {
        let (Some(question), Some((discovery, prober))) = (&self.question, &self.source) else {
            let seconds = self.input.cli.common.timeout.as_secs_f32();
            return Err(CliError::new(
                format!("the API server did not answer everything within {seconds} s"),
                "give the run longer with --timeout 2m",
            ));
        };
        for failure in prober.failures() {
            self.gaps
                .push(Gap { what: format!("agent in {}", failure.pod), why: format!("{}; {}", failure.cause, failure.next) });
        }
        self.timing.total_ms = millis(self.started.elapsed());
        self.timing.api_requests = discovery.request_count();
        let timing = self.recorded.as_ref().map_or(self.timing, |meta| meta.timing);
        let diagnosis = correlate::diagnose(&Inputs {
            question,
            cluster: discovery.cluster(),
            measured: &self.measured,
            gaps: &self.gaps,
            timing,
        });
        let bundle = Bundle {
            meta: Meta {
                netcheck: env!("CARGO_PKG_VERSION").to_owned(),
                arguments: pair::arguments(&question.request, self.input.pair),
                namespace: question.request.namespace.clone(),
                timing,
                cut_ms: self.cut.map(millis),
            },
            reads: discovery.reads().to_vec(),
            measurements: self.measured.clone(),
            launches: prober.failures().to_vec(),
        };
        Ok(Finished::Answered { diagnosis: Box::new(diagnosis), bundle: Box::new(bundle) })
    }
}

fn not_measured(why: &str) -> Gap {
    Gap { what: String::from("the traffic itself"), why: why.to_owned() }
}

/// What a wave tries, for the progress line.
fn describe(wave: &[Step]) -> String {
    let mut whys: Vec<&str> = wave.iter().map(|s| s.why.as_str()).collect();
    whys.dedup();
    format!("trying: {}", whys.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_limit_keeps_back_a_part_of_itself() {
        assert_eq!(reserve(Duration::from_secs(1)), Duration::from_millis(250));
        assert_eq!(reserve(Duration::from_secs(60)), RESERVE);
    }
}
