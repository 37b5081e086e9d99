//! Rust source as tokens: just enough to know which modules a file names.
#![expect(clippy::indexing_slicing, reason = "a test may panic, and every index is compared with the length")]

/// A token that matters for paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    /// `::`
    Path,
    Punct(char),
}

/// Cuts source into tokens; comments, strings, characters and lifetimes are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let rest = &chars[at..];
        at += match c {
            '/' if rest.starts_with(&['/', '/']) => until(rest, |r| r.first() == Some(&'\n')),
            '/' if rest.starts_with(&['/', '*']) => block_comment(rest),
            '"' => string(rest),
            'r' | 'b' | 'c' if raw_string(rest).is_some() => raw_string(rest).unwrap_or(1),
            'b' | 'c' if rest.get(1) == Some(&'"') => 1 + string(&rest[1..]),
            '\'' => quote(rest),
            ':' if rest.get(1) == Some(&':') => {
                out.push(Token::Path);
                2
            }
            c if c.is_alphanumeric() || c == '_' => {
                let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                let length = word.chars().count();
                out.push(Token::Word(word));
                length
            }
            c if c.is_whitespace() => 1,
            c => {
                out.push(Token::Punct(c));
                1
            }
        };
    }
    out
}

fn until(rest: &[char], stop: impl Fn(&[char]) -> bool) -> usize {
    (0..rest.len()).find(|i| stop(&rest[*i..])).unwrap_or(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// `r"…"`, `r#"…"#`, `br"…"`: how long it is. `None` when it is a word.
fn raw_string(rest: &[char]) -> Option<usize> {
    let start = if rest.first() == Some(&'r') { 1 } else { 2 };
    if start == 2 && rest.get(1) != Some(&'r') {
        return None;
    }
    let hashes = rest[start.min(rest.len())..].iter().take_while(|c| **c == '#').count();
    if rest.get(start + hashes) != Some(&'"') {
        return None;
    }
    let mut end = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    let body = start + hashes + 1;
    Some(body + until(&rest[body..], |r| r.starts_with(&end)) + end.len())
}

/// A character or a lifetime.
fn quote(rest: &[char]) -> usize {
    match rest.get(1..3) {
        Some(['\\', _]) => 3 + until(&rest[3.min(rest.len())..], |r| r.first() == Some(&'\'')) + 1,
        Some([_, '\'']) => 3,
        _ => 1,
    }
}

/// A top-level module that a file names, as `model` in `crate::model::Pod`.
pub(crate) fn modules_named(module: &[&str], tokens: &[Token]) -> Vec<String> {
    let mut named = Vec::new();
    let mut scope: Vec<Option<String>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Punct('{') => scope.push(inline_module(tokens, at)),
            Token::Punct('}') => {
                scope.pop();
            }
            Token::Word(word) if matches!(word.as_str(), "crate" | "netcheck" | "super" | "self") => {
                let starts_here = at == 0 || tokens[at - 1] != Token::Path;
                let depth = module.len() + scope.iter().flatten().count();
                let reaches_root = match word.as_str() {
                    "crate" | "netcheck" => true,
                    "super" => depth == 1,
                    _ => depth == 0,
                };
                if starts_here && reaches_root && tokens.get(at + 1) == Some(&Token::Path) {
                    named.extend(heads(&tokens[at + 2..]));
                }
            }
            Token::Word(_) | Token::Path | Token::Punct(_) => {}
        }
    }
    named
}

/// The name of the module whose body starts at this brace.
fn inline_module(tokens: &[Token], brace: usize) -> Option<String> {
    match (brace.checked_sub(2).and_then(|i| tokens.get(i)), brace.checked_sub(1).and_then(|i| tokens.get(i))) {
        (Some(Token::Word(keyword)), Some(Token::Word(name))) if keyword == "mod" => Some(name.clone()),
        _ => None,
    }
}

/// The first words behind `crate::`: one, or those of a group.
fn heads(tokens: &[Token]) -> Vec<String> {
    match tokens.first() {
        Some(Token::Word(word)) => vec![word.clone()],
        Some(Token::Punct('*')) => vec![String::from("*")],
        Some(Token::Punct('{')) => {
            let mut heads = Vec::new();
            let mut depth = 0;
            let mut is_head = false;
            for token in tokens {
                match token {
                    Token::Punct('{') => {
                        depth += 1;
                        is_head = depth == 1;
                    }
                    Token::Punct('}') => {
                        depth -= 1;
                        if depth == 0 {
                            break;
                        }
                    }
                    Token::Punct(',') => is_head = depth == 1,
                    Token::Word(word) if is_head => {
                        heads.push(word.clone());
                        is_head = false;
                    }
                    Token::Word(_) | Token::Path | Token::Punct(_) => {}
                }
            }
            heads
        }
        _ => Vec::new(),
    }
}
