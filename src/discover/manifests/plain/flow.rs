//! Flow collections on one line: `[Ingress, Egress]`, `{app: web}`.

use super::{DEPTH, is_word, scalar};

/// Writes a collection that ends with its line.
pub(super) fn write(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let rest = value(text, out, 0)?;
    scalar::ends(rest)
}

/// Writes one value and gives what follows it.
fn value<'t>(text: &'t [u8], out: &mut Vec<u8>, depth: usize) -> Option<&'t [u8]> {
    if depth > DEPTH {
        return None;
    }
    match text.first()? {
        b'[' => collection(text, out, b']', depth),
        b'{' => collection(text, out, b'}', depth),
        b'"' => scalar::double_quoted(text, out),
        b'\'' => scalar::single_quoted(text, out),
        b if is_word(*b) && *b != b'-' => {
            let end = text.iter().position(|b| !is_word(*b)).unwrap_or(text.len());
            scalar::resolve(text.get(..end)?, out)?;
            text.get(end..)
        }
        _ => None,
    }
}

fn collection<'t>(text: &'t [u8], out: &mut Vec<u8>, close: u8, depth: usize) -> Option<&'t [u8]> {
    let is_mapping = close == b'}';
    out.push(*text.first()?);
    let mut rest = text.get(1..)?.trim_ascii_start();
    let mut keys: Vec<&[u8]> = Vec::new();
    while rest.first()? != &close || !keys.is_empty() {
        if is_mapping {
            let (key, after) = super::split_key(rest)?;
            if keys.contains(&key) || keys.len() >= super::KEYS {
                return None;
            }
            keys.push(key);
            scalar::string(key, out);
            out.push(b':');
            rest = after.trim_ascii_start();
        } else {
            keys.push(b"");
        }
        rest = value(rest, out, depth + 1)?.trim_ascii_start();
        match rest.first()? {
            b',' => rest = rest.get(1..)?.trim_ascii_start(),
            b if *b == close => break,
            _ => return None,
        }
        out.push(b',');
        if rest.first()? == &close {
            return None;
        }
    }
    out.push(close);
    rest.get(1..)
}
