//! Fields of a protobuf message, one after the other, without copying.
//!
//! Source: protobuf.dev/programming-guides/encoding. Written here because no crate offers just this: prost's `encoding` is hidden from its
//! documentation as internal, quick-protobuf trusts the lengths of nested messages (its issue 273), and neither tells bytes that are still to
//! come from bytes that are wrong, which reading an answer as it arrives depends on.

use std::fmt;

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::discover) enum WireError {
    /// They end inside a field. More of them may make it whole.
    Cut,
    /// No further byte can mend it.
    Bad(String),
}

impl WireError {
    pub(super) fn bad(why: &str) -> Self {
        Self::Bad(why.to_owned())
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("the message ends inside a field"),
            Self::Bad(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for WireError {}

impl serde::de::Error for WireError {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self::Bad(why.to_string())
    }
}

/// The content of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// An integer or a boolean.
    Number(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// Four or eight bytes. No field that is read has this form.
    Fixed,
}

/// What stands before the content of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Number,
    /// So many bytes follow.
    Length(u64),
    Fixed(usize),
}

/// A place in a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next field with its number; `None` at the end of the message.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Content<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, head) = self.head()?;
        let content = match head {
            Head::Number => Content::Number(self.varint()?),
            Head::Length(length) => Content::Bytes(self.take(length)?),
            Head::Fixed(length) => {
                self.take(length as u64)?;
                Content::Fixed
            }
        };
        Ok(Some((number, content)))
    }

    /// Number and form of the next field. The content follows.
    pub(super) fn head(&mut self) -> Result<(u32, Head), WireError> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|n| (1..1 << 29).contains(n));
        let number = number.ok_or_else(|| WireError::bad("a field has a number out of range"))?;
        let head = match key & 7 {
            0 => Head::Number,
            1 => Head::Fixed(8),
            2 => Head::Length(self.varint()?),
            5 => Head::Fixed(4),
            _ => return Err(WireError::bad("a field has a form that Kubernetes does not use")),
        };
        Ok((number, head))
    }

    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (at, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            // the tenth byte holds the 64th bit
            if at == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * at);
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        if self.rest.len() < 10 { Err(WireError::Cut) } else { Err(WireError::bad("a number has more than 64 bits")) }
    }

    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or(WireError::Cut)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_at_most_64_bits() {
        let read = |bytes: &[u8]| Cursor::new(bytes).varint();
        assert_eq!(read(&[0x96, 0x01]), Ok(150));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        assert_eq!(read(&[0x80, 0x80]), Err(WireError::Cut));
        assert_eq!(read(&[]), Err(WireError::Cut));
        assert!(matches!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]), Err(WireError::Bad(_))));
        assert!(matches!(read(&[0xff; 11]), Err(WireError::Bad(_))));
    }

    #[test]
    fn fields_of_every_form() {
        let mut cursor =
            Cursor::new(&[0x08, 0x05, 0x12, 0x02, b'o', b'k', 0x1d, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0x2a, 0x09]);
        assert_eq!(cursor.next(), Ok(Some((1, Content::Number(5)))));
        assert_eq!(cursor.next(), Ok(Some((2, Content::Bytes(b"ok")))));
        assert_eq!(cursor.next(), Ok(Some((3, Content::Fixed))));
        assert_eq!(cursor.next(), Ok(Some((4, Content::Fixed))));
        assert_eq!(cursor.next(), Err(WireError::Cut));
        assert!(matches!(Cursor::new(&[0x0b]).next(), Err(WireError::Bad(_))), "groups");
        assert!(matches!(Cursor::new(&[0x00]).next(), Err(WireError::Bad(_))), "field 0");
    }
}
