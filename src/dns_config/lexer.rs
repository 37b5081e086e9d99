//! The tokens of a Corefile.

/// One word of a Corefile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub text: String,
    /// Counted from 1.
    pub line: u32,
}

/// Splits text as CoreDNS does: words end at white space, `"…"` is one word in which only `\"` is an escape, and `#` starts
/// a comment even inside a word (coredns/caddy v1.1.4, caddyfile/lexer.go).
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut start = 1;
    let mut line = 1;
    let mut chars = text.trim_start_matches('\u{feff}').chars();
    while let Some(c) = chars.next() {
        if c == '#' {
            push(&mut found, &mut word, start);
            // the line break is consumed with the comment
            if chars.by_ref().any(|c| c == '\n') {
                line += 1;
            }
        } else if c.is_whitespace() {
            // a carriage return does not end a word
            if c != '\r' {
                push(&mut found, &mut word, start);
            }
            line += u32::from(c == '\n');
        } else if c == '"' && word.is_empty() {
            let opened = line;
            let (quoted, breaks) = quoted(&mut chars);
            line += breaks;
            found.push(Token { text: quoted, line: opened });
        } else {
            if word.is_empty() {
                start = line;
            }
            word.push(c);
        }
    }
    push(&mut found, &mut word, start);
    found
}

fn push(found: &mut Vec<Token>, word: &mut String, line: u32) {
    if !word.is_empty() {
        found.push(Token { text: std::mem::take(word), line });
    }
}

/// The text up to the closing quote, and how many line breaks it holds. An unclosed quote runs to the end.
fn quoted(chars: &mut std::str::Chars<'_>) -> (String, u32) {
    let mut text = String::new();
    let mut breaks = 0;
    let mut escaped = false;
    for c in chars.by_ref() {
        if escaped {
            if c != '"' {
                text.push('\\');
            }
        } else if c == '\\' {
            escaped = true;
            continue;
        } else if c == '"' {
            break;
        }
        breaks += u32::from(c == '\n');
        text.push(c);
        escaped = false;
    }
    (text, breaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(String, u32)> {
        tokens(text).into_iter().map(|t| (t.text, t.line)).collect()
    }

    #[test]
    fn a_quote_holds_spaces_and_only_its_own_escape() {
        let text = "answer \"{{ .Name }} \\\"x\\\" \\d\" # rest\nnext";
        let expected = [("answer", 1), ("{{ .Name }} \"x\" \\d", 1), ("next", 2)].map(|(w, l)| (w.to_owned(), l));
        assert_eq!(words(text), expected);
    }

    #[test]
    fn a_hash_inside_a_word_starts_a_comment() {
        assert_eq!(words("log#off\r\nerrors"), [("log".to_owned(), 1), ("errors".to_owned(), 2)]);
        assert_eq!(words("#only"), []);
    }
}
