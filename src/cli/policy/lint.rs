//! `kubectl netcheck policy lint`.

use clap::Args;

use crate::discover::manifests::Manifests;
use crate::model::Cluster;
use crate::plan::lint_reads;
use crate::policy::lint::{Linted, Located, Origin, lint};
use crate::report::diagnosis::GapPart;
use crate::report::json;
use crate::report::page::Style;
use crate::report::policy_lint::{PlacePart, PolicyLint, render};

use super::input::{self, InputArgs};
use crate::cli::args::{Cli, Format};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::going::Ended;
use crate::cli::pair::unwritable;
use crate::cli::reading::{self, Reads, cut_gap};
use crate::cli::recording;
use crate::cli::terminal::{self, Surroundings};

/// Say what is wrong with policies as they are written: in a cluster, a recorded run, or manifests.
///
/// Selectors that find nothing, ports that nobody has, egress that leaves out DNS, and more: `explain` has a page for each code,
/// from NC2201 on. Only objects are read and nothing is started. -n takes the policies of one namespace alone; in manifests it is the
/// namespace of objects that name none. -o wide adds what was read where; -o name prints the codes alone.
///
/// Manifests need not hold all that policies are about: a selector is told only when they hold pods or workloads where it
/// looks, and what they leave open does not change the exit code.
///
/// The exit code is 0 without a warning (notes do not count), 1 with one, 3 without one when not everything of the cluster could
/// be read, and 2 when the work could not be done.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kubectl netcheck policy lint                    the policies of the cluster
  kubectl netcheck policy lint -n shop -o wide    of one namespace, with the evidence
  kubectl netcheck policy lint -f manifests/      of files, with file and line
  helm template . | kubectl netcheck policy lint -f - -o json
  kubectl netcheck policy lint --from netcheck-20260731-120000.tar.gz")]
pub struct LintArgs {
    #[command(flatten)]
    pub input: InputArgs,
}

pub(super) fn run(args: &LintArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    let report = if args.input.files.is_empty() {
        match of_cluster(args, cli, surroundings)? {
            Ended::Interrupted(exit) => return Ok(exit),
            Ended::Done(report) => report,
        }
    } else {
        of_manifests(&input::read(&args.input.files, cli, false)?)
    };
    terminal::out(&written(&report, cli.common.output, surroundings.style(cli.common.color))?)?;
    Ok(Exit::of_report(report.exit_code))
}

fn of_manifests(manifests: &Manifests) -> PolicyLint {
    let linted = lint(&manifests.cluster, Origin::Manifests, None);
    let place = |located: &Located| {
        let (file, line) = manifests.line(&located.finding.about, &located.at)?;
        Some(PlacePart { file, line })
    };
    let mut report = PolicyLint::new(&linted, &place);
    report.gaps.extend(input::gaps(manifests));
    report
}

fn of_cluster(args: &LintArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Ended<PolicyLint>, CliError> {
    let bundle = args.input.from.as_deref().map(recording::open).transpose()?;
    let only = cli.connection.namespace();
    let next = |cluster: &Cluster, namespace: &str| lint_reads::next(namespace, only, cluster);
    let reads = Reads { cli, bundle, is_recorded: false, next: &next, probes: None };
    let objects = match reading::objects(reads, surroundings)? {
        Ended::Interrupted(exit) => return Ok(Ended::Interrupted(exit)),
        Ended::Done(objects) => objects,
    };
    let mut linted: Linted = lint(objects.discovery.cluster(), Origin::Cluster, only);
    linted.is_incomplete |= objects.cut.is_some();
    let mut report = PolicyLint::new(&linted, &|_| None);
    report.gaps.extend(objects.cut.map(cut_gap).map(|gap| GapPart { what: gap.what, why: gap.why }));
    Ok(Ended::Done(report))
}

fn written(report: &PolicyLint, format: Format, style: Style) -> Result<String, CliError> {
    match format {
        Format::Table => Ok(render(report, style, false)),
        Format::Wide => Ok(render(report, style, true)),
        Format::Json => json::json(report).map_err(|e| unwritable(&e)),
        Format::Yaml => json::yaml(report).map_err(|e| unwritable(&e)),
        Format::Name => Ok(report.names()),
    }
}
