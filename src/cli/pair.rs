//! A pair diagnosis from words to report.

use crate::discover::Bundle;
use crate::model::Request;
use crate::report::diagnosis::Diagnosis;
use crate::report::{json, page::Style, text};

use super::args::{self, Cli, FailOn, Format, PairArgs};
use super::dry_run;
use super::error::CliError;
use super::exit::Exit;
use super::going::{Ended, to_its_end};
use super::grammar::kinds::nearest_of;
use super::grammar::{self, Defaults};
use super::input::Input;
use super::recording::{open, record, refuse_existing};
use super::run::{Finished, Run};
use super::terminal::{self, Surroundings};

/// Answers the question on the command line, or the one in the bundle it names.
pub(super) fn run(cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    let bundle = cli.run.from.as_deref().map(open).transpose()?;
    let pair = match &bundle {
        Some(bundle) if cli.pair.words.is_empty() => recorded_question(bundle)?,
        _ => cli.pair.clone(),
    };
    // words are checked before anything is asked: the namespace of the context changes no error
    check_words(cli, &pair).map_err(|e| mistyped_command(&pair, e))?;
    if let Some(path) = &cli.run.record {
        refuse_existing(path)?;
    }
    let is_recorded = cli.run.record.is_some();
    let input = Input { cli, pair: &pair, agent: &cli.run.agent, dry_run: cli.run.dry_run, is_recorded, bundle };
    let finished = answer(input, surroundings)?;
    let style = surroundings.style(cli.common.color);
    match finished {
        Ended::Interrupted(exit) => Ok(exit),
        Ended::Done(Finished::Planned(plan)) => {
            terminal::out(&dry_run::render(&plan, cli.common.format()?, style)?)?;
            Ok(Exit::Healthy)
        }
        Ended::Done(Finished::Answered { diagnosis, bundle }) => {
            terminal::out(&render(&diagnosis, cli.common.format()?, style)?)?;
            if let Some(path) = &cli.run.record {
                record(&bundle, path, cli)?;
            }
            Ok(exit(&diagnosis, cli.run.fail_on))
        }
    }
}

/// Says what is wrong with the words before anything is asked.
pub(super) fn check_words(cli: &Cli, pair: &PairArgs) -> Result<(), CliError> {
    grammar::parse(&pair.words, &defaults(cli, pair, "default")).map(|_| ())
}

/// Runs a question.
pub(super) fn answer(input: Input<'_>, surroundings: &Surroundings) -> Result<Ended<Finished>, CliError> {
    let cli = input.cli;
    to_its_end(cli, surroundings, |progress, cancel| Run::new(input, progress, cancel))
}

fn recorded_question(bundle: &Bundle) -> Result<PairArgs, CliError> {
    let arguments = std::iter::once("kubectl-netcheck").chain(bundle.meta.arguments.iter().map(String::as_str));
    let cli: Result<Cli, clap::Error> = clap::Parser::try_parse_from(arguments);
    match cli {
        Ok(cli) if !cli.pair.words.is_empty() => Ok(cli.pair),
        Ok(_) => Err(CliError::new(
            "the bundle was recorded without a question",
            "add one: kubectl netcheck pod client to svc web --from BUNDLE",
        )),
        Err(_) => Err(CliError::new("the bundle's question cannot be read", "write it behind: kubectl netcheck … --from BUNDLE")),
    }
}

/// What a bundle keeps of the command line: the question, and nothing of the connection.
pub(super) fn arguments(request: &Request, pair: &PairArgs) -> Vec<String> {
    let mut arguments = pair.words.clone();
    let mut flag = |name: &str, value: Option<String>| {
        arguments.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    };
    flag("--port", pair.port.clone());
    flag("--protocol", pair.protocol.map(|p| p.to_string().to_lowercase()));
    flag("--attempts", Some(pair.attempts.to_string()));
    arguments.extend(request.no_probes.then(|| String::from("--no-probes")));
    arguments.extend(pair.deep.then(|| String::from("--deep")));
    arguments
}

pub(super) fn defaults(cli: &Cli, pair: &PairArgs, context_namespace: &str) -> Defaults {
    Defaults {
        namespace: cli.connection.namespace().map(str::to_owned),
        context_namespace: context_namespace.to_owned(),
        port: pair.port.clone(),
        protocol: pair.protocol,
        attempts: pair.attempts,
        deep: pair.deep,
        no_probes: pair.no_probes,
        outside: false,
    }
}

/// A word that is nearly a command is more likely that than a question.
fn mistyped_command(pair: &PairArgs, error: CliError) -> CliError {
    let [word] = pair.words.as_slice() else { return error };
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

fn render(diagnosis: &Diagnosis, format: Format, style: Style) -> Result<String, CliError> {
    match format {
        Format::Table => Ok(text::render(diagnosis, style, false)),
        Format::Wide => Ok(text::render(diagnosis, style, true)),
        Format::Json => json::json(diagnosis).map_err(|e| unwritable(&e)),
        Format::Yaml => json::yaml(diagnosis).map_err(|e| unwritable(&e)),
        Format::Name => Ok(json::names(diagnosis)),
    }
}

pub(super) fn unwritable(error: &serde_json::Error) -> CliError {
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
