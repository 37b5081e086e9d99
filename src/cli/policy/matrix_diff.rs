//! `kubectl netcheck policy matrix --diff`: what another state of the policies changes.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::discover::Bundle;
use crate::model::Cluster;
use crate::plan::matrix_reads;
use crate::policy::{self, Scope};
use crate::report::diagnosis::GapPart;
use crate::report::json;
use crate::report::policy_matrix::{ChangePart, PolicyMatrixDiff, csv_of_changes, render_diff};
use crate::report::sanitise;

use super::matrix::{MatrixArgs, Source};
use crate::cli::args::{Cli, Output};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::going::Ended;
use crate::cli::pair::unwritable;
use crate::cli::policy::input;
use crate::cli::reading::{self, Reads};
use crate::cli::recording;
use crate::cli::terminal::{self, Surroundings};

/// The first bytes of a gzip member (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

pub(super) fn run(
    args: &MatrixArgs,
    cli: &Cli,
    surroundings: &Surroundings,
    (source, scope): (&Source, &Scope),
    gaps: Vec<GapPart>,
) -> Result<Exit, CliError> {
    let before = source.cluster();
    let mut diff = match bundle(&args.diff)? {
        Some((bundle, how)) => {
            let after = match recorded(cli, surroundings, bundle, scope)? {
                Ended::Interrupted(exit) => return Ok(exit),
                Ended::Done(source) => source,
            };
            policy::compare(scope, before, after.cluster(), &how)
        }
        None => with_manifests(args, cli, source, scope)?,
    };
    diff.gaps.extend(gaps);
    write(&diff, cli, surroundings)?;
    Ok(Exit::of_report(diff.exit_code))
}

/// A recorded run, and what the report calls it.
fn bundle(paths: &[PathBuf]) -> Result<Option<(Bundle, String)>, CliError> {
    if !paths.iter().any(|path| is_bundle(path)) {
        return Ok(None);
    }
    let [path] = paths else {
        return Err(CliError::new("--diff takes one recorded run, or manifests", "leave the others out"));
    };
    Ok(Some((recording::open(path)?, format!("the objects of {}", path.display()))))
}

fn is_bundle(path: &Path) -> bool {
    if path.as_os_str() == "demo" || path.join("bundle.json").is_file() {
        return true;
    }
    let mut first = [0_u8; 2];
    std::fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut first).is_ok() && first == GZIP)
}

fn recorded(cli: &Cli, surroundings: &Surroundings, bundle: Bundle, scope: &Scope) -> Result<Ended<Source>, CliError> {
    let next = |cluster: &Cluster, _: &str| matrix_reads::next(scope.namespace.as_deref(), cluster);
    let reads = Reads { cli, bundle: Some(bundle), is_recorded: false, next: &next, probes: None };
    Ok(match reading::objects(reads, surroundings)? {
        Ended::Interrupted(exit) => Ended::Interrupted(exit),
        Ended::Done(objects) => Ended::Done(Source::Objects(objects)),
    })
}

/// Manifests are applied to a cluster. Beside other manifests they are all there is, unless they hold nothing but policies.
fn with_manifests(args: &MatrixArgs, cli: &Cli, source: &Source, scope: &Scope) -> Result<PolicyMatrixDiff, CliError> {
    let manifests = input::read(&args.diff, cli, false)?;
    let unread = input::gaps(&manifests).len();
    if unread > 0 {
        let cause = format!("{unread} parts of the manifests of --diff cannot be read, so what they change is not known");
        return Err(CliError::new(cause, "correct what the lines above name"));
    }
    let names: Vec<String> = args.diff.iter().map(|path| path.display().to_string()).collect();
    let names = names.join(", ");
    let (before, other) = (source.cluster(), &manifests.cluster);
    Ok(match source {
        Source::Objects(_) => {
            let after = policy::applied(before, other);
            policy::compare(scope, before, &after, &format!("{names} applied"))
        }
        Source::Manifests(_) if other.pods.seen().next().is_none() => {
            let after = policy::with_policies_of(before, other);
            policy::compare(scope, before, &after, &format!("the policies of {names} in place of all"))
        }
        Source::Manifests(_) => policy::compare(scope, before, other, &format!("the manifests of {names} in place of all")),
    })
}

fn write(diff: &PolicyMatrixDiff, cli: &Cli, surroundings: &Surroundings) -> Result<(), CliError> {
    let style = surroundings.style(cli.common.color);
    match cli.common.output {
        Output::Table => terminal::out(&render_diff(diff, style, false)),
        Output::Wide => terminal::out(&render_diff(diff, style, true)),
        Output::Json => terminal::out(&json::json(diff).map_err(|e| unwritable(&e))?),
        Output::Yaml => terminal::out(&json::yaml(diff).map_err(|e| unwritable(&e))?),
        Output::Csv => terminal::out_lines(csv_of_changes(&diff.changes)),
        Output::Sarif => cli.common.format().map(|_| ()),
        Output::Dot | Output::Svg => Err(CliError::new("a comparison has no such format", "use -o table, csv or json")),
        Output::Name => {
            let line = |change: &ChangePart| {
                let name = format!("{} {} {}/{}", change.from, change.to, change.port, change.protocol);
                format!("{} {}\n", sanitise::line(&name), change.after.outcome.word())
            };
            terminal::out_lines(diff.changes.iter().map(line))
        }
    }
}
