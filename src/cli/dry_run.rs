//! `--dry-run`: everything a run would do, before it does it.

use serde_json::{Value, json};

use crate::correlate::measurement;
use crate::deploy::{self, AgentOptions};
use crate::model::{ObjectRef, Query};
use crate::plan::Step;
use crate::plan::steps::MAX_DESTINATION_AGENTS;
use crate::report::diagnosis::API_VERSION;
use crate::report::json;
use crate::report::page::{Ink, Page, Style};

use super::args::Format;
use super::error::CliError;
use super::pair::unwritable;

/// What a run read, and what it would start.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) reads: Vec<Query>,
    /// The first wave; later ones depend on its answers.
    pub(super) steps: Vec<Step>,
    /// Pods an agent may be started in later: only when connections to them fail.
    pub(super) later: Vec<ObjectRef>,
    pub(super) agents: AgentOptions,
}

impl Plan {
    fn pods(&self) -> Vec<&ObjectRef> {
        let mut pods: Vec<&ObjectRef> = Vec::new();
        for step in &self.steps {
            if !pods.contains(&&step.from) {
                pods.push(&step.from);
            }
        }
        pods
    }

    fn data(&self) -> Value {
        let creates = self.pods().into_iter().map(|pod| {
            json!({
                "object": pod.to_string(),
                "verbs": ["patch pods/ephemeralcontainers", "get pods/exec", "create pods/exec"],
                "container": deploy::container(&self.agents, "netcheck-NAME"),
                "when": "always",
            })
        });
        let later = self.later.iter().map(|pod| {
            json!({
                "object": pod.to_string(),
                "verbs": ["patch pods/ephemeralcontainers", "get pods/exec", "create pods/exec"],
                "container": deploy::container(&self.agents, "netcheck-NAME"),
                "when": format!("connections to it fail; at most {MAX_DESTINATION_AGENTS} of these"),
            })
        });
        let creates = creates.chain(later);
        let probes =
            self.steps.iter().map(|s| json!({ "from": s.from.to_string(), "probe": measurement::label(&s.spec), "why": s.why }));
        json!({
            "apiVersion": API_VERSION,
            "kind": "Plan",
            "reads": self.reads.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "creates": creates.collect::<Vec<_>>(),
            "probes": probes.collect::<Vec<_>>(),
        })
    }
}

pub(super) fn render(plan: &Plan, format: Format, style: Style) -> Result<String, CliError> {
    match format {
        Format::Table | Format::Wide => text(plan, style),
        Format::Json => json::json(&plan.data()).map_err(|e| unwritable(&e)),
        Format::Yaml => json::yaml(&plan.data()).map_err(|e| unwritable(&e)),
        Format::Name => Ok(plan.pods().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n"),
    }
}

fn text(plan: &Plan, style: Style) -> Result<String, CliError> {
    let mut page = Page::new(style);
    page.paragraph(0, 0, &[(Ink::Bold, "Read, changing nothing (done already, to know what comes next)")]);
    for query in &plan.reads {
        page.paragraph(2, 2, &[(Ink::Plain, &query.to_string())]);
    }
    page.blank();
    let pods = plan.pods();
    if pods.is_empty() {
        page.paragraph(0, 0, &[(Ink::Bold, "Nothing would be started.")]);
        return Ok(page.finish());
    }
    page.paragraph(
        0,
        0,
        &[(Ink::Bold, "Would start one ephemeral container in each of these pods, unless one of ours still runs there")],
    );
    for pod in pods {
        page.paragraph(2, 2, &[(Ink::Plain, &pod.to_string())]);
    }
    if !plan.later.is_empty() {
        let most = plan.later.len().min(MAX_DESTINATION_AGENTS);
        let words = format!("And, only when connections to it fail, in at most {most} of these, to see who listens there");
        page.paragraph(0, 0, &[(Ink::Bold, &words)]);
        for pod in &plan.later {
            page.paragraph(2, 2, &[(Ink::Plain, &pod.to_string())]);
        }
    }
    page.paragraph(
        2,
        0,
        &[(
            Ink::Plain,
            "verbs: patch pods/ephemeralcontainers, then get and create pods/exec. No capability is added and all are dropped. \
             Its process ends by itself; its entry stays in the pod's specification until the pod goes.",
        )],
    );
    page.blank();
    let container = json::yaml(&deploy::container(&plan.agents, "netcheck-NAME")).map_err(|e| unwritable(&e))?;
    page.verbatim(4, &container);
    page.blank();
    page.paragraph(0, 0, &[(Ink::Bold, "Would try from inside them, and after that what the answers leave open")]);
    let rows: Vec<Vec<String>> =
        plan.steps.iter().map(|s| vec![s.from.to_string(), measurement::label(&s.spec), s.why.clone()]).collect();
    page.table(2, &["FROM", "PROBE", "WHY"], &rows);
    Ok(page.finish())
}
