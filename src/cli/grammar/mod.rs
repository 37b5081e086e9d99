//! The words of a pair question: `pod client to svc web`.
//!
//! Pure: words and defaults in, a [`Request`] or one line of error out.

mod end;
pub mod kinds;
mod port;

use crate::model::{PortRef, Protocol, Request};

use super::error::CliError;
use end::{End, EndError};

/// What flags and kubeconfig add to the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// `-n`, when given: it holds for every name without a namespace.
    pub namespace: Option<String>,
    /// The context's namespace, or `default`.
    pub context_namespace: String,
    /// `--port`.
    pub port: Option<String>,
    pub protocol: Option<Protocol>,
    pub attempts: u32,
    pub deep: bool,
    pub no_probes: bool,
    /// Traffic may start outside the cluster: nothing is to be tried.
    pub outside: bool,
}

const EXAMPLE: &str = "write it like: kubectl netcheck pod client to svc web";

/// Reads the question. Objects keep the namespace they were written with; the others get, in this order, the `-n` flag's,
/// the one written with the source, the context's.
///
/// # Errors
/// One line that says what is wrong with the words, and the next step.
pub fn parse(words: &[String], defaults: &Defaults) -> Result<Request, CliError> {
    let (from, to) = split(words)?;
    let outside = end::outside(&from).filter(|_| defaults.outside);
    let source = if outside.is_some() { None } else { Some(end::source(&from).map_err(|e| e.about("source"))?) };
    let destination = end::destination(&to).map_err(|e| e.about("destination"))?;

    let written = source.as_ref().and_then(|s| s.namespace.clone());
    let namespace = defaults.namespace.clone().or(written).unwrap_or_else(|| defaults.context_namespace.clone());
    let source = match (outside, source) {
        (Some(outside), _) => outside,
        (None, Some(source)) => source.into_source(&namespace)?,
        (None, None) => return Err(CliError::new("no source", EXAMPLE)),
    };
    let flag = defaults.port.as_deref().map(port::read).transpose().map_err(|e| e.about("--port"))?;
    let port = one_port(flag, destination.port.clone())?;
    if flag_meets_url(defaults, &destination) {
        return Err(CliError::new("--port and a URL both say the port", "write the port inside the URL"));
    }
    Ok(Request {
        source,
        destination: destination.into_destination(&namespace),
        namespace,
        port,
        protocol: defaults.protocol,
        attempts: defaults.attempts,
        deep: defaults.deep,
        no_probes: defaults.no_probes,
    })
}

fn flag_meets_url(defaults: &Defaults, destination: &End) -> bool {
    defaults.port.is_some() && destination.is_url()
}

fn one_port(flag: Option<PortRef>, written: Option<PortRef>) -> Result<Option<PortRef>, CliError> {
    match (flag, written) {
        (Some(flag), Some(written)) if flag != written => {
            Err(CliError::new(format!("two ports: {written} behind the destination, and --port {flag}"), "write the port once"))
        }
        (flag, written) => Ok(flag.or(written)),
    }
}

/// Cuts the words at the `to` that leaves one or two words on each side. An object may itself be named `to`.
fn split(words: &[String]) -> Result<(Vec<&str>, Vec<&str>), CliError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let cuts: Vec<(Vec<&str>, Vec<&str>)> = words
        .iter()
        .enumerate()
        .filter(|(_, word)| **word == "to")
        .map(|(at, _)| {
            let (left, right) = words.split_at(at);
            (left.to_vec(), right.iter().skip(1).copied().collect())
        })
        .collect();
    let fits = |(left, right): &&(Vec<&str>, Vec<&str>)| (1..=2).contains(&left.len()) && (1..=2).contains(&right.len());
    let reads = |(left, right): &&(Vec<&str>, Vec<&str>)| end::source(left).is_ok() && end::destination(right).is_ok();
    let best = cuts.iter().filter(fits).find(reads).or_else(|| cuts.iter().find(fits));
    match (best, cuts.first()) {
        (Some((left, right)), _) => Ok((left.clone(), right.clone())),
        (None, Some((left, right))) => Err(misfit(left, right)),
        (None, None) => Err(without_to(&words)),
    }
}

/// Why a cut that has a `to` has no two ends.
fn misfit(left: &[&str], right: &[&str]) -> CliError {
    if left.is_empty() {
        return CliError::new("no source before \"to\"", EXAMPLE);
    }
    if right.is_empty() {
        return CliError::new("no destination after \"to\"", EXAMPLE);
    }
    let (side, words) = if left.len() > 2 { ("source", left) } else { ("destination", right) };
    CliError::new(
        format!("more than one {side}: {}", end::quote(&words.join(" "))),
        "ask about one source and one destination at a time",
    )
}

fn without_to(words: &[&str]) -> CliError {
    match words {
        [] => CliError::new("no question", EXAMPLE),
        [only] if only.contains(" to ") => {
            CliError::new("the question is one quoted word", format!("leave the quotes out: kubectl netcheck {}", only.trim()))
        }
        [.., last] if matches!(*last, "from" | "->" | "=>") => CliError::new("no \"to\" between source and destination", EXAMPLE),
        _ => CliError::new(format!("no \"to\" between source and destination in {}", end::quote(&words.join(" "))), EXAMPLE),
    }
}

impl EndError {
    fn about(self, side: &str) -> CliError {
        CliError::new(format!("{side}: {}", self.cause), self.next)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
