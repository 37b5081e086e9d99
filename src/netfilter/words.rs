//! Words of a rule as iptables-save writes it: separated by blanks, quoted where they hold one.

/// Cuts a line into words. Quotes are taken off; an escaped quote inside stays escaped, as only comments hold one.
pub(super) fn split(line: &str) -> Vec<&str> {
    let mut words = Vec::with_capacity(16);
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(' ');
        if rest.is_empty() {
            return words;
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = closing(quoted);
            words.push(quoted.get(..end).unwrap_or(quoted));
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            let (word, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
            words.push(word);
            rest = tail;
        }
    }
}

/// Where the quoted text ends; its length when nothing closes it.
fn closing(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Words one after the other, with the negation that may stand before one.
#[derive(Debug)]
pub(super) struct Words<'t> {
    words: Vec<&'t str>,
    at: usize,
}

impl<'t> Words<'t> {
    pub(super) fn new(words: Vec<&'t str>) -> Self {
        Self { words, at: 0 }
    }

    pub(super) fn next(&mut self) -> Option<&'t str> {
        let word = self.words.get(self.at).copied();
        self.at += usize::from(word.is_some());
        word
    }

    pub(super) fn peek(&self) -> Option<&'t str> {
        self.words.get(self.at).copied()
    }

    /// The next word when it is not an option: an argument that may be absent.
    pub(super) fn argument(&mut self) -> Option<&'t str> {
        self.peek().filter(|w| !w.starts_with("--") && !is_short_option(w) && *w != "!").and_then(|_| self.next())
    }
}

/// `-s`, `-j` and the like; a negative number is not one.
fn is_short_option(word: &str) -> bool {
    word.len() == 2 && word.starts_with('-') && word.chars().nth(1).is_some_and(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_words_keep_their_blanks() {
        assert_eq!(
            split(r#"-A X -m comment --comment "a \"b\" c" -j Y"#),
            ["-A", "X", "-m", "comment", "--comment", r#"a \"b\" c"#, "-j", "Y"]
        );
        assert_eq!(split(r#"a "open"#), ["a", "open"]);
        assert_eq!(split("  "), Vec::<&str>::new());
    }
}
