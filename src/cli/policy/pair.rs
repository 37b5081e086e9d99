//! `kubectl netcheck policy A to B`.

use crate::plan::{policy_reads, resolve};
use crate::policy;
use crate::report::diagnosis::GapPart;
use crate::report::json;
use crate::report::page::Style;
use crate::report::policy_pair::PolicyAnswer;
use crate::report::policy_text::render;

use super::PolicyArgs;
use crate::cli::args::{Cli, Format};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::going::Ended;
use crate::cli::grammar::{self, Defaults};
use crate::cli::pair::unwritable;
use crate::cli::reading::{self, Reads, cut_gap};
use crate::cli::terminal::{self, Surroundings};

pub(super) fn run(args: &PolicyArgs, cli: &Cli, surroundings: &Surroundings) -> Result<Exit, CliError> {
    let request = |namespace: &str| grammar::parse(&args.question.words, &defaults(args, cli, namespace));
    request("default")?;
    let (bundle, gaps) = args.input.bundle(cli)?;
    let next = |cluster: &_, namespace: &str| {
        request(namespace).map_or_else(|_| Vec::new(), |request| policy_reads::next(&request, cluster))
    };
    let reads = Reads { cli, bundle, is_recorded: false, next: &next, probes: None };
    let objects = match reading::objects(reads, surroundings)? {
        Ended::Interrupted(exit) => return Ok(exit),
        Ended::Done(objects) => objects,
    };
    let cluster = objects.discovery.cluster();
    let question = resolve::question(&request(objects.discovery.namespace())?, cluster)?;
    let mut answer = policy::answer(&question, cluster);
    answer.gaps.extend(gaps);
    answer.gaps.extend(objects.cut.map(cut_gap).map(|gap| GapPart { what: gap.what, why: gap.why }));
    terminal::out(&written(&answer, cli.common.format()?, surroundings.style(cli.common.color))?)?;
    Ok(Exit::of_report(answer.exit_code))
}

fn defaults(args: &PolicyArgs, cli: &Cli, context_namespace: &str) -> Defaults {
    Defaults {
        namespace: cli.connection.namespace().map(str::to_owned),
        context_namespace: context_namespace.to_owned(),
        port: args.question.port.clone(),
        protocol: args.question.protocol,
        attempts: 1,
        deep: false,
        no_probes: true,
        outside: true,
    }
}

fn written(answer: &PolicyAnswer, format: Format, style: Style) -> Result<String, CliError> {
    match format {
        Format::Table => Ok(render(answer, style, false)),
        Format::Wide => Ok(render(answer, style, true)),
        Format::Json => json::json(answer).map_err(|e| unwritable(&e)),
        Format::Yaml => json::yaml(answer).map_err(|e| unwritable(&e)),
        Format::Name => Ok(format!("{}\n", answer.outcome.word())),
    }
}
