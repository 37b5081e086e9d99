//! The command line: what a person types and reads.

pub mod args;
pub mod collect;
pub mod complete;
mod complete_live;
pub mod completion;
pub mod connection;
mod consent;
pub mod docs;
mod dry_run;
pub mod duration;
pub mod error;
pub mod exit;
pub mod explain;
mod going;
pub mod grammar;
mod image;
pub mod info;
mod input;
mod kubeconfig;
mod pair;
pub mod policy;
mod progress;
pub mod rbac;
mod reading;
mod recording;
mod run;
mod signals;
pub mod terminal;
pub mod version;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap::parser::ValueSource;

use crate::report::sanitise;

use args::{Cli, Command, Format};
use error::CliError;
use exit::Exit;
use terminal::Surroundings;

/// Runs the program with the arguments it was started with.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(words) = complete_live::asked(&arguments) {
        return complete_live::run(&words).into();
    }
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::CouldNotRun } else { Exit::Healthy };
            // when nobody reads it, there is nobody to tell
            drop(error.print());
            return exit.into();
        }
    };
    match dispatch(&cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error);
            Exit::CouldNotRun.into()
        }
    }
}

fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let program = arguments.first().map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
    let mut command = args::command(program.unwrap_or("kubectl-netcheck"));
    let matches = command.try_get_matches_from_mut(arguments)?;
    if let Some(text) = misplaced(&command, &matches) {
        return Err(command.error(clap::error::ErrorKind::ArgumentConflict, text));
    }
    Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command))
}

/// A flag of a question before the name of a subcommand, at any depth.
fn misplaced(command: &clap::Command, matches: &clap::ArgMatches) -> Option<String> {
    let (name, inner) = matches.subcommand()?;
    let is_here = |id: &clap::Id| {
        matches.value_source(id.as_str()) == Some(ValueSource::CommandLine)
            && command.get_arguments().any(|a| a.get_id() == id && !a.is_global_set())
    };
    if let Some(id) = matches.ids().find(|id| is_here(id)) {
        let flag = id.as_str().replace('_', "-");
        return Some(format!("--{flag} belongs to a question and has no meaning before \"{name}\""));
    }
    misplaced(command.find_subcommand(name)?, inner)
}

fn dispatch(cli: &Cli) -> Result<Exit, CliError> {
    let surroundings = Surroundings::look();
    let style = surroundings.style(cli.common.color);
    if !matches!(&cli.command, Some(Command::Policy(args)) if args.has_own_formats()) {
        cli.common.format()?;
    }
    match &cli.command {
        Some(Command::Explain(args)) => terminal::out(&explain::run(args, cli.common.format()?, style)?)?,
        Some(Command::Version(_)) => terminal::out(&version::run(cli.common.format()?)?)?,
        Some(Command::Completion(args)) => {
            if cli.common.format()? != Format::Table {
                return Err(CliError::new("a completion script has one format only", "leave -o out"));
            }
            terminal::out(&completion::script(args.shell))?;
        }
        Some(Command::Rbac(_)) => {
            if !matches!(cli.common.format()?, Format::Table | Format::Yaml) {
                return Err(CliError::new("the roles are printed as YAML only", "leave -o out"));
            }
            terminal::out(&rbac::roles())?;
        }
        Some(Command::Info(args)) => return info::run(args, cli, &surroundings),
        Some(Command::Collect(args)) => return collect::run(args, cli, &surroundings),
        Some(Command::Policy(args)) => return policy::run(args, cli, &surroundings),
        None => return pair::run(cli, &surroundings),
    }
    Ok(Exit::Healthy)
}

/// Two lines at most: what is wrong, and what to do.
fn complain(error: &CliError) {
    terminal::err(&format!("error: {}", sanitise::line(&error.cause)));
    if !error.next.is_empty() {
        terminal::err(&format!("next: {}", sanitise::line(&error.next)));
    }
}
