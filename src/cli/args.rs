//! The arguments as clap reads them. What they mean is decided elsewhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};

use crate::model::Protocol;

use super::connection::Connection;
use super::error::CliError;
use super::{duration, image};

/// Says in seconds, with proof, why a pod cannot (or can) reach a destination.
///
/// Name where the traffic starts and where it goes, with the word "to" between. netcheck reads the objects involved, tries
/// the connection from inside the source pod, and says what is wrong, where it was seen, and what to do next.
///
/// A SOURCE is a pod, a workload (deploy/NAME, sts/NAME, …) or node/NAME. A DESTINATION is one of these, or svc/NAME, a DNS
/// name as the pod would look it up, an address, a URL, or one of the words apiserver, internet and dns. A port follows
/// after a colon, by number or by name. A name without a namespace is looked for in the namespace of -n, else in the one
/// written with the source, else in that of the context.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "kubectl-netcheck",
    version,
    after_help = AFTER,
    after_long_help = AFTER_LONG,
    arg_required_else_help = true,
    subcommand_value_name = "COMMAND",
    max_term_width = 100
)]
pub struct Cli {
    #[command(flatten)]
    pub pair: PairArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub connection: Connection,
    #[command(subcommand)]
    pub command: Option<Command>,
}

const AFTER: &str = "\
Examples:
  kubectl netcheck pod client to svc web
  kubectl netcheck -n shop deploy/cart to svc/web:http

--help shows more, with kubectl's connection flags.";

/// Exit codes belong to the long help: scripts rely on them.
const AFTER_LONG: &str = "\
Examples:
  kubectl netcheck pod client to svc web                can a pod reach a Service, and if not, why
  kubectl netcheck -n shop deploy/cart to svc/web:http  a pod of a Deployment, a port by name
  kubectl netcheck shop/client to web.shop:80           a DNS name, looked up as the pod would
  kubectl netcheck client to https://example.com        the world outside, with DNS, TLS and HTTP
  kubectl netcheck client to 10.0.3.7:5432 --no-probes  from the objects alone: nothing is started

Exit codes:
  0  no fault of the question was found
  1  a fault was found
  2  netcheck could not do its work: bad arguments, no cluster, no such object
  3  inconclusive: no fault is proven, and not everything could be looked at
  4  something that netcheck made is left over; the command that removes it was printed
  130, 143  interrupted, after cleaning up";

/// The question and how it may be answered.
#[derive(Debug, Clone, Args)]
pub struct PairArgs {
    /// SOURCE to DESTINATION, as in: pod client to svc web.
    #[arg(value_name = "QUESTION", num_args = 0..)]
    pub words: Vec<String>,

    /// The destination's port, by number or by name.
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,

    /// The transport protocol; TCP unless the Service's port says otherwise.
    #[arg(long, value_name = "PROTOCOL", value_parser = protocol)]
    pub protocol: Option<Protocol>,

    /// How often each connection is tried.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub attempts: u32,

    /// Read only: start nothing in any pod.
    #[arg(long)]
    pub no_probes: bool,

    /// Allow agents in pods that share a node's network.
    #[arg(long)]
    pub deep: bool,

    /// Do not ask before --deep starts an agent. Only a person at a terminal is asked, and for nothing else.
    #[arg(short, long)]
    pub yes: bool,
}

/// How a run goes about it.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Print every read, object, verb and capability the run needs, and stop before anything is created.
    #[arg(long, conflicts_with_all = ["no_probes", "record", "from"])]
    pub dry_run: bool,

    #[command(flatten)]
    pub agent: AgentArgs,

    /// Replay a recorded run instead of asking a cluster.
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::AnyPath, help_heading = "Recording")]
    pub from: Option<PathBuf>,

    /// Write the inputs of this run to a file, for --from.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "from", help_heading = "Recording")]
    pub record: Option<PathBuf>,

    /// From what on the exit code is 1.
    #[arg(long, value_name = "WEIGHT", value_enum, default_value_t = FailOn::Cause)]
    pub fail_on: FailOn,
}

/// The agents a run starts.
#[derive(Debug, Clone, Args)]
pub struct AgentArgs {
    /// The agent's image, for private registries.
    #[arg(long, value_name = "IMAGE", env = "NETCHECK_IMAGE", hide_env_values = true, value_parser = image::parse, help_heading = "Agent")]
    pub image: Option<String>,

    /// When a node pulls the agent's image.
    #[arg(long, value_name = "POLICY", value_enum, ignore_case = true, default_value_t = PullPolicy::IfNotPresent, help_heading = "Agent")]
    pub image_pull_policy: PullPolicy,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy
    /// matrix, sarif for policy lint.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Output::Table, global = true)]
    pub output: Output,

    /// When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, global = true)]
    pub color: Color,

    /// No progress and no notices.
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Say on stderr what is read and tried.
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,

    /// End the whole run after this long with what is known by then, as 30s or 2m.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::limit, global = true)]
    pub timeout: Duration,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    Info(super::info::InfoArgs),
    Collect(super::collect::CollectArgs),
    Policy(super::policy::PolicyArgs),
    Rbac(super::rbac::RbacArgs),
    Explain(super::explain::ExplainArgs),
    Completion(super::completion::CompletionArgs),
    Version(super::version::VersionArgs),
}

/// How a result is to be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Table,
    Wide,
    Json,
    Yaml,
    Name,
    Csv,
    Sarif,
    Dot,
    Svg,
}

impl Common {
    /// The format of a report that has no others than those of every report.
    pub fn format(&self) -> Result<Format, CliError> {
        match self.output {
            Output::Table => Ok(Format::Table),
            Output::Wide => Ok(Format::Wide),
            Output::Json => Ok(Format::Json),
            Output::Yaml => Ok(Format::Yaml),
            Output::Name => Ok(Format::Name),
            Output::Csv | Output::Dot | Output::Svg => Err(CliError::new("only policy matrix has this format", "use -o json")),
            Output::Sarif => Err(CliError::new("only policy lint has this format", "use -o json")),
        }
    }
}

/// The formats of every report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// `imagePullPolicy`, spelled as Kubernetes does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PullPolicy {
    #[value(name = "IfNotPresent")]
    IfNotPresent,
    #[value(name = "Always")]
    Always,
    #[value(name = "Never")]
    Never,
}

/// From what on a finding makes the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A fault of this question.
    Cause,
    /// Also one of another question.
    Warning,
    /// Never: 0 where it would be 1.
    Never,
}

pub(super) fn protocol(text: &str) -> Result<Protocol, String> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "sctp" => Ok(Protocol::Sctp),
        _ => Err(String::from("it is tcp, udp or sctp")),
    }
}

/// The command line under the name it was called by. kubectl runs `kubectl-netcheck`, and people type `kubectl netcheck`.
pub fn command(program: &str) -> clap::Command {
    let name = match program.strip_prefix("kubectl-") {
        Some(plugin) => format!("kubectl {plugin}"),
        None => program.to_owned(),
    };
    let usage = format!("{name} [OPTIONS] SOURCE to DESTINATION\n       {name} [OPTIONS] COMMAND");
    let rename = |text: &str| text.replace("kubectl netcheck", &name);
    Cli::command().bin_name(&name).override_usage(usage).after_help(rename(AFTER)).after_long_help(rename(AFTER_LONG))
}
