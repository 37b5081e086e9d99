//! Documents that are written from the program itself: `docs/` and `completions/`. A test compares them.

use clap::ValueEnum as _;

use crate::correlate;
use crate::finding::Meta;
use crate::report::schema;

use super::args;
use super::completion::{self, Shell};
use super::rbac;

const GENERATED: &str = "<!-- Written by the program: UPDATE=1 cargo test --test it generated -->\n";

/// Path below the repository's root, and content.
pub type Document = (String, String);

/// Every generated file.
pub fn all() -> Result<Vec<Document>, serde_json::Error> {
    let mut documents = vec![
        (String::from("docs/cli.md"), reference()),
        (String::from("docs/report.schema.json"), schema::diagnosis()?),
        (String::from("docs/info.schema.json"), schema::info()?),
        (String::from("docs/policy.schema.json"), schema::policy_pair()?),
        (String::from("docs/policy-lint.schema.json"), schema::policy_lint()?),
        (String::from("docs/policy-matrix.schema.json"), schema::policy_matrix()?),
        (String::from("docs/policy-matrix-diff.schema.json"), schema::policy_matrix_diff()?),
        (String::from("docs/rbac.yaml"), rbac::roles()),
        (String::from("docs/findings/README.md"), index(&correlate::metas())),
    ];
    documents.extend(correlate::metas().iter().map(|m| (format!("docs/findings/{}.md", m.code), page(m))));
    documents.extend(Shell::value_variants().iter().map(|s| (format!("completions/{}", s.file_name()), completion::script(*s))));
    Ok(documents)
}

/// The help of every command.
fn reference() -> String {
    let mut command = args::command("kubectl-netcheck").term_width(100);
    command.build();
    let mut text = format!("{GENERATED}# Command line\n\n");
    section(&mut text, &mut command);
    subcommands(&mut text, &mut command);
    text.push_str("Every command takes kubectl's connection flags too.\n");
    text
}

fn subcommands(text: &mut String, command: &mut clap::Command) {
    for sub in command.get_subcommands_mut().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        // kubectl's flags are the same everywhere: once is enough
        let mut own = sub.clone().mut_args(|a| if a.is_global_set() { a.hide(true) } else { a });
        section(text, &mut own);
        subcommands(text, sub);
    }
}

fn section(text: &mut String, command: &mut clap::Command) {
    let name = command.get_bin_name().unwrap_or("kubectl netcheck").to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let help = help.join("\n");
    let lines = ["## ", &name, "\n\n```text\n", help.trim_end(), "\n```\n\n"];
    text.extend(lines);
}

fn index(metas: &[&Meta]) -> String {
    let mut text = format!("{GENERATED}# Findings\n\n| code | finding |\n|---|---|\n");
    for meta in metas {
        let row = format!("| [{code}]({code}.md) | {} |\n", meta.title, code = meta.code);
        text.push_str(&row);
    }
    text
}

fn page(meta: &Meta) -> String {
    format!("{GENERATED}# {} {}\n\n{}", meta.code, meta.title, meta.markdown())
}
