//! What the terminal bears: colour, width, progress.

use std::io::{self, IsTerminal as _, Write as _};

use crate::report::page::Style;

use super::args::Color;
use super::error::CliError;

/// The environment as far as output depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// `NO_COLOR` is set, to whatever value (cli-runtime `printers/terminal.go`).
    pub no_color: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// `CI` is set and not empty.
    pub ci: bool,
    pub columns: Option<u16>,
    /// A console that understands escape sequences. On Windows only Windows Terminal says so (`WT_SESSION`).
    pub takes_escapes: bool,
}

impl Surroundings {
    pub fn look() -> Self {
        let set = |name: &str| std::env::var_os(name);
        Self {
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            no_color: set("NO_COLOR").is_some(),
            term: std::env::var("TERM").ok(),
            ci: set("CI").is_some_and(|ci| !ci.is_empty()),
            columns: terminal_size::terminal_size().map(|(width, _)| width.0),
            takes_escapes: cfg!(not(windows)) || set("WT_SESSION").is_some(),
        }
    }

    fn is_dumb(&self) -> bool {
        self.term.as_deref() == Some("dumb")
    }

    pub fn style(&self, color: Color) -> Style {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => self.stdout_is_terminal && !self.no_color && !self.is_dumb() && self.takes_escapes,
        };
        let width = if self.stdout_is_terminal { self.columns.unwrap_or(80) } else { 80 };
        Style { color, width: width.clamp(60, 120), is_terminal: self.stdout_is_terminal }
    }

    /// Whether a line that overwrites itself can be shown.
    pub fn shows_progress(&self, quiet: bool) -> bool {
        self.stderr_is_terminal && !quiet && !self.ci && !self.is_dumb() && self.takes_escapes
    }
}

/// Writes a result. A reader that closed the pipe, as `head` does, has all it wanted.
pub(super) fn out(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::io("cannot write the result", &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a long result line by line: it is never in memory as a whole. Each line has its end.
pub(super) fn out_lines(mut lines: impl Iterator<Item = String>) -> Result<(), CliError> {
    let mut stdout = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let written = lines.try_for_each(|line| stdout.write_all(line.as_bytes()));
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::io("cannot write the result", &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes lines to stderr. When that fails there is nowhere left to say so.
pub(super) fn err(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Writes to stderr and leaves the cursor there.
pub(super) fn ask(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(write!(stderr, "{text}").and_then(|()| stderr.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Surroundings {
        Surroundings {
            stdout_is_terminal: true,
            stderr_is_terminal: true,
            term: Some("xterm".into()),
            columns: Some(100),
            takes_escapes: true,
            ..Surroundings::default()
        }
    }

    #[test]
    fn colour_only_where_it_is_wanted() {
        assert!(terminal().style(Color::Auto).color);
        assert!(!Surroundings { no_color: true, ..terminal() }.style(Color::Auto).color);
        assert!(!Surroundings { term: Some("dumb".into()), ..terminal() }.style(Color::Auto).color);
        assert!(!Surroundings { stdout_is_terminal: false, ..terminal() }.style(Color::Auto).color);
        assert!(!Surroundings { takes_escapes: false, ..terminal() }.style(Color::Auto).color);
        assert!(!terminal().style(Color::Never).color);
        assert!(Surroundings { no_color: true, ..Surroundings::default() }.style(Color::Always).color);
    }

    #[test]
    fn progress_only_on_a_terminal_of_a_person() {
        assert!(terminal().shows_progress(false));
        assert!(!terminal().shows_progress(true));
        assert!(!Surroundings { ci: true, ..terminal() }.shows_progress(false));
        assert!(!Surroundings { stderr_is_terminal: false, ..terminal() }.shows_progress(false));
    }

    #[test]
    fn width_is_bounded() {
        assert_eq!(terminal().style(Color::Auto).width, 100);
        assert_eq!(Surroundings { columns: Some(20), ..terminal() }.style(Color::Auto).width, 60);
        assert_eq!(Surroundings { columns: Some(400), ..terminal() }.style(Color::Auto).width, 120);
        assert_eq!(Surroundings { stdout_is_terminal: false, ..terminal() }.style(Color::Auto).width, 80);
    }
}
