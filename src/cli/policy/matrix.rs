//! `kubectl netcheck policy matrix`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::model::{Cluster, Protocol};
use crate::plan::matrix_reads;
use crate::policy::{self, PortAsked, Scope};
use crate::report::diagnosis::GapPart;
use crate::report::json;
use crate::report::policy_matrix::{PolicyMatrix, csv, dot, render, svg};
use crate::report::sanitise;

use super::input::{self, InputArgs};
use super::matrix_diff;
use crate::cli::args::{self, Cli, Output};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::going::Ended;
use crate::cli::pair::unwritable;
use crate::cli::reading::{self, Objects, Reads, cut_gap};
use crate::cli::recording;
use crate::cli::terminal::{self, Surroundings};

/// Say who may connect to whom: every workload to every port of every workload.
///
/// Pods of one owner (Deployment, StatefulSet, DaemonSet, Job, …) are one row; where the policies do not treat all of them
/// alike they are several, and the report says which pods are which. A connection is allowed, denied or undetermined: what
/// could not be read never counts as either. Only objects are read and nothing is started.
///
/// Both ends are in the namespace of -n, else in that of the context; -A takes all. Manifests are taken whole unless -n is
/// given. Connections go to the ports that the destination's containers declare, or to those of --port.
///
/// --diff lists the connections that would end differently, each with the policies that decide it before and after. Manifests
/// are applied to the cluster or the recorded run as kubectl apply would: objects are added and replaced, and none is deleted.
/// Beside -f they are taken as all there is; with nothing but policies in them, as all the policies there are. A recorded run
/// is compared as a whole.
///
/// The exit code is 0 when every connection was decided, 3 when some are undetermined, and 2 when the question could not be
/// asked. With --diff it is 0 when nothing changes, 1 when a connection that was allowed is denied or the other way round, 3
/// when neither is proven and some are undetermined, and 2 when the question could not be asked.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kubectl netcheck policy matrix
  kubectl netcheck policy matrix -n shop --port 8080
  kubectl netcheck policy matrix -A --port 53/UDP -o csv
  kubectl netcheck policy matrix -f manifests/ -o json
  kubectl netcheck policy matrix -n shop -o svg > shop.svg
  kubectl netcheck policy matrix -A --diff new-policy.yaml
  kubectl netcheck policy matrix -f base/ --diff changed/
  kubectl netcheck policy matrix -A --from netcheck-20260731-120000.tar.gz")]
pub struct MatrixArgs {
    /// A port of the destinations: 8080, 53/UDP, or the name that their containers give one. May be repeated. Without it, the ports
    /// that the containers of each destination declare.
    #[arg(long = "port", value_name = "PORT[/PROTOCOL]", value_parser = port)]
    pub ports: Vec<PortAsked>,

    /// Workloads of all namespaces.
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,

    /// Say what another state of the policies changes: manifests (a file or a directory) or a recorded run. May be repeated for
    /// manifests.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub diff: Vec<PathBuf>,

    #[command(flatten)]
    pub input: InputArgs,
}

fn port(text: &str) -> Result<PortAsked, String> {
    let (number, protocol) = match text.split_once('/') {
        Some((number, protocol)) => (number, args::protocol(protocol)?),
        None => (text, Protocol::Tcp),
    };
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    match number.parse::<u16>() {
        Ok(port) if is_number && port > 0 => Ok(PortAsked::Number { protocol, port }),
        Err(_) if !is_number && !number.is_empty() && !text.contains('/') => Ok(PortAsked::Name(number.to_owned())),
        Ok(_) | Err(_) => Err(String::from("it is a number from 1 to 65535, also as 53/UDP, or the name of a port")),
    }
}

/// What was read, and what is to be told of it.
pub(super) enum Source {
    Manifests(Box<Cluster>),
    Objects(Box<Objects>),
}

impl Source {
    pub(super) fn cluster(&self) -> &Cluster {
        match self {
            Self::Manifests(cluster) => cluster,
            Self::Objects(objects) => objects.discovery.cluster(),
        }
    }
}

pub(super) fn run(args: &MatrixArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    if cli.common.output == Output::Sarif {
        cli.common.format()?;
    }
    if !args.diff.is_empty() && matches!(cli.common.output, Output::Dot | Output::Svg) {
        return Err(CliError::new("a comparison has no such format", "use -o table, csv or json"));
    }
    let (source, scope, gaps) = match read(args, cli, surroundings)? {
        Ended::Interrupted(exit) => return Ok(exit),
        Ended::Done(read) => read,
    };
    if !args.diff.is_empty() {
        return matrix_diff::run(args, cli, surroundings, (&source, &scope), gaps);
    }
    let mut matrix = policy::matrix(&scope, source.cluster());
    matrix.gaps.extend(gaps);
    write(&matrix, cli, surroundings)?;
    Ok(Exit::of_report(matrix.exit_code))
}

type Read = (Source, Scope, Vec<GapPart>);

fn read(args: &MatrixArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Ended<Read>, CliError> {
    let asked = cli.connection.namespace().map(str::to_owned).filter(|_| !args.all_namespaces);
    let scope = |namespace| Scope { namespace, ports: args.ports.clone() };
    if !args.input.files.is_empty() {
        let manifests = input::read(&args.input.files, cli, false)?;
        let gaps = input::gaps(&manifests);
        return Ok(Ended::Done((Source::Manifests(Box::new(manifests.cluster)), scope(asked), gaps)));
    }
    let bundle = args.input.from.as_deref().map(recording::open).transpose()?;
    let within = |own: &str| (!args.all_namespaces).then(|| asked.clone().unwrap_or_else(|| own.to_owned()));
    let next = |cluster: &Cluster, own: &str| matrix_reads::next(within(own).as_deref(), cluster);
    let reads = Reads { cli, bundle, is_recorded: false, next: &next, probes: None };
    let objects = match reading::objects(reads, surroundings)? {
        Ended::Interrupted(exit) => return Ok(Ended::Interrupted(exit)),
        Ended::Done(objects) => objects,
    };
    let gaps = objects.cut.map(cut_gap).map(|gap| GapPart { what: gap.what, why: gap.why }).into_iter().collect();
    let namespace = within(objects.discovery.namespace());
    Ok(Ended::Done((Source::Objects(objects), scope(namespace), gaps)))
}

fn write(matrix: &PolicyMatrix, cli: &Cli, surroundings: &Surroundings) -> Result<(), CliError> {
    let style = surroundings.style(cli.common.color);
    match cli.common.output {
        Output::Table => terminal::out(&render(matrix, style, false)),
        Output::Wide => terminal::out(&render(matrix, style, true)),
        Output::Json => terminal::out(&json::json(matrix).map_err(|e| unwritable(&e))?),
        Output::Yaml => terminal::out(&json::yaml(matrix).map_err(|e| unwritable(&e))?),
        Output::Name => terminal::out_lines(matrix.workloads.iter().map(|w| format!("{}\n", sanitise::line(&w.name)))),
        Output::Sarif => cli.common.format().map(|_| ()),
        Output::Csv => terminal::out_lines(csv(&matrix.connections)),
        Output::Dot => terminal::out(&dot(matrix)),
        Output::Svg => terminal::out(&svg(matrix)),
    }
}
