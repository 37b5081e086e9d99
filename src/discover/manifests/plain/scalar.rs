//! One-line scalars: which JSON value they are.

/// Writes a scalar that ends with its line.
pub(super) fn write(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let rest = match text.first()? {
        b'"' => double_quoted(text, out)?,
        b'\'' => single_quoted(text, out)?,
        _ => return plain(text, out),
    };
    ends(rest)
}

/// Nothing follows but a comment.
pub(super) fn ends(rest: &[u8]) -> Option<()> {
    let trimmed = rest.trim_ascii_start();
    (trimmed.is_empty() || trimmed.len() < rest.len() && trimmed.starts_with(b"#")).then_some(())
}

fn plain(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let end = text.windows(2).position(|two| two == b" #").unwrap_or(text.len());
    let text = text.get(..end)?.trim_ascii_end();
    let is_start = |b: &u8| b.is_ascii_alphanumeric() || b"_./-+($~".contains(b);
    let is_broken = matches!(text, [b'-'] | [b'-', b' ', ..]) || text.ends_with(b":") || text.windows(2).any(|two| two == b": ");
    if is_broken || !text.first().is_some_and(is_start) {
        return None;
    }
    resolve(text, out)
}

/// Writes a plain scalar as the value it stands for. `None`: not sure.
pub(super) fn resolve(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match text {
        b"null" | b"~" => out.extend_from_slice(b"null"),
        b"true" | b"false" => out.extend_from_slice(text),
        _ if is_number(text) => out.extend_from_slice(text),
        _ if is_surely_text(text) => string(text, out),
        _ => return None,
    }
    Some(())
}

/// A number that YAML and JSON write alike.
fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, part) = match digits.iter().position(|b| *b == b'.') {
        Some(at) => (digits.get(..at).unwrap_or_default(), digits.get(at + 1..)),
        None => (digits, None),
    };
    let are_digits = |all: &[u8]| !all.is_empty() && all.iter().all(u8::is_ascii_digit);
    // -0 is one number in YAML and another in JSON; long ones lose digits
    are_digits(whole)
        && part.is_none_or(are_digits)
        && (whole.len() == 1 || !whole.starts_with(b"0"))
        && digits.len() <= 15
        && text != b"-0"
}

/// A plain scalar that no schema reads as a number, a boolean or null.
pub(super) fn is_surely_text(text: &[u8]) -> bool {
    const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"];
    let is_digit_like = |b: &u8| b.is_ascii_hexdigit() || b"xXoO+._:-".contains(b);
    let word = text.iter().position(|b| !b"+-.".contains(b)).and_then(|at| text.get(at..)).unwrap_or_default();
    if WORDS.iter().any(|w| word.eq_ignore_ascii_case(w.as_bytes())) {
        return false;
    }
    match text.first() {
        Some(b) if b.is_ascii_alphabetic() => true,
        Some(b'_' | b'/' | b'(' | b'$') => true,
        Some(_) if !text.iter().all(is_digit_like) => true,
        // an IPv4 address or a version
        Some(b'0'..=b'9') => text.iter().all(|b| b.is_ascii_digit() || *b == b'.') && text.split(|b| *b == b'.').count() > 2,
        Some(_) | None => false,
    }
}

/// Writes a string of plain characters and line feeds.
pub(super) fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// Writes the string and gives what follows it.
pub(super) fn double_quoted<'t>(text: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => break,
            // escapes that mean the same in JSON
            b'\\' if matches!(text.get(at + 1)?, b'"' | b'\\' | b'n' | b't' | b'r') => at += 2,
            b'\\' => return None,
            _ => at += 1,
        }
    }
    out.extend_from_slice(text.get(..=at)?);
    text.get(at + 1..)
}

/// Writes the string and gives what follows it.
pub(super) fn single_quoted<'t>(text: &'t [u8], out: &mut Vec<u8>) -> Option<&'t [u8]> {
    let inner = text.get(1..)?;
    let end = inner.iter().position(|b| *b == b'\'')?;
    let rest = inner.get(end + 1..)?;
    if rest.starts_with(b"'") {
        return None;
    }
    string(inner.get(..end)?, out);
    Some(rest)
}
