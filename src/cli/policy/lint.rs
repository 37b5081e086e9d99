//! `kubectl netcheck policy lint`.

use clap::Args;

use crate::discover::manifests::{self, Manifests, Severity};
use crate::model::Cluster;
use crate::plan::lint_reads;
use crate::policy::lint::{Linted, Located, Origin, lint, metas, not_read};
use crate::report::diagnosis::GapPart;
use crate::report::json;
use crate::report::page::Style;
use crate::report::policy_lint::{PlacePart, PolicyLint, render};
use crate::report::sarif::sarif;

use super::input::{self, InputArgs};
use crate::cli::args::{Cli, Format, Output};
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
/// from NC2201 on. Only objects are read and nothing is started. In a cluster, the policies of one namespace are looked at, and
/// those of the cluster; -A takes all. In manifests, -n is the namespace of objects that name none. -o wide adds what was read
/// where, -o name prints the codes alone, and -o sarif is for code hosts and editors.
///
/// Manifests need not hold all that policies are about: a selector is told only when they hold pods or workloads where it
/// looks, and what they leave open does not change the exit code. A document of a file may have 256 MiB, and a file any number
/// of documents.
///
/// The exit code is 0 without a warning (notes do not count), 1 with one, 3 without one when not everything of the cluster could
/// be read or policies are of a kind that this version does not judge, and 2 when the work could not be done.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kubectl netcheck policy lint -A                 every policy of the cluster
  kubectl netcheck policy lint -n shop -o wide    those of one namespace, with the evidence
  kubectl netcheck policy lint -f manifests/      of files, with file and line
  kubectl netcheck policy lint -f manifests/ -o sarif > lint.sarif
  helm template . | kubectl netcheck policy lint -f - -o json
  kubectl netcheck policy lint -A --from netcheck-20260731-120000.tar.gz")]
pub struct LintArgs {
    #[command(flatten)]
    pub input: InputArgs,

    /// Policies of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "files")]
    pub all_namespaces: bool,
}

pub(super) fn run(args: &LintArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    let report = if args.input.files.is_empty() {
        match of_cluster(args, cli, surroundings)? {
            Ended::Interrupted(exit) => return Ok(exit),
            Ended::Done(report) => report,
        }
    } else {
        of_manifests(args, cli)?
    };
    terminal::out(&written(&report, cli, surroundings.style(cli.common.color))?)?;
    Ok(Exit::of_report(report.exit_code))
}

fn of_manifests(args: &LintArgs, cli: &Cli) -> Result<PolicyLint, CliError> {
    let namespace = cli.connection.namespace().unwrap_or("default");
    let manifests = manifests::read(&args.input.files, namespace, false)?;
    input::tell(&manifests, |severity| severity == Severity::Notice && !cli.common.quiet);
    let mut linted = lint(&manifests.cluster, Origin::Manifests, None);
    let mut unread = Vec::new();
    for trouble in &manifests.troubles {
        match trouble.severity {
            Severity::Error => {
                unread.push((
                    PlacePart { file: trouble.file.clone(), line: trouble.line.unwrap_or(1) },
                    not_read(&trouble.file, &trouble.text),
                ));
            }
            Severity::Notice if trouble.is_policy => linted.open.push((trouble.file.clone(), trouble.text.clone())),
            Severity::Notice => {}
        }
    }
    let place = |located: &Located| place(&manifests, located);
    Ok(PolicyLint::new(&linted, &place).with_files(unread))
}

fn place(manifests: &Manifests, located: &Located) -> Option<PlacePart> {
    let (file, line) = manifests.line(&located.finding.about, &located.at)?;
    Some(PlacePart { file, line })
}

fn of_cluster(args: &LintArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Ended<PolicyLint>, CliError> {
    let bundle = args.input.from.as_deref().map(recording::open).transpose()?;
    let asked = cli.connection.namespace();
    let within = |own: &str| (!args.all_namespaces).then(|| asked.unwrap_or(own).to_owned());
    let next = |cluster: &Cluster, own: &str| lint_reads::next(own, within(own).as_deref(), cluster);
    let reads = Reads { cli, bundle, is_recorded: false, next: &next, probes: None };
    let objects = match reading::objects(reads, surroundings)? {
        Ended::Interrupted(exit) => return Ok(Ended::Interrupted(exit)),
        Ended::Done(objects) => objects,
    };
    let mut linted: Linted = lint(objects.discovery.cluster(), Origin::Cluster, within(objects.discovery.namespace()).as_deref());
    linted.is_incomplete |= objects.cut.is_some();
    let mut report = PolicyLint::new(&linted, &|_| None);
    report.gaps.extend(objects.cut.map(cut_gap).map(|gap| GapPart { what: gap.what, why: gap.why }));
    Ok(Ended::Done(report))
}

fn written(report: &PolicyLint, cli: &Cli, style: Style) -> Result<String, CliError> {
    if cli.common.output == Output::Sarif {
        return json::json(&sarif(report, &metas())).map_err(|e| unwritable(&e));
    }
    match cli.common.format()? {
        Format::Table => Ok(render(report, style, false)),
        Format::Wide => Ok(render(report, style, true)),
        Format::Json => json::json(report).map_err(|e| unwritable(&e)),
        Format::Yaml => json::yaml(report).map_err(|e| unwritable(&e)),
        Format::Name => Ok(report.names()),
    }
}
