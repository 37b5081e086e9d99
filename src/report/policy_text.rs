//! The answer to `policy A to B` for people.

use super::page::{Ink, Page, Style};
use super::policy_pair::{ChangePart, ConnectionPart, DirectionPart, Matches, OutcomePart, PolicyAnswer, PolicyPart, QuotePart};

/// Endpoints of one connection that are named.
const MAX_NAMES: usize = 5;

/// Rules that do not match and are told without `wide`.
const MAX_RULES: usize = 3;

/// Writes the report. `wide` names every policy and rule.
pub fn render(answer: &PolicyAnswer, style: Style, wide: bool) -> String {
    let mut page = Page::new(style);
    page.headline(ink(answer.outcome), &answer.sentence);
    page.blank();
    let port = answer.question.port.map(|p| format!(" port {p}")).unwrap_or_default();
    let asked = format!("{} to {}{port} ({})", answer.question.from, answer.question.to, answer.question.protocol);
    page.field(2, "asked", &[(Ink::Plain, &asked)]);
    page.field(2, "policies", &[(ink(answer.outcome), answer.outcome.word())]);
    page.field(2, "enforced", &[(Ink::Plain, &answer.enforcement)]);
    for note in &answer.question.notes {
        page.field(2, "note", &[(Ink::Plain, note)]);
    }
    for connection in &answer.connections {
        page.blank();
        one(&mut page, connection, wide);
    }
    if !answer.problems.is_empty() {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Bold, "Wrong in the policies")]);
        for problem in &answer.problems {
            page.paragraph(
                2,
                2,
                &[
                    (Ink::Warn, &problem.policy),
                    (Ink::Plain, " "),
                    (Ink::Plain, &problem.at),
                    (Ink::Plain, ": "),
                    (Ink::Plain, &problem.text),
                ],
            );
        }
    }
    if !answer.gaps.is_empty() {
        page.blank();
        page.paragraph(0, 0, &[(Ink::Bold, "Not judged")]);
        for gap in &answer.gaps {
            page.paragraph(2, 2, &[(Ink::Plain, &gap.what), (Ink::Faint, ": "), (Ink::Plain, &gap.why)]);
        }
    }
    page.finish()
}

fn ink(outcome: OutcomePart) -> Ink {
    match outcome {
        OutcomePart::Allowed => Ink::Good,
        OutcomePart::Denied => Ink::Bad,
        OutcomePart::Undetermined => Ink::Warn,
    }
}

fn heading(outcome: OutcomePart) -> &'static str {
    match outcome {
        OutcomePart::Allowed => "Allowed",
        OutcomePart::Denied => "Denied",
        OutcomePart::Undetermined => "Undetermined",
    }
}

fn one(page: &mut Page, c: &ConnectionPart, wide: bool) {
    let shown: Vec<&str> = c.to.iter().take(if wide { usize::MAX } else { MAX_NAMES }).map(String::as_str).collect();
    let more = match c.to.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let line = format!(" {} to {}{more} {} {}", c.from, shown.join(", "), c.protocol, c.port);
    let through = c.through.as_ref().map(|t| format!(", behind {t}")).unwrap_or_default();
    let apart = if c.counts { "" } else { " (not counted)" };
    page.paragraph(
        0,
        2,
        &[(ink(c.outcome), heading(c.outcome)), (Ink::Bold, &line), (Ink::Faint, &through), (Ink::Faint, apart)],
    );
    for note in &c.notes {
        page.field(2, "note", &[(Ink::Plain, note)]);
    }
    for (name, part) in [("egress", &c.egress), ("ingress", &c.ingress)] {
        if let Some(part) = part {
            direction(page, name, part, wide);
        }
    }
    if let Some(change) = &c.change {
        turn(page, change);
    }
}

fn direction(page: &mut Page, name: &str, part: &DirectionPart, wide: bool) {
    let because = format!(": {}", part.because);
    page.field(2, name, &[(ink(part.outcome), part.outcome.word()), (Ink::Plain, &because)]);
    if let Some(rule) = &part.rule {
        quote(page, rule);
    }
    for policy in &part.policies {
        // one line says it all when it is the rule above
        let deciding = part.rule.as_ref().is_some_and(|rule| rule.policy == policy.policy);
        let alone = part.outcome == OutcomePart::Denied && part.policies.len() == 1 && policy.rules.len() <= 1;
        if wide || part.outcome == OutcomePart::Undetermined || !deciding && !alone {
            one_policy(page, policy, wide);
        }
    }
    if part.more_policies > 0 {
        page.paragraph(14, 2, &[(Ink::Faint, &format!("and {} more policies", part.more_policies))]);
    }
}

fn quote(page: &mut Page, rule: &QuotePart) {
    page.paragraph(14, 2, &[(Ink::Faint, &rule.policy), (Ink::Faint, " "), (Ink::Faint, &rule.at), (Ink::Faint, ":")]);
    page.verbatim(16, &rule.yaml);
}

fn one_policy(page: &mut Page, policy: &PolicyPart, wide: bool) {
    let applies = match (policy.applies, &policy.because) {
        (Matches::Unknown, Some(why)) => format!(" may apply: {why}"),
        (Matches::Yes | Matches::No | Matches::Unknown, _) if !policy.isolates => " applies, and adds rules only".to_owned(),
        (Matches::Yes | Matches::No | Matches::Unknown, _) if policy.rules.is_empty() => " applies, and has no rule".to_owned(),
        (Matches::Yes | Matches::No | Matches::Unknown, _) => " applies".to_owned(),
    };
    page.paragraph(14, 2, &[(Ink::Plain, &policy.policy), (Ink::Plain, &applies)]);
    let limit = if wide { usize::MAX } else { MAX_RULES };
    for rule in policy.rules.iter().take(limit) {
        let verdict = match rule.matches {
            Matches::Yes => "matches",
            Matches::No => "does not match",
            Matches::Unknown => "may match",
        };
        let because = rule.because.as_ref().map(|b| format!(": {b}")).unwrap_or_default();
        page.paragraph(16, 2, &[(Ink::Faint, &rule.at), (Ink::Plain, &format!(" ({}) {verdict}{because}", rule.action))]);
    }
    let more = policy.rules.len().saturating_sub(limit) + policy.more_rules;
    if more > 0 {
        page.paragraph(16, 2, &[(Ink::Faint, &format!("and {more} more rules"))]);
    }
}

fn turn(page: &mut Page, change: &ChangePart) {
    let whats: Vec<&str> = change.steps.iter().map(|s| s.what.as_str()).collect();
    let text = format!("{}, and it is {} (tried on a copy of the policies)", whats.join(" and "), change.becomes.word());
    page.field(2, "change", &[(Ink::Plain, &text)]);
    for step in &change.steps {
        match &step.command {
            Some(command) => page.verbatim(4, command),
            None => page.verbatim(4, &step.yaml),
        }
    }
}
