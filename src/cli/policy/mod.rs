//! `kubectl netcheck policy`: who may talk to whom, from the objects alone.

pub mod input;
pub mod lint;
pub mod matrix;
mod matrix_diff;
mod pair;

use clap::{Args, Subcommand};

use crate::model::Protocol;

use super::args::{self, Cli};
use super::error::CliError;
use super::exit::Exit;
use super::terminal::Surroundings;

/// Say whether the policies allow a connection, and which rule decides.
///
/// The question is written as without "policy", and may start outside: at an address or in the internet. Only objects are
/// read and nothing is started: the answer is what the policies say, whether or not something enforces them. A Service is
/// judged after its address was translated: for the pod and the port of each endpoint.
///
/// Every policy that takes part is told, with the rules that match and why the others do not, and the smallest change that
/// would turn the answer round. -o wide names every rule; -o name prints the outcome alone.
///
/// The exit code is 0 when the connection is allowed, 1 when it is denied, 3 when it is undetermined, and 2 when the
/// question could not be asked.
#[derive(Debug, Clone, Args)]
#[command(
    subcommand_value_name = "COMMAND",
    arg_required_else_help = true,
    after_help = "Examples:
  kubectl netcheck policy pod client to svc web
  kubectl netcheck policy -n shop deploy/cart to svc/web:http
  kubectl netcheck policy shop/client to 10.0.3.7:5432
  kubectl netcheck policy internet to svc web
  kubectl netcheck policy pod client to dns --protocol tcp -o json
  kubectl netcheck policy pod client to svc web --from netcheck-20260731-120000.tar.gz
  kubectl netcheck policy deploy/cart to deploy/web:8080 -f manifests/"
)]
pub struct PolicyArgs {
    #[command(flatten)]
    pub question: QuestionArgs,

    #[command(flatten)]
    pub input: input::InputArgs,

    #[command(subcommand)]
    pub command: Option<PolicyCommand>,
}

/// A question without what concerns probes.
#[derive(Debug, Clone, Args)]
pub struct QuestionArgs {
    /// SOURCE to DESTINATION, as in: pod client to svc web.
    #[arg(value_name = "QUESTION", num_args = 0..)]
    pub words: Vec<String>,

    /// The destination's port, by number or by name.
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,

    /// The transport protocol; TCP unless the Service's port says otherwise.
    #[arg(long, value_name = "PROTOCOL", value_parser = args::protocol)]
    pub protocol: Option<Protocol>,
}

/// What else can be asked of the policies: one file each.
#[derive(Debug, Clone, Subcommand)]
pub enum PolicyCommand {
    Lint(lint::LintArgs),
    Matrix(matrix::MatrixArgs),
}

impl PolicyArgs {
    /// It prints more formats than every report has.
    pub(super) fn has_own_formats(&self) -> bool {
        self.command.is_some()
    }
}

pub(super) fn run(args: &PolicyArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    match &args.command {
        Some(PolicyCommand::Lint(lint)) => lint::run(lint, cli, surroundings),
        Some(PolicyCommand::Matrix(args)) => matrix::run(args, cli, surroundings),
        None => pair::run(args, cli, surroundings),
    }
}
