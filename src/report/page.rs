//! Text for a terminal: the only writer of reports for people.
//!
//! Callers hand over words and what they mean ([`Ink`]); the page strips hostile characters, wraps lines to the width and
//! adds colour. Escape sequences in a report are therefore always netcheck's own.

use comfy_table::{ContentArrangement, Table, presets};

use super::sanitise;

/// How wide the page is and whether it has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub color: bool,
    /// Columns, at least 40.
    pub width: u16,
    /// A person reads it there; otherwise it goes to a file or a program, and the verdict stays on one line.
    pub is_terminal: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: false, width: 80, is_terminal: false }
    }
}

/// What words mean, which decides their colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Plain,
    /// A heading or the verdict.
    Bold,
    Good,
    Bad,
    Warn,
    /// Less important.
    Faint,
}

impl Ink {
    /// SGR parameters (ECMA-48, section 8.3.117).
    fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Warn => "33",
            Self::Faint => "2",
        }
    }
}

/// A page under construction.
#[derive(Debug, Clone)]
pub struct Page {
    style: Style,
    text: String,
}

/// Ends a colour (ECMA-48, SGR 0).
const RESET: &str = "\u{1b}[0m";

impl Page {
    pub fn new(style: Style) -> Self {
        Self { style: Style { width: style.width.max(40), ..style }, text: String::new() }
    }

    /// The finished text. It ends with a line feed.
    pub fn finish(self) -> String {
        self.text
    }

    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// One paragraph, wrapped; lines after the first are indented by `hang` more columns.
    pub fn paragraph(&mut self, indent: usize, hang: usize, spans: &[(Ink, &str)]) {
        let words = spans.iter().flat_map(|(ink, text)| words_of(*ink, &sanitise::line(text)));
        let width = usize::from(self.style.width);
        let mut column = 0;
        let mut is_first_line = true;
        let mut open_space = false;
        let mut last = Ink::Plain;
        for word in words {
            match word {
                Word::Space => open_space = column > 0,
                Word::Text(ink, text) => {
                    let length = text.chars().count();
                    let gap = usize::from(open_space);
                    if column > 0 && open_space && column + gap + length > width {
                        self.text.push('\n');
                        column = 0;
                        is_first_line = false;
                    }
                    if column == 0 {
                        let margin = if is_first_line { indent } else { indent + hang };
                        self.text.push_str(&" ".repeat(margin));
                        column = margin;
                        self.ink(ink, &text);
                    } else {
                        let text = if open_space { format!(" {text}") } else { text };
                        column += gap;
                        self.more_ink(last, ink, &text);
                    }
                    (open_space, last) = (false, ink);
                    column += length;
                }
            }
        }
        self.text.push('\n');
    }

    /// Lines as they are, each sanitised and indented: commands that are to be copied.
    pub fn verbatim(&mut self, indent: usize, text: &str) {
        for line in sanitise::block(text).lines() {
            self.text.push_str(&" ".repeat(indent));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// The verdict: wrapped for a person, one line for a program.
    pub fn headline(&mut self, ink: Ink, text: &str) {
        if self.style.is_terminal {
            self.paragraph(0, 0, &[(ink, text)]);
        } else {
            self.ink(ink, &sanitise::line(text));
            self.text.push('\n');
        }
    }

    /// A label of a fixed column and what it says, wrapped beside it.
    pub fn field(&mut self, indent: usize, label: &str, spans: &[(Ink, &str)]) {
        const LABEL: usize = 12;
        let label = sanitise::line(label);
        self.text.push_str(&" ".repeat(indent));
        self.ink(Ink::Faint, &label);
        let gap = LABEL.saturating_sub(label.chars().count()).max(1);
        let mut beside = Self::new(self.style);
        beside.style.width = self.style.width.saturating_sub(u16::try_from(indent + LABEL).unwrap_or(0));
        beside.paragraph(0, 0, spans);
        for (i, line) in beside.text.lines().enumerate() {
            let margin = if i == 0 { gap } else { indent + LABEL };
            self.text.push_str(&" ".repeat(margin));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// Whether rows fit beside each other without a line break in a cell.
    pub fn fits(&self, indent: usize, header: &[&str], rows: &[Vec<String>]) -> bool {
        const GAP: usize = 2;
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |i: usize| {
            let cells = rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count());
            cells.chain(header.get(i).map(|h| h.chars().count())).max().unwrap_or(0)
        };
        indent + (0..columns).map(|i| widest(i) + GAP).sum::<usize>() <= usize::from(self.style.width)
    }

    /// Columns without borders, wrapped to the width. An empty header is left out.
    pub fn table(&mut self, indent: usize, header: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.style.width.saturating_sub(u16::try_from(indent).unwrap_or(0)));
        if !header.is_empty() {
            table.set_header(header.iter().map(|h| sanitise::line(h)));
        }
        for row in rows {
            table.add_row(row.iter().map(|cell| sanitise::line(cell)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for (i, line) in table.lines().enumerate() {
            self.text.push_str(&" ".repeat(indent));
            let is_header = i == 0 && !header.is_empty();
            self.ink(if is_header { Ink::Faint } else { Ink::Plain }, line.trim_end());
            self.text.push('\n');
        }
    }

    /// Goes on behind a word on the same line: a run of one ink is one escape sequence.
    fn more_ink(&mut self, last: Ink, ink: Ink, text: &str) {
        if last == ink && self.text.ends_with(RESET) {
            self.text.truncate(self.text.len() - RESET.len());
            self.text.extend([text, RESET]);
            return;
        }
        let bare = text.trim_start_matches(' ');
        self.text.push_str(text.get(..text.len() - bare.len()).unwrap_or_default());
        self.ink(ink, bare);
    }

    fn ink(&mut self, ink: Ink, text: &str) {
        if self.style.color && ink != Ink::Plain && !text.is_empty() {
            let parts = ["\u{1b}[", ink.sgr(), "m", text, RESET];
            self.text.extend(parts);
        } else {
            self.text.push_str(text);
        }
    }
}

enum Word {
    Space,
    Text(Ink, String),
}

/// Words and the spaces between them: two spans without a space between them stay on one line.
fn words_of(ink: Ink, text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (i, word) in text.split(' ').enumerate() {
        if i > 0 {
            words.push(Word::Space);
        }
        if !word.is_empty() {
            words.push(Word::Text(ink, word.to_owned()));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paragraphs_wrap_and_hang() {
        let mut page = Page::new(Style { width: 40, ..Style::default() });
        page.paragraph(2, 2, &[(Ink::Bold, "next: "), (Ink::Plain, "kubectl get pods -n shop --show-labels and compare")]);
        assert_eq!(page.finish(), "  next: kubectl get pods -n shop\n    --show-labels and compare\n");
    }

    #[test]
    fn colour_is_netchecks_own() {
        let mut page = Page::new(Style { color: true, ..Style::default() });
        page.paragraph(0, 0, &[(Ink::Bad, "bad\u{1b}[2J"), (Ink::Plain, " plain")]);
        assert_eq!(page.finish(), "\u{1b}[1;31mbad[2J\u{1b}[0m plain\n");
    }

    proptest! {
        #[test]
        fn nothing_hostile_leaves_a_page(text in "[\\PC\\x00-\\x1f\\x7f-\\x9f\u{202a}-\u{202e}\u{2066}-\u{2069}]{0,200}") {
            let mut page = Page::new(Style::default());
            page.paragraph(2, 2, &[(Ink::Bold, &text)]);
            page.verbatim(2, &text);
            page.table(2, &["a", "b"], &[vec![text.clone(), text.clone()]]);
            let out = page.finish();
            prop_assert!(!out.chars().any(|c| c != '\n' && sanitise::is_hostile(c)));
        }
    }
}
