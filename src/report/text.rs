//! A diagnosis for people. The first line is the verdict.

use super::diagnosis::{Configured, Diagnosis, FindingPart, GapPart, HopPart, Measured, TimingPart};
use super::page::{Ink, Page, Style};
use super::table;

/// Writes the report. `wide` adds every measurement.
pub fn render(d: &Diagnosis, style: Style, wide: bool) -> String {
    let mut page = Page::new(style);
    verdict(&mut page, d);
    for cause in &d.causes {
        finding(&mut page, cause, &d.verdict.sentence);
    }
    for notice in &d.notices {
        finding(&mut page, notice, &d.verdict.sentence);
    }
    path(&mut page, &d.path);
    if wide {
        table::measurements(&mut page, &d.measurements);
    }
    covered(&mut page, &d.covered);
    gaps(&mut page, &d.gaps);
    timing(&mut page, d.timing);
    page.finish()
}

fn verdict(page: &mut Page, d: &Diagnosis) {
    let ink = match d.exit_code {
        0 => Ink::Good,
        1 => Ink::Bad,
        _ => Ink::Warn,
    };
    page.headline(ink, &d.verdict.sentence);
    page.blank();
    let port = d.question.port.map(|p| format!(" port {p}")).unwrap_or_default();
    let url = d.question.url.as_ref().map(|url| format!(", GET {url}")).unwrap_or_default();
    let asked = format!("{} to {}{port} ({}){url}", d.question.from, d.question.to, d.question.protocol);
    page.field(2, "asked", &[(Ink::Plain, &asked)]);
    page.field(2, "configured", &[configured(d.verdict.configured)]);
    let measured = measured(d);
    page.field(2, "measured", &[(measured.0, &measured.1)]);
    for note in &d.question.notes {
        page.field(2, "note", &[(Ink::Plain, note)]);
    }
}

fn configured(configured: Configured) -> (Ink, &'static str) {
    match configured {
        Configured::Allowed => (Ink::Good, "allowed: the objects let this traffic through"),
        Configured::Denied => (Ink::Bad, "denied: a rule forbids this traffic"),
        Configured::Broken => (Ink::Bad, "broken: the objects cannot work as they are"),
        Configured::Undetermined => (Ink::Warn, "undetermined: not every object could be read"),
    }
}

fn measured(d: &Diagnosis) -> (Ink, String) {
    let tally = d.verdict.tally.map(|(well, tries)| format!(", {well} of {tries} tries")).unwrap_or_default();
    match d.verdict.measured {
        Measured::Reachable => (Ink::Good, format!("reachable{tally}")),
        Measured::Unreachable => (Ink::Bad, format!("unreachable{tally}")),
        Measured::Intermittent => (Ink::Bad, format!("intermittent{tally}")),
        Measured::NotMeasured => (Ink::Warn, String::from("not measured")),
    }
}

fn finding(page: &mut Page, f: &FindingPart, verdict: &str) {
    let (label, ink) = match f.weight.as_str() {
        "cause" => ("Cause", Ink::Bad),
        "warning" => ("Warning", Ink::Warn),
        _ => ("Note", Ink::Bold),
    };
    page.blank();
    // how sure a note is says nothing: nothing is wrong
    let sure = if f.weight == "note" { String::new() } else { format!(" ({})", f.confidence) };
    page.paragraph(0, 2, &[(ink, &format!("{label} {}", f.code)), (Ink::Bold, &format!(" {}", f.title)), (Ink::Faint, &sure)]);
    if f.sentence != verdict {
        page.paragraph(2, 0, &[(Ink::Plain, &f.sentence)]);
    }
    if !f.evidence.is_empty() {
        table::evidence(page, &f.evidence);
    }
    if !f.next.is_empty() {
        next(page, &f.next);
    }
}

/// A command is not wrapped: it is there to be copied.
fn next(page: &mut Page, next: &str) {
    if next.starts_with("kubectl ") {
        page.verbatim(2, &format!("next: {next}"));
    } else {
        page.paragraph(2, 6, &[(Ink::Good, "next: "), (Ink::Plain, next)]);
    }
}

fn path(page: &mut Page, hops: &[HopPart]) {
    if hops.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(0, 0, &[(Ink::Bold, "Path")]);
    table::path(page, hops);
}

fn covered(page: &mut Page, covered: &[String]) {
    if covered.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(0, 0, &[(Ink::Bold, "Looked at and well")]);
    for line in covered {
        page.paragraph(2, 2, &[(Ink::Plain, line)]);
    }
}

fn gaps(page: &mut Page, gaps: &[GapPart]) {
    if gaps.is_empty() {
        return;
    }
    page.blank();
    page.paragraph(0, 0, &[(Ink::Bold, "Not looked at")]);
    // one reason often closes the way to many things
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for gap in gaps {
        match by_reason.iter_mut().find(|(why, _)| *why == gap.why) {
            Some((_, whats)) => whats.push(&gap.what),
            None => by_reason.push((&gap.why, vec![&gap.what])),
        }
    }
    for (why, whats) in by_reason {
        page.paragraph(2, 2, &[(Ink::Plain, &whats.join(", ")), (Ink::Faint, ": "), (Ink::Plain, why)]);
    }
}

fn timing(page: &mut Page, t: TimingPart) {
    if t == TimingPart::default() {
        return;
    }
    let requests = if t.api_requests == 1 { "1 API request".to_owned() } else { format!("{} API requests", t.api_requests) };
    let parts = [("reading", t.discover_ms), ("starting agents", t.start_ms), ("probing", t.probe_ms)];
    let parts: Vec<String> =
        parts.iter().filter(|(_, ms)| *ms > 0).map(|(what, ms)| format!("{what} {}", duration(*ms))).collect();
    let detail = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    page.blank();
    page.paragraph(0, 0, &[(Ink::Faint, &format!("{}{detail}, {requests}", duration(t.total_ms)))]);
}

fn duration(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn reads_well_at_80_columns() {
        insta::assert_snapshot!(render(&sample::broken(), Style::default(), true), @r##"
service/shop/web selects no pod: no pod in shop has the label app=wbe, and pod/shop/web-0 differs only in it

  asked       pod/shop/client to service/shop/web port 80 (TCP)
  configured  broken: the objects cannot work as they are
  measured    unreachable, 0 of 3 tries
  note        port 80 is the only port of service/shop/web

Cause NC3001 Service selects no pod (proven)
  service/shop/web spec.selector
    expected    app=web
    seen        app=wbe
  endpointslice/shop/web-x7k2p
    expected    at least one endpoint
    seen        none
  probe tcp 10.96.3.4:80 from pod/shop/client
    expected    opened
    seen        refused by 10.96.3.4 (ICMP port unreachable), 3 of 3
  next: kubectl patch svc web -n shop -p '{"spec":{"selector":{"app":"web"}}}'

Note NC1020 ndots costs lookups
  pod/shop/client looks every external name up four times before the right one
  READ AT                           SEEN
  pod/shop/client /etc/resolv.conf  options ndots:5
  next: write external names with a final dot

Path
  ok      pod/shop/client eth0           10.244.1.5/24, MTU 1450
  failed  service/shop/web 10.96.3.4:80  no endpoint

FROM             PROBE             RESULT  TIME    DETAIL
pod/shop/client  tcp 10.96.3.4:80  failed  1.2 ms  refused by 10.96.3.4 (ICMP
                                                   port unreachable), 3 of 3

Looked at and well
  the name web resolves to 10.96.3.4
  pod/shop/client is running

Not looked at
  kube-proxy's rules on node/worker-1: node access was not allowed (--deep)

1.2 s (reading 130 ms, starting agents 800 ms, probing 250 ms), 12 API requests
"##);
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        for width in [60, 80, 120] {
            let text = render(&sample::broken(), Style { width, is_terminal: true, ..Style::default() }, true);
            for line in text.lines().filter(|l| !l.starts_with("  next: kubectl")) {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            }
        }
    }

    #[test]
    fn the_first_line_is_the_verdict() {
        let text = render(&sample::broken(), Style::default(), false);
        assert_eq!(text.lines().next(), Some(sample::broken().verdict.sentence.as_str()));
    }
}
