//! A list in protobuf, object by object as its bytes arrive.
//!
//! An answer is four bytes and a `runtime.Unknown` (apimachinery pkg/runtime/serializer/protobuf, pkg/runtime/generated.proto), whose `raw`
//! is the list: its metadata with the token of the next page, and the items. No more than one object is held.

use super::WireError;
use super::read::{Content, Cursor, Head};

/// What every protobuf answer starts with.
const MAGIC: [u8; 4] = *b"k8s\0";

/// Most bytes of one object, or of everything before the list. The API server refuses larger ones (etcd's default limit is 1.5 MiB).
const MAX_OBJECT: u64 = 4 << 20;

/// Reads one list.
pub(in crate::discover) struct ListStream {
    /// The kind the list must have, as `PodList`.
    kind: String,
    /// Bytes of a field that is not whole yet.
    buffer: Vec<u8>,
    stage: Stage,
    next: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Magic,
    /// In the `Unknown`, before the list.
    Before,
    /// In the list, with so many bytes of it to come.
    List(u64),
    /// In the `Unknown`, after the list.
    After,
}

/// One step of reading.
enum Step<'a> {
    Object(&'a [u8]),
    Other,
}

impl ListStream {
    pub(in crate::discover) fn new(kind: String) -> Self {
        Self { kind, buffer: Vec::new(), stage: Stage::Magic, next: String::new() }
    }

    /// Takes more bytes, and gives each object that is whole with them.
    pub(in crate::discover) fn push(
        &mut self,
        bytes: &[u8],
        each: &mut dyn FnMut(&[u8]) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(bytes);
        let mut cursor = Cursor::new(&buffer);
        let used = loop {
            let used = buffer.len() - cursor.left();
            match self.step(&mut cursor) {
                Ok(Some(Step::Object(object))) => each(object)?,
                Ok(Some(Step::Other)) => {}
                Ok(None) | Err(WireError::Cut) => break used,
                Err(bad @ WireError::Bad(_)) => return Err(bad),
            }
        };
        buffer.drain(..used);
        self.buffer = buffer;
        Ok(())
    }

    /// The token of the next page, empty when there is none. An error when the answer ended too early.
    pub(in crate::discover) fn finish(self) -> Result<String, WireError> {
        if self.stage != Stage::After || !self.buffer.is_empty() {
            return Err(WireError::Cut);
        }
        Ok(self.next)
    }

    /// Reads one field, or enters the list. `None` at the end of the bytes.
    fn step<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<Option<Step<'a>>, WireError> {
        if cursor.left() == 0 && self.stage != Stage::List(0) {
            return Ok(None);
        }
        match self.stage {
            Stage::Magic => {
                if cursor.take(4)? != MAGIC {
                    return Err(WireError::bad("it does not start as protobuf of Kubernetes does"));
                }
                self.stage = Stage::Before;
            }
            Stage::Before => {
                let mut ahead = *cursor;
                if let (2, Head::Length(length)) = ahead.head()? {
                    *cursor = ahead;
                    self.stage = Stage::List(length);
                } else if let (1, Content::Bytes(bytes)) = whole(cursor, MAX_OBJECT)? {
                    self.is_wanted(bytes)?;
                }
            }
            Stage::List(0) => self.stage = Stage::After,
            Stage::List(left) => {
                let before = cursor.left();
                let field = whole(cursor, left)?;
                // what was read is never longer than what was left: `whole` saw to it
                self.stage = Stage::List(left.saturating_sub((before - cursor.left()) as u64));
                match field {
                    (1, Content::Bytes(metadata)) => self.next = text_of(metadata, 3)?,
                    (2, Content::Bytes(object)) => return Ok(Some(Step::Object(object))),
                    (_, Content::Number(_) | Content::Bytes(_) | Content::Fixed) => {}
                }
            }
            Stage::After => {
                whole(cursor, MAX_OBJECT)?;
            }
        }
        Ok(Some(Step::Other))
    }

    /// Refuses a list of another kind, whose fields would have other meanings.
    fn is_wanted(&self, type_meta: &[u8]) -> Result<(), WireError> {
        let kind = text_of(type_meta, 2)?;
        if kind == self.kind { Ok(()) } else { Err(WireError::Bad(format!("it is a {kind:.64}, not a {}", self.kind))) }
    }
}

/// One field of at most so many bytes. Nothing is read when it is not whole.
fn whole<'a>(cursor: &mut Cursor<'a>, most: u64) -> Result<(u32, Content<'a>), WireError> {
    let mut ahead = *cursor;
    let (_, head) = ahead.head()?;
    let length = match head {
        Head::Length(length) => length,
        Head::Fixed(length) => length as u64,
        Head::Number => 0,
    };
    let so_far = (cursor.left() - ahead.left()) as u64;
    if length > MAX_OBJECT {
        return Err(WireError::Bad(format!("an object of {length} bytes is larger than Kubernetes allows")));
    }
    if so_far + length > most {
        return Err(WireError::bad("an object is longer than the list that holds it"));
    }
    let mut ahead = *cursor;
    let field = ahead.next()?.ok_or(WireError::Cut)?;
    if (cursor.left() - ahead.left()) as u64 > most {
        return Err(WireError::bad("a number is longer than the list that holds it"));
    }
    *cursor = ahead;
    Ok(field)
}

/// One string of a message, empty when it is not there.
fn text_of(message: &[u8], wanted: u32) -> Result<String, WireError> {
    let mut text = String::new();
    let mut cursor = Cursor::new(message);
    while let Some((number, content)) = whole_message(&mut cursor)? {
        if let (true, Content::Bytes(bytes)) = (number == wanted, content) {
            text = String::from_utf8_lossy(bytes).into_owned();
        }
    }
    Ok(text)
}

/// A field of a message that has no more bytes to come: one that is cut is wrong.
fn whole_message<'a>(cursor: &mut Cursor<'a>) -> Result<Option<(u32, Content<'a>)>, WireError> {
    cursor.next().map_err(|error| match error {
        WireError::Cut => WireError::bad("a field is longer than the message that holds it"),
        WireError::Bad(why) => WireError::Bad(why),
    })
}

/// The message of a `metav1.Status` in protobuf, as errors have it.
pub(in crate::discover) fn status_message(body: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(body.strip_prefix(&MAGIC)?);
    while let Ok(Some((number, content))) = cursor.next() {
        if let (2, Content::Bytes(status)) = (number, content) {
            return text_of(status, 3).ok();
        }
    }
    None
}
