//! A pair diagnosis from words to report.

use std::time::{Duration, Instant};

use crate::correlate::{self, Gap, Inputs};
use crate::discover::{self, Discovery, Notices, Reader};
use crate::model::{Question, Request};
use crate::plan::{reads, resolve};
use crate::protocol::Measurement;
use crate::report::diagnosis::{Diagnosis, TimingPart};
use crate::report::{json, page::Style, text};

use super::args::{self, Cli, FailOn, Format};
use super::error::CliError;
use super::exit::Exit;
use super::grammar::kinds::nearest_of;
use super::grammar::{self, Defaults};
use super::progress::{Progress, Talk};
use super::signals::Interrupt;
use super::terminal::{self, Surroundings};

/// Rounds of reads after which a question that still wants more is answered with what is known.
const MAX_ROUNDS: u32 = 12;

pub(super) fn run(cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    // words are checked before anything is asked: the namespace of the context changes no error
    grammar::parse(&cli.pair.words, &defaults(cli, "default")).map_err(|e| mistyped_command(cli, e))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| CliError::io("cannot start", &e))?;
    let talk = Talk { quiet: cli.common.quiet, verbose: cli.common.verbose > 0 };
    let mut progress = Progress::new(surroundings, talk);
    let outcome = runtime.block_on(async {
        let interrupt = Interrupt::listen();
        let mut run = Run::new(cli, &mut progress);
        tokio::select! {
            biased;
            exit = interrupt.wait() => Ok(Outcome::Interrupted(exit)),
            ended = run.finish() => ended.map(|d| Outcome::Answered(Box::new(d))),
        }
    });
    progress.finish();
    // a login plugin that still runs must not hold up the end
    runtime.shutdown_background();
    match outcome? {
        Outcome::Interrupted(exit) => {
            terminal::err("interrupted");
            Ok(exit)
        }
        Outcome::Answered(diagnosis) => {
            terminal::out(&render(&diagnosis, cli.common.output, surroundings.style(cli.common.color))?)?;
            Ok(exit(&diagnosis, cli.run.fail_on))
        }
    }
}

/// A word that is nearly a command is more likely that than a question.
fn mistyped_command(cli: &Cli, error: CliError) -> CliError {
    let [word] = cli.pair.words.as_slice() else { return error };
    let command = args::command("kubectl-netcheck");
    let names = command.get_subcommands().map(clap::Command::get_name);
    match nearest_of(word, names) {
        Some(near) => CliError::new(
            format!("unknown command \"{}\": did you mean \"{near}\"?", word.escape_debug()),
            format!("kubectl netcheck {near} --help"),
        ),
        None => error,
    }
}

enum Outcome {
    Answered(Box<Diagnosis>),
    Interrupted(Exit),
}

fn defaults(cli: &Cli, context_namespace: &str) -> Defaults {
    Defaults {
        namespace: cli.connection.namespace().map(str::to_owned),
        context_namespace: context_namespace.to_owned(),
        port: cli.pair.port.clone(),
        protocol: cli.pair.protocol,
        attempts: cli.pair.attempts,
        deep: cli.pair.deep,
        no_probes: cli.pair.no_probes,
    }
}

/// What is known so far. It outlives the deadline, so that a run cut short still says what it saw.
struct Run<'a> {
    cli: &'a Cli,
    progress: &'a mut Progress,
    started: Instant,
    discovery: Option<Discovery>,
    question: Option<Question>,
    measured: Vec<Measurement>,
    gaps: Vec<Gap>,
    timing: TimingPart,
}

impl<'a> Run<'a> {
    fn new(cli: &'a Cli, progress: &'a mut Progress) -> Self {
        Self {
            cli,
            progress,
            started: Instant::now(),
            discovery: None,
            question: None,
            measured: Vec::new(),
            gaps: Vec::new(),
            timing: TimingPart::default(),
        }
    }

    async fn finish(&mut self) -> Result<Diagnosis, CliError> {
        let limit = self.cli.common.timeout;
        match tokio::time::timeout(limit, self.steps()).await {
            Ok(done) => done?,
            Err(_) => self.gaps.push(Gap {
                what: String::from("everything after the time limit"),
                why: format!("the run was ended after {} s (--timeout)", limit.as_secs_f32()),
            }),
        }
        self.answer()
    }

    async fn steps(&mut self) -> Result<(), CliError> {
        let mut options = self.cli.connection.options();
        options.deadline = Some(self.cli.common.timeout);
        let notices = self.progress.clone();
        let live = discover::connect(&options, Notices::new(move |text| notices.notice(&text))).await?;
        let discovery = self.discovery.insert(Discovery::new(Reader::Live(live)));
        let namespace = discovery.namespace().to_owned();
        let request = grammar::parse(&self.cli.pair.words, &defaults(self.cli, &namespace))?;
        read(&request, discovery, self.progress).await?;
        self.timing.discover_ms = millis(self.started.elapsed());
        self.question = Some(resolve::question(&request, discovery.cluster())?);
        Ok(())
    }

    fn answer(&mut self) -> Result<Diagnosis, CliError> {
        let (Some(question), Some(discovery)) = (&self.question, &self.discovery) else {
            return Err(CliError::new(
                "the time limit was reached before the objects were read",
                "give it longer with --timeout 2m",
            ));
        };
        self.timing.total_ms = millis(self.started.elapsed());
        self.timing.api_requests = discovery.request_count();
        Ok(correlate::diagnose(&Inputs {
            question,
            cluster: discovery.cluster(),
            measured: &self.measured,
            gaps: &self.gaps,
            timing: self.timing,
        }))
    }
}

/// Reads until the question has all it needs.
async fn read(request: &Request, discovery: &mut Discovery, progress: &mut Progress) -> Result<(), CliError> {
    for _ in 0..MAX_ROUNDS {
        let queries = reads::next(request, discovery.cluster());
        if queries.is_empty() {
            break;
        }
        let what: Vec<String> = queries.iter().map(ToString::to_string).collect();
        progress.doing(&format!("reading: {}", what.join(", ")));
        discovery.ask(&queries).await;
        if let Some(error) = discovery.fatal() {
            return Err(error.into());
        }
        progress.start();
    }
    Ok(())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn render(diagnosis: &Diagnosis, format: Format, style: Style) -> Result<String, CliError> {
    match format {
        Format::Table => Ok(text::render(diagnosis, style, false)),
        Format::Wide => Ok(text::render(diagnosis, style, true)),
        Format::Json => json::json(diagnosis).map_err(|e| unwritable(&e)),
        Format::Yaml => json::yaml(diagnosis).map_err(|e| unwritable(&e)),
        Format::Name => Ok(json::names(diagnosis)),
    }
}

fn unwritable(error: &serde_json::Error) -> CliError {
    CliError::new(format!("cannot write the report: {error}"), "")
}

fn exit(diagnosis: &Diagnosis, fail_on: FailOn) -> Exit {
    let has_warning = diagnosis.notices.iter().any(|n| n.weight == "warning");
    match (fail_on, Exit::of_report(diagnosis.exit_code)) {
        (FailOn::Never, Exit::Fault) => Exit::Healthy,
        (FailOn::Warning, Exit::Healthy | Exit::Inconclusive) if has_warning => Exit::Fault,
        (_, exit) => exit,
    }
}
