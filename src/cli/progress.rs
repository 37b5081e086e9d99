//! What is going on, on stderr: one line that overwrites itself, and notices that stay.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::sanitise;

use super::terminal::{self, Surroundings};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Talk {
    pub(super) quiet: bool,
    /// Also what is read and tried, line by line.
    pub(super) verbose: bool,
}

/// The progress of a run. Clones share one line.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    talk: Talk,
    shows_line: bool,
}

impl Progress {
    /// Shows nothing before [`start`](Self::start): a login plugin may have to talk to the user first.
    pub(super) fn new(surroundings: &Surroundings, talk: Talk) -> Self {
        Self { bar: ProgressBar::hidden(), talk, shows_line: surroundings.shows_progress(talk.quiet) && !talk.verbose }
    }

    /// Starts the line.
    pub(super) fn start(&mut self) {
        if !self.shows_line || !self.bar.is_hidden() {
            return;
        }
        self.bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            self.bar.set_style(style);
        }
        self.bar.enable_steady_tick(Duration::from_millis(120));
    }

    /// Says what is being tried.
    pub(super) fn doing(&self, text: &str) {
        let text = sanitise::line(text);
        if self.talk.verbose {
            terminal::err(&text);
        } else {
            self.bar.set_message(text);
        }
    }

    /// Says something the user should know, such as a retry.
    pub(super) fn notice(&self, text: &str) {
        if !self.talk.quiet {
            self.bar.suspend(|| terminal::err(&sanitise::line(text)));
        }
    }

    /// Asks something; the answer is typed behind it. [`start`](Self::start) shows the line again.
    pub(super) fn ask(&mut self, text: &str) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
        terminal::ask(&sanitise::line(text));
    }

    /// Takes the line away before the result is printed.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
