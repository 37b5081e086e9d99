//! The report of `kubectl netcheck policy A to B`: whether the policies allow a connection, and which rule decides.

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::{GapPart, QuestionPart};
use super::page::{Ink, Page, Style};

/// Whether the policies allow a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyAnswer {
    pub api_version: String,
    /// Always `PolicyAnswer`.
    pub kind: String,
    pub question: QuestionPart,
    /// 0 allowed, 1 denied, 3 undetermined.
    pub exit_code: u8,
    /// One sentence that names both ends, the policy and its rule.
    pub sentence: String,
    pub outcome: OutcomePart,
    /// One for each endpoint and address family.
    pub connections: Vec<ConnectionPart>,
    /// What could not be judged, and why.
    pub gaps: Vec<GapPart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomePart {
    Allowed,
    Denied,
    Undetermined,
}

/// One connection as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConnectionPart {
    pub from: String,
    /// The pod, node or address that the packets arrive at.
    pub to: String,
    pub port: u16,
    pub protocol: String,
    /// The address that was translated to it, as `service/shop/web 10.96.1.10:80`.
    pub through: Option<String>,
    pub outcome: OutcomePart,
    pub notes: Vec<String>,
}

impl OutcomePart {
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Undetermined => "undetermined",
        }
    }

    fn ink(self) -> Ink {
        match self {
            Self::Allowed => Ink::Good,
            Self::Denied => Ink::Bad,
            Self::Undetermined => Ink::Warn,
        }
    }
}

/// The report for people.
pub fn render(answer: &PolicyAnswer, style: Style) -> String {
    let mut page = Page::new(style);
    page.headline(answer.outcome.ink(), &answer.sentence);
    page.blank();
    for c in &answer.connections {
        let through = c.through.as_ref().map(|t| format!(" behind {t}")).unwrap_or_default();
        let line = format!("{} to {} {} {}{through}", c.from, c.to, c.protocol, c.port);
        page.paragraph(0, 2, &[(c.outcome.ink(), c.outcome.word()), (Ink::Plain, " "), (Ink::Plain, &line)]);
        for note in &c.notes {
            page.field(2, "note", &[(Ink::Plain, note)]);
        }
    }
    for gap in &answer.gaps {
        page.paragraph(0, 2, &[(Ink::Warn, "not judged "), (Ink::Plain, &gap.what), (Ink::Plain, ": "), (Ink::Plain, &gap.why)]);
    }
    page.finish()
}
