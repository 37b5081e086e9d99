//! `kubectl netcheck info`: which network the cluster has.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::discover::{self, Discovery, Notices, Reader};
use crate::info;
use crate::plan::info_reads;
use crate::report::diagnosis::GapPart;
use crate::report::info::{Info, Topic, render};
use crate::report::{json, page::Style};

use super::args::{Cli, Format};
use super::error::CliError;
use super::exit::Exit;
use super::pair;
use super::progress::{Progress, Talk};
use super::signals::Interrupt;
use super::terminal::{self, Surroundings};

/// Rounds of reads; two are usual, and a third follows refusals.
const MAX_ROUNDS: u32 = 5;

/// Say which network the cluster has: CNI, kube-proxy, DNS, addresses, mesh, ingress, each with its evidence.
///
/// Only objects are read and nothing is started. -o wide adds where each fact was read; -o name prints the network plugins.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kubectl netcheck info
  kubectl netcheck info -o wide
  kubectl netcheck info -o json")]
pub struct InfoArgs {
    /// Read a recorded run instead of a cluster; what it did not record is a gap.
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::AnyPath)]
    pub from: Option<PathBuf>,
}

pub(super) fn run(args: &InfoArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    let runtime = pair::runtime()?;
    let talk = Talk { quiet: cli.common.quiet, verbose: cli.common.verbose > 0 };
    let mut progress = Progress::new(surroundings, talk);
    let outcome = runtime.block_on(async {
        let interrupt = Interrupt::listen();
        tokio::select! {
            biased;
            exit = interrupt.wait() => Ok(Err(exit)),
            report = report(args, cli, &mut progress) => report.map(Ok),
        }
    });
    progress.finish();
    // a login plugin that still runs must not hold up the end
    runtime.shutdown_background();
    match outcome? {
        Err(exit) => {
            terminal::err("interrupted");
            Ok(exit)
        }
        Ok(report) => {
            terminal::out(&written(&report, cli.common.output, surroundings.style(cli.common.color))?)?;
            Ok(Exit::Healthy)
        }
    }
}

async fn report(args: &InfoArgs, cli: &Cli, progress: &mut Progress) -> Result<Info, CliError> {
    let limit = cli.common.timeout;
    let mut discovery = None;
    let ended = tokio::time::timeout(limit, read(args, cli, progress, &mut discovery)).await;
    let Some(discovery) = &discovery else {
        return match ended {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => {
                Err(CliError::new("the time limit was reached before anything was read", "give it longer with --timeout 2m"))
            }
        };
    };
    let mut report = info::gather(discovery.cluster());
    match ended {
        Ok(done) => done?,
        Err(_) => report.gaps.push(GapPart {
            what: String::from("everything after the time limit"),
            why: format!("the run was ended after {} s (--timeout)", limit.as_secs_f32()),
        }),
    }
    Ok(report)
}

/// Reads in rounds until nothing more is wanted.
async fn read(args: &InfoArgs, cli: &Cli, progress: &mut Progress, kept: &mut Option<Discovery>) -> Result<(), CliError> {
    let reader = if let Some(path) = &args.from {
        Reader::Bundle(Box::new(pair::open(path)?))
    } else {
        let mut options = cli.connection.options();
        options.deadline = Some(cli.common.timeout);
        let notices = progress.clone();
        Reader::Live(discover::connect(&options, Notices::new(move |text| notices.notice(&text))).await?)
    };
    let discovery = kept.insert(Discovery::new(reader));
    for _ in 0..MAX_ROUNDS {
        let queries = info_reads::next(discovery.cluster());
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

fn written(report: &Info, format: Format, style: Style) -> Result<String, CliError> {
    let written = match format {
        Format::Table => Ok(render(report, style, false)),
        Format::Wide => Ok(render(report, style, true)),
        Format::Json => json::json(report),
        Format::Yaml => json::yaml(report),
        Format::Name => Ok(plugins(report)),
    };
    written.map_err(|e| CliError::new(format!("cannot write the report: {e}"), ""))
}

/// The network plugins, one a line.
fn plugins(report: &Info) -> String {
    let plugins = report.facts.iter().filter(|f| f.topic == Topic::Cni && matches!(f.name.as_str(), "plugin" | "also"));
    let mut text = String::new();
    for fact in plugins {
        text.push_str(fact.value.split([',', ':']).next().unwrap_or_default());
        text.push('\n');
    }
    text
}
