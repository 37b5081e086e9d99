//! `kubectl netcheck collect`: the inputs of a diagnosis in one file, to be judged elsewhere or later.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::discover::Bundle;
use crate::model::{Known, Resource};
use crate::plan::collect_reads::{self, Scope};
use crate::plan::names;
use crate::report::collection::{Collection, render};
use crate::report::diagnosis::GapPart;
use crate::report::json;
use crate::report::page::Style;

use super::args::{AgentArgs, Cli, Format, PairArgs};
use super::error::CliError;
use super::exit::Exit;
use super::going::Ended;
use super::input::Input;
use super::pair::{self, unwritable};
use super::reading::{self, Reads, cut_gap};
use super::recording::refuse_existing;
use super::run::Finished;
use super::terminal::{self, Surroundings};

/// Record the inputs of a diagnosis in a file, to look at them elsewhere or later with --from.
///
/// Without a question the objects of the whole cluster are read, or those of one namespace with -n and what it shares with
/// all others, and no container is started. Any question can be asked of the file, and info of it, but nothing was measured.
///
/// With a question its objects are read and its probes run, as without "collect". The file then gives the same report.
///
/// Only what a diagnosis needs is kept of an object: no Secrets, environment variables, annotations or arguments but those
/// of network components. Names, labels and addresses are kept as they are.
///
/// The exit code is 0 when the file was written, whatever is in it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kubectl netcheck collect
  kubectl netcheck collect -n shop -w shop.tar.gz
  kubectl netcheck collect pod client to svc web
  kubectl netcheck pod client to svc web --from netcheck-20260731-120000.tar.gz
  kubectl netcheck info --from netcheck-20260731-120000.tar.gz")]
pub struct CollectArgs {
    #[command(flatten)]
    pub pair: PairArgs,

    /// The file or, without .tar.gz at its end, the directory to write; nothing is overwritten. By default the name says when.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write: Option<PathBuf>,

    #[command(flatten)]
    pub agent: AgentArgs,
}

pub(super) fn run(args: &CollectArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    let path = args.write.clone().unwrap_or_else(|| PathBuf::from(default_name(jiff::Timestamp::now())));
    refuse_existing(&path)?;
    let collected = if args.pair.words.is_empty() { objects(cli, surroundings)? } else { question(args, cli, surroundings)? };
    let (bundle, mut collection) = match collected {
        Collected::Interrupted(exit) => return Ok(exit),
        Collected::All(bundle, collection) => (bundle, *collection),
    };
    bundle.save(&path)?;
    collection.file = path.display().to_string();
    collection.size = size_of(&path);
    terminal::out(&written(&collection, cli.common.format()?, surroundings.style(cli.common.color))?)?;
    Ok(Exit::Healthy)
}

enum Collected {
    All(Box<Bundle>, Box<Collection>),
    Interrupted(Exit),
}

/// Every object that a later question may need.
fn objects(cli: &Cli, surroundings: &Surroundings) -> Result<Collected, CliError> {
    let scope = |namespace: &str| match cli.connection.namespace() {
        Some(namespace) => Scope::Namespace(namespace.to_owned()),
        None => Scope::Cluster { otherwise: namespace.to_owned() },
    };
    let next = |cluster: &_, namespace: &str| collect_reads::next(&scope(namespace), cluster);
    let reads = Reads { cli, bundle: None, is_recorded: true, next: &next, probes: None };
    match reading::objects(reads, surroundings)? {
        Ended::Interrupted(exit) => Ok(Collected::Interrupted(exit)),
        Ended::Done(objects) => {
            let all = objects.discovery.cluster().namespaces.complete(&Resource::Namespaces, None);
            if let (Some(wanted), Some(all)) = (cli.connection.namespace(), all.got())
                && !all.iter().any(|n| n.name == *wanted)
            {
                let near = names::nearest(wanted, all.iter().map(|n| n.name.as_str()));
                let next =
                    near.map_or_else(|| "list them with: kubectl get namespaces".to_owned(), |n| format!("did you mean {n:?}?"));
                return Err(CliError::new(format!("namespace {wanted:?} not found"), next));
            }
            let bundle = objects.bundle(Vec::new());
            let mut collection = in_words(&bundle);
            collection.gaps.extend(objects.cut.map(cut_gap).map(|gap| GapPart { what: gap.what, why: gap.why }));
            Ok(Collected::All(Box::new(bundle), Box::new(collection)))
        }
    }
}

/// What one question needs, probes included.
fn question(args: &CollectArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Collected, CliError> {
    pair::check_words(cli, &args.pair)?;
    let input = Input { cli, pair: &args.pair, agent: &args.agent, dry_run: false, is_recorded: true, bundle: None };
    match pair::answer(input, surroundings)? {
        Ended::Interrupted(exit) => Ok(Collected::Interrupted(exit)),
        Ended::Done(Finished::Planned(_)) => Err(CliError::new("nothing was recorded", "report this as a bug")),
        Ended::Done(Finished::Answered { diagnosis, bundle }) => {
            let mut collection = in_words(&bundle);
            collection.question = Some(format!("{} to {}", diagnosis.question.from, diagnosis.question.to));
            let cut = bundle.meta.cut_ms.map(std::time::Duration::from_millis).map(cut_gap);
            collection.gaps.extend(cut.map(|gap| GapPart { what: gap.what, why: gap.why }));
            Ok(Collected::All(bundle, Box::new(collection)))
        }
    }
}

/// Counts each object once, however many reads brought it. What is not there is no gap: most network plugins are not installed.
fn in_words(bundle: &Bundle) -> Collection {
    let mut collection = Collection::new(String::new(), 0);
    let mut kinds: BTreeMap<&Resource, BTreeSet<String>> = BTreeMap::new();
    let mut denied: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for (query, known) in &bundle.reads {
        match known {
            Known::Got(objects) => {
                let seen = kinds.entry(&query.resource).or_default();
                seen.extend(objects.iter().map(|o| o.get("metadata").unwrap_or(o).to_string()));
            }
            // the server's text repeats user, verb and kind for each: it is in the file
            Known::Denied(_) => {
                let kinds = denied.entry(query.namespace.as_deref()).or_default();
                if !kinds.contains(&query.resource.plural()) {
                    kinds.push(query.resource.plural());
                }
            }
            Known::Failed(why) => collection.gaps.push(GapPart { what: query.to_string(), why: why.clone() }),
            Known::Absent(_) | Known::Unasked => {}
        }
    }
    collection.gaps.extend(denied.into_iter().map(|(namespace, kinds)| {
        let place = namespace.map_or(String::from("of the whole cluster"), |namespace| format!("in namespace {namespace}"));
        GapPart { what: format!("{} {place}", kinds.join(", ")), why: String::from("not permitted") }
    }));
    kinds.retain(|kind, _| !matches!(kind, Resource::Version | Resource::ApiGroups));
    collection.objects = kinds.into_iter().map(|(kind, seen)| (plural(kind).to_owned(), seen.len())).collect();
    collection.measurements = bundle.measurements.len();
    let launches = bundle.launches.iter();
    collection
        .gaps
        .extend(launches.map(|l| GapPart { what: format!("agent in {}", l.pod), why: format!("{}; {}", l.cause, l.next) }));
    collection
}

/// Without the group: `deployments`, not `deployments.apps`.
fn plural(kind: &Resource) -> &str {
    if kind.is_text() { "texts" } else { kind.plural().split('.').next().unwrap_or_default() }
}

/// `netcheck-20260731-120000.tar.gz`, in UTC: two people in two places see the same name.
fn default_name(now: jiff::Timestamp) -> String {
    now.strftime("netcheck-%Y%m%d-%H%M%S.tar.gz").to_string()
}

fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = path.metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size_of(&entry.path())).sum()
}

fn written(collection: &Collection, format: Format, style: Style) -> Result<String, CliError> {
    match format {
        Format::Table | Format::Wide => Ok(render(collection, style)),
        Format::Json => json::json(collection).map_err(|e| unwritable(&e)),
        Format::Yaml => json::yaml(collection).map_err(|e| unwritable(&e)),
        Format::Name => Ok(format!("{}\n", collection.file)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when_and_sort() {
        assert_eq!(default_name("2026-07-31T12:00:09+02:00".parse().unwrap()), "netcheck-20260731-100009.tar.gz");
    }
}
