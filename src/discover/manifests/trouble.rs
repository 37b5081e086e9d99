//! What is wrong with manifests: one line each, with file and line.

use std::fmt;
use std::io;
use std::path::Path;

use super::sources::STDIN;

/// Why nothing could be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// One line, a lower-case fragment.
    pub cause: String,
    pub next: String,
}

impl ManifestError {
    pub(super) fn new(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { cause: cause.into(), next: next.into() }
    }

    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot read {}: {error}", shown(path)), "check the path and its permissions")
    }
}

/// What a trouble means for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something was not read that may matter: the answer is of the rest.
    Error,
    /// Said and done: it does not change the answer.
    Notice,
}

/// One thing that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub severity: Severity,
    pub file: String,
    /// Counted from 1; `None` for the whole file.
    pub line: Option<usize>,
    /// A fragment.
    pub text: String,
    /// A kind of policy that is not read.
    pub is_policy: bool,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

/// How a file is called in messages.
pub(super) fn shown(path: &Path) -> String {
    if path.as_os_str() == STDIN { String::from("standard input") } else { path.display().to_string() }
}
