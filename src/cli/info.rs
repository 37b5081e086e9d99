//! `kubectl netcheck info`: which network the cluster has.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::info;
use crate::model::Cluster;
use crate::plan::{info_reads, proxy_modes};
use crate::report::diagnosis::GapPart;
use crate::report::info::{Fact, Info, Topic, render};
use crate::report::{json, page::Style};

use super::args::{AgentArgs, Cli, Format};
use super::error::CliError;
use super::exit::Exit;
use super::going::Ended;
use super::input::agents;
use super::reading::{self, Probes, Reads, cut_gap};
use super::recording::{open, record, refuse_existing};
use super::terminal::{self, Surroundings};

/// Say which network the cluster has: CNI, kube-proxy, DNS, addresses, mesh, ingress, each with its evidence.
///
/// Only objects are read and nothing is started, unless --deep is given. -o wide adds where each fact was read; -o name prints
/// the network plugins.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kubectl netcheck info
  kubectl netcheck info -o wide
  kubectl netcheck info -o json
  kubectl netcheck info --deep --record info.tar.gz")]
pub struct InfoArgs {
    /// Start an agent in kube-proxy's pods, which share their node's network, to hear which mode it really runs in.
    #[arg(long, conflicts_with = "from")]
    pub deep: bool,

    /// Do not ask before --deep starts an agent. Only a person at a terminal is asked.
    #[arg(short, long)]
    pub yes: bool,

    #[command(flatten)]
    pub agent: AgentArgs,

    /// Read a recorded run instead of a cluster; what it did not record is a gap.
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::AnyPath, help_heading = "Recording")]
    pub from: Option<PathBuf>,

    /// Write what was read to a file, for --from.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "from", help_heading = "Recording")]
    pub record: Option<PathBuf>,
}

pub(super) fn run(args: &InfoArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    if let Some(path) = &args.record {
        refuse_existing(path)?;
    }
    let bundle = args.from.as_deref().map(open).transpose()?;
    let from_inside = args.deep || bundle.as_ref().is_some_and(|b| b.measurements.iter().any(proxy_modes::is_ours));
    let next = |cluster: &Cluster, _: &str| {
        let mut queries = info_reads::next(cluster);
        queries.extend(proxy_modes::reads(cluster, from_inside).into_iter().filter(|query| !cluster.has(query)));
        queries
    };
    let probes = Probes { steps: &proxy_modes::steps, agents: agents(cli, &args.agent), yes: args.yes };
    let reads = Reads { cli, bundle, is_recorded: args.record.is_some(), next: &next, probes: args.deep.then_some(probes) };
    let objects = match reading::objects(reads, surroundings)? {
        Ended::Interrupted(exit) => return Ok(exit),
        Ended::Done(objects) => objects,
    };
    let cluster = objects.discovery.cluster();
    let mut report = info::gather_measured(cluster, &proxy_modes::measured(cluster, &objects.measurements));
    report.gaps.extend(objects.cut.map(cut_gap).map(|gap| GapPart { what: gap.what, why: gap.why }));
    terminal::out(&written(&report, cli.common.format()?, surroundings.style(cli.common.color))?)?;
    if let Some(path) = &args.record {
        record(&objects.bundle(vec![String::from("info")]), path, cli)?;
    }
    Ok(exit_of(&report))
}

/// A report that could say nothing of the network is no good news.
fn exit_of(report: &Info) -> Exit {
    let about_network = |f: &&Fact| !matches!(f.topic, Topic::Cluster | Topic::Gateway);
    let nothing_known = report.facts.iter().filter(about_network).all(|f| f.value.starts_with("undetermined"));
    if nothing_known && !report.gaps.is_empty() { Exit::Inconclusive } else { Exit::Healthy }
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
