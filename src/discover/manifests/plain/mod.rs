//! The plain part of YAML, in which programs write manifests and people most of them, straight to JSON.
//!
//! The full parser reads a few megabytes a second, which would be nearly all of the time that a question about manifests takes. So a
//! document is tried here first. This reader takes block mappings and sequences, one-line scalars and flow collections, and literal block
//! scalars, all in ASCII; at the first thing beyond (an anchor, a tag, a folded scalar, a key that is there twice, …) it gives up, and the
//! full parser has the word. It never accepts what the full parser reads otherwise or refuses: `tests` compare the two.

mod flow;
mod scalar;
#[cfg(test)]
mod tests;

/// Deepest nesting; manifests have about 15.
const DEPTH: usize = 48;
/// Most keys of one mapping: each is compared with those before it.
const KEYS: usize = 64;

/// Writes a document's JSON. `None`: it is not plain, and `out` holds nothing of use.
pub(super) fn to_json(document: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut reader = Reader { text: document.as_bytes(), at: 0, line: None, out, depth: 0 };
    reader.advance()?;
    if reader.line.is_some_and(|l| l.indent == 0 && l.content == b"---") {
        reader.advance()?;
    }
    reader.line?;
    reader.block()?;
    // what is left belongs to nothing
    reader.line.is_none().then_some(())
}

/// A line with something on it; a comment at its end is still there.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    /// The column of its first character.
    indent: usize,
    /// From there on, without spaces at the end.
    content: &'a [u8],
}

struct Reader<'a, 'o> {
    text: &'a [u8],
    /// Where the line after the current one starts.
    at: usize,
    line: Option<Line<'a>>,
    out: &'o mut Vec<u8>,
    depth: usize,
}

impl<'a> Reader<'a, '_> {
    /// The next line as it stands, without its line feed.
    fn raw(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        self.at += (end + 1).min(rest.len());
        rest.get(..end)
    }

    /// Goes to the next line with content. `None`: a character that is not plain.
    fn advance(&mut self) -> Option<()> {
        self.line = None;
        while let Some(raw) = self.raw() {
            let indent = raw.iter().take_while(|b| **b == b' ').count();
            let content = raw.get(indent..).unwrap_or_default();
            if content.first().is_none_or(|b| *b == b'#') {
                // even a comment may hold only printable characters
                if !content.iter().copied().all(is_plain) {
                    return None;
                }
                continue;
            }
            if !content.iter().copied().all(is_plain) {
                return None;
            }
            self.line = Some(Line { indent, content: content.trim_ascii_end() });
            break;
        }
        Some(())
    }

    fn block(&mut self) -> Option<()> {
        let line = self.line?;
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let done = if is_item(line.content) { self.sequence(line.indent) } else { self.mapping(line.indent) };
        self.depth -= 1;
        done
    }

    fn mapping(&mut self, indent: usize) -> Option<()> {
        let mut keys: [&[u8]; KEYS] = [&[]; KEYS];
        let mut count = 0;
        self.out.push(b'{');
        while let Some(line) = self.line.filter(|l| l.indent >= indent) {
            if line.indent > indent || is_item(line.content) {
                return None;
            }
            let (key, rest) = split_key(line.content)?;
            if keys.get(..count)?.contains(&key) {
                return None;
            }
            *keys.get_mut(count)? = key;
            if count > 0 {
                self.out.push(b',');
            }
            count += 1;
            self.out.push(b'"');
            self.out.extend_from_slice(key);
            self.out.extend_from_slice(b"\":");
            self.value(rest, indent, true)?;
        }
        self.out.push(b'}');
        Some(())
    }

    fn sequence(&mut self, indent: usize) -> Option<()> {
        self.out.push(b'[');
        let mut is_first = true;
        while let Some(line) = self.line.filter(|l| l.indent >= indent) {
            if line.indent > indent {
                return None;
            }
            if !is_item(line.content) {
                // the next key of a mapping whose sequences are not indented
                break;
            }
            if !std::mem::take(&mut is_first) {
                self.out.push(b',');
            }
            let after = line.content.get(1..)?;
            let rest = after.trim_ascii_start();
            let inner = Line { indent: indent + 1 + (after.len() - rest.len()), content: rest };
            if is_item(rest) || split_key(rest).is_some() {
                self.line = Some(inner);
                self.block()?;
            } else {
                self.value(rest, indent, false)?;
            }
        }
        self.out.push(b']');
        Some(())
    }

    /// What stands behind `key:` or `-`, and the lines that belong to it. Leaves the reader at the line after.
    fn value(&mut self, rest: &'a [u8], indent: usize, of_key: bool) -> Option<()> {
        let rest = rest.trim_ascii_start();
        match rest.first() {
            None | Some(b'#') => {
                self.advance()?;
                match self.line {
                    Some(next) if next.indent > indent => return self.block(),
                    Some(next) if of_key && next.indent == indent && is_item(next.content) => return self.block(),
                    Some(_) | None => self.out.extend_from_slice(b"null"),
                }
                return Some(());
            }
            Some(b'|') if of_key => return self.literal(rest.get(1..)?, indent),
            Some(b'[' | b'{') => flow::write(rest, self.out)?,
            Some(_) => scalar::write(rest, self.out)?,
        }
        self.advance()?;
        // a deeper line would continue the scalar
        self.line.is_none_or(|next| next.indent <= indent).then_some(())
    }

    /// A literal block scalar, `|` or `|-`.
    fn literal(&mut self, header: &[u8], parent: usize) -> Option<()> {
        let (is_stripped, comment) = header.strip_prefix(b"-").map_or((false, header), |rest| (true, rest));
        if !comment.is_empty() || !self.text.ends_with(b"\n") {
            return None;
        }
        let mut text: Vec<u8> = Vec::new();
        let mut indent = None;
        loop {
            let before = self.at;
            let Some(raw) = self.raw() else { break };
            if !raw.iter().copied().all(is_plain) {
                return None;
            }
            let spaces = raw.iter().take_while(|b| **b == b' ').count();
            let is_blank = spaces == raw.len();
            if is_blank && (indent.is_none() && spaces > 0) {
                // deeper than the first line with content, perhaps
                return None;
            }
            if !is_blank && indent.is_none() {
                if spaces <= parent {
                    return None;
                }
                indent = Some(spaces);
            }
            let column = indent.unwrap_or(0);
            if !is_blank && spaces < column {
                self.at = before;
                if spaces > parent {
                    return None;
                }
                break;
            }
            text.extend_from_slice(raw.get(column..).unwrap_or_default());
            text.push(b'\n');
        }
        indent?;
        while text.last() == Some(&b'\n') {
            text.pop();
        }
        if !is_stripped {
            text.push(b'\n');
        }
        scalar::string(&text, self.out);
        self.advance()
    }
}

/// Printable ASCII: no tab, no carriage return, nothing that needs decoding.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

/// `- …`, or `-` alone.
fn is_item(content: &[u8]) -> bool {
    matches!(content, [b'-'] | [b'-', b' ', ..])
}

/// `key: rest`. Keys are written as they are, so they hold nothing that JSON escapes.
fn split_key(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_quoted = matches!(content.first()?, b'"' | b'\'');
    let (key, rest) = if is_quoted {
        let (quote, inner) = content.split_first()?;
        let end = inner.iter().position(|b| b == quote)?;
        (inner.get(..end)?, inner.get(end + 1..)?)
    } else {
        content.split_at_checked(content.iter().position(|b| !is_word(*b))?)?
    };
    let is_simple = !key.is_empty() && key.iter().all(|b| is_word(*b)) && (is_quoted || scalar::is_surely_text(key));
    let rest = rest.strip_prefix(b":").filter(|rest| rest.first().is_none_or(|b| *b == b' '));
    Some((key, rest?)).filter(|_| is_simple)
}

/// What keys and words in flow collections consist of.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./-".contains(&byte)
}
