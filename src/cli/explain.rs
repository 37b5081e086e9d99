//! `kubectl netcheck explain`: the page of a finding.

use clap::Args;

use crate::correlate;
use crate::finding::Meta;
use crate::report::json;
use crate::report::page::{Ink, Page, Style};

use super::args::Format;
use super::error::CliError;
use super::grammar::kinds::nearest_of;

/// Say what a finding means and how to mend it.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  kubectl netcheck explain          every code\n  kubectl netcheck explain NC3001   one of them"
)]
pub struct ExplainArgs {
    /// The code, as NC3001; without it all codes are listed.
    pub code: Option<String>,
}

pub(super) fn run(args: &ExplainArgs, format: Format, style: Style) -> Result<String, CliError> {
    let all = correlate::metas();
    let chosen: Vec<&Meta> = match &args.code {
        None => all,
        Some(code) => vec![find(&all, code)?],
    };
    let data = || chosen.iter().map(|m| page_data(m)).collect::<Vec<_>>();
    let written = match format {
        Format::Table | Format::Wide => Ok(match (&args.code, chosen.first()) {
            (Some(_), Some(meta)) => page(meta, style),
            (_, _) => list(&chosen, style),
        }),
        Format::Json => json::json(&data()),
        Format::Yaml => json::yaml(&data()),
        Format::Name => Ok(chosen.iter().flat_map(|m| [m.code, "\n"]).collect()),
    };
    written.map_err(|e| CliError::new(format!("cannot write the page: {e}"), ""))
}

/// By code in any case, with or without `NC`, or by slug.
fn find(all: &[&'static Meta], code: &str) -> Result<&'static Meta, CliError> {
    let wanted = code.to_ascii_uppercase();
    let is_it = |m: &&&Meta| m.code == wanted || m.code.trim_start_matches("NC") == wanted || m.slug.eq_ignore_ascii_case(code);
    if let Some(meta) = all.iter().find(is_it) {
        return Ok(meta);
    }
    let shown: String = code.chars().take(40).flat_map(char::escape_debug).collect();
    let near = nearest_of(&wanted, all.iter().map(|m| m.code)).or_else(|| nearest_of(code, all.iter().map(|m| m.slug)));
    let cause = match near {
        Some(near) => format!("no finding \"{shown}\": did you mean {near}?"),
        None => format!("no finding \"{shown}\""),
    };
    Err(CliError::new(cause, "list them with: kubectl netcheck explain"))
}

fn page_data(meta: &Meta) -> serde_json::Value {
    serde_json::json!({ "code": meta.code, "slug": meta.slug, "title": meta.title, "page": meta.markdown() })
}

fn list(all: &[&Meta], style: Style) -> String {
    let mut page = Page::new(style);
    let rows: Vec<Vec<String>> = all.iter().map(|m| vec![m.code.to_owned(), m.title.to_owned()]).collect();
    page.table(0, &["CODE", "FINDING"], &rows);
    page.finish()
}

fn page(meta: &Meta, style: Style) -> String {
    let mut page = Page::new(style);
    page.paragraph(0, 0, &[(Ink::Bold, &format!("{} {}", meta.code, meta.title))]);
    let body = meta.markdown();
    let mut is_code = false;
    let mut paragraph = String::new();
    let flush = |page: &mut Page, paragraph: &mut String| {
        if !paragraph.is_empty() {
            let (hang, text) = if paragraph.starts_with("- ") { (2, paragraph.as_str()) } else { (0, paragraph.as_str()) };
            page.paragraph(2, hang, &[(Ink::Plain, text)]);
            paragraph.clear();
        }
    };
    for line in body.lines() {
        if line.starts_with("```") {
            flush(&mut page, &mut paragraph);
            is_code = !is_code;
        } else if is_code {
            page.verbatim(4, line);
        } else if let Some(heading) = line.strip_prefix("## ") {
            flush(&mut page, &mut paragraph);
            page.blank();
            page.paragraph(0, 0, &[(Ink::Bold, heading)]);
        } else if line.trim().is_empty() {
            flush(&mut page, &mut paragraph);
        } else {
            if line.starts_with("- ") {
                flush(&mut page, &mut paragraph);
            }
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line.trim());
        }
    }
    flush(&mut page, &mut paragraph);
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Meta = Meta {
        code: "NC3001",
        slug: "service-selects-nothing",
        title: "Service selects no pod",
        page: " ## What it finds\n A Service whose selector\n matches no pod.\n\n - one\n - two\n ## How to fix it\n ```sh\n kubectl get pods\n ```\n",
    };

    #[test]
    fn pages_read_as_text() {
        insta::assert_snapshot!(page(&SHORT, Style::default()), @r"
        NC3001 Service selects no pod

        What it finds
          A Service whose selector matches no pod.
          - one
          - two

        How to fix it
            kubectl get pods
        ");
    }

    #[test]
    fn codes_are_found_and_suggested() {
        static META: Meta = SHORT;
        let all = [&META];
        for code in ["NC3001", "nc3001", "3001", "service-selects-nothing"] {
            assert_eq!(find(&all, code), Ok(&META), "{code}");
        }
        let error = find(&all, "NC3002").expect_err("unknown");
        assert_eq!(error.cause, "no finding \"NC3002\": did you mean NC3001?");
        assert_eq!(find(&all, "x\u{1b}[2J").expect_err("unknown").cause, "no finding \"x\\u{1b}[2J\"");
    }
}
