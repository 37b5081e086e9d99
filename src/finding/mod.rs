//! What was found, with its evidence: the words that checks and causes speak and reports print.

use crate::model::ObjectRef;

/// What is fixed about a kind of finding. Made by [`declare_finding!`](crate::declare_finding); its doc comment is the page
/// that `kubectl netcheck explain CODE` shows.
#[derive(Debug, PartialEq, Eq)]
pub struct Meta {
    /// `NC3001`; never reused for something else.
    pub code: &'static str,
    /// The fault in a few words, kebab-case: the name of its file.
    pub slug: &'static str,
    /// The fault in a few words, for people.
    pub title: &'static str,
    /// The page, in Markdown.
    pub page: &'static str,
}

impl Meta {
    /// The page's Markdown: doc comments carry one leading space a line.
    pub fn markdown(&self) -> String {
        let lines: Vec<&str> = self.page.lines().map(|l| l.strip_prefix(' ').unwrap_or(l).trim_end()).collect();
        let mut body = lines.join("\n").trim().to_owned();
        body.push('\n');
        body
    }
}

/// How much a finding matters to the question that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// It breaks this question's traffic: only causes make exit code 1.
    Cause,
    /// It will bite another question, or this one on another day.
    Warning,
    /// How something is to be read; nothing is wrong.
    Note,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Observed, and nothing else explains it.
    Proven,
    /// The objects say so, and no probe contradicted it; or a probe says so and another explanation is left.
    Likely,
    Possible,
}

/// One thing that was read or measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where it was read, such as `service/shop/web spec.selector` or `probe tcp from pod/shop/client`.
    pub source: String,
    /// What would be right; empty when there is nothing to compare with.
    pub expected: String,
    pub seen: String,
}

/// One finding about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub meta: &'static Meta,
    pub weight: Weight,
    pub confidence: Confidence,
    pub about: ObjectRef,
    /// One sentence with the object first: the report's first line when this finding ranks highest.
    pub sentence: String,
    pub evidence: Vec<Evidence>,
    /// The next command to run or the change that mends it.
    pub next: String,
}

/// What a check can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Looked, and nothing of this sort is wrong.
    Clear,
    Found(Vec<Finding>),
    /// An input is missing: the text says which and why. It becomes a gap.
    Undetermined(String),
    /// The question gives this check nothing to look at.
    NotApplicable,
}

impl Finding {
    /// A cause that the objects make likely: the builder's start.
    pub fn cause(meta: &'static Meta, about: ObjectRef, sentence: impl Into<String>) -> Self {
        Self {
            meta,
            weight: Weight::Cause,
            confidence: Confidence::Likely,
            about,
            sentence: sentence.into(),
            evidence: Vec::new(),
            next: String::new(),
        }
    }

    pub fn warning(meta: &'static Meta, about: ObjectRef, sentence: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, ..Self::cause(meta, about, sentence) }
    }

    pub fn note(meta: &'static Meta, about: ObjectRef, sentence: impl Into<String>) -> Self {
        Self { weight: Weight::Note, ..Self::cause(meta, about, sentence) }
    }

    #[must_use]
    pub fn proven(mut self) -> Self {
        self.confidence = Confidence::Proven;
        self
    }

    #[must_use]
    pub fn possible(mut self) -> Self {
        self.confidence = Confidence::Possible;
        self
    }

    /// Adds what was seen where.
    #[must_use]
    pub fn seen(self, source: impl Into<String>, seen: impl Into<String>) -> Self {
        self.expected(source, "", seen)
    }

    /// Adds what was seen beside what would be right.
    #[must_use]
    pub fn expected(mut self, source: impl Into<String>, expected: impl Into<String>, seen: impl Into<String>) -> Self {
        self.evidence.push(Evidence { source: source.into(), expected: expected.into(), seen: seen.into() });
        self
    }

    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }
}

impl Verdict {
    /// `Found` when there is something, else `Clear`.
    pub fn of(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { Self::Clear } else { Self::Found(findings) }
    }
}

impl Confidence {
    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// Declares a finding: its doc comment, a unit type of that name, and its [`Meta`] as `Type::META`.
///
/// ```
/// netcheck::declare_finding! {
///     /// ## What it finds
///     /// A Service whose selector matches no pod.
///     ServiceSelectsNothing, "NC3001", "service-selects-nothing", "Service selects no pod"
/// }
/// assert_eq!(ServiceSelectsNothing::META.code, "NC3001");
/// assert!(ServiceSelectsNothing::META.page.starts_with(" ## What it finds"));
/// ```
#[macro_export]
macro_rules! declare_finding {
    ($(#[doc = $line:literal])+ $name:ident, $code:literal, $slug:literal, $title:literal) => {
        $(#[doc = $line])+
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl $name {
            /// What is fixed about this finding.
            pub const META: &'static $crate::finding::Meta = &$crate::finding::Meta {
                code: $code,
                slug: $slug,
                title: $title,
                page: concat!($($line, "\n"),+),
            };
        }
    };
}
