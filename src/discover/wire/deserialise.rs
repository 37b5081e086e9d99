//! A message and its table as a serde deserialiser, so that the types made for JSON read it.

use std::cell::Cell;

use k8s_openapi::jiff::Timestamp;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::read::{Content, Cursor};
use super::{Field, Message, Shape, Times, WireError};

/// Most elements of lists and maps in one object. An empty container is two bytes on the wire and a kilobyte in memory.
const MAX_ELEMENTS: u32 = 20_000;

/// Reads one object.
pub(in crate::discover) fn decode<T: DeserializeOwned>(table: &'static Message, bytes: &[u8]) -> Result<T, WireError> {
    let elements = Elements(Cell::new(0));
    let object = T::deserialize(Value { shape: Shape::Message(table), content: Content::Bytes(bytes), elements: &elements });
    object.map_err(|error| match error {
        // there are no more bytes to come: the object is whole
        WireError::Cut => WireError::bad("a field is longer than the message that holds it"),
        WireError::Bad(why) => WireError::Bad(why),
    })
}

/// How many elements of lists and maps were read.
struct Elements(Cell<u32>);

impl Elements {
    fn count(&self) -> Result<(), WireError> {
        self.0.set(self.0.get().saturating_add(1));
        if self.0.get() > MAX_ELEMENTS {
            return Err(WireError::Bad(format!("an object has more than {MAX_ELEMENTS} elements in its lists")));
        }
        Ok(())
    }
}

/// One value: a scalar, or a message.
#[derive(Clone, Copy)]
struct Value<'a, 'e> {
    shape: Shape,
    content: Content<'a>,
    elements: &'e Elements,
}

impl<'a> Value<'a, '_> {
    fn bytes(&self) -> Result<&'a [u8], WireError> {
        match self.content {
            Content::Bytes(bytes) => Ok(bytes),
            Content::Number(_) | Content::Fixed => Err(WireError::bad("a number where a string or a message belongs")),
        }
    }

    fn number(&self) -> Result<i64, WireError> {
        match self.content {
            Content::Number(number) => Ok(number.cast_signed()),
            Content::Bytes(_) | Content::Fixed => Err(WireError::bad("bytes where a number belongs")),
        }
    }

    fn is_zero(&self) -> bool {
        match self.content {
            Content::Number(number) => number == 0,
            Content::Bytes(bytes) => bytes.is_empty(),
            Content::Fixed => false,
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(bytes).ok().ok_or_else(|| WireError::bad("a string is not UTF-8"))
}

impl<'de> Deserializer<'de> for Value<'de, '_> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.shape {
            Shape::Text => visitor.visit_borrowed_str(utf8(self.bytes()?)?),
            Shape::Bool => visitor.visit_bool(self.number()? != 0),
            Shape::Int => visitor.visit_i64(self.number()?),
            Shape::Message(table) | Shape::Inline(table) => visitor.visit_map(Fields::new(table, self.bytes()?, self.elements)),
            Shape::IntOrString => {
                let parts = Simple::of(self.bytes()?)?;
                if parts.first == 0 { visitor.visit_i64(parts.second) } else { visitor.visit_borrowed_str(parts.third) }
            }
            Shape::Quantity => visitor.visit_borrowed_str(Simple::of(self.bytes()?)?.text),
            Shape::Time => {
                let seconds = Simple::of(self.bytes()?)?.first;
                let time = Timestamp::from_second(seconds).ok().ok_or_else(|| WireError::bad("a time is out of range"))?;
                visitor.visit_string(time.to_string())
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct enum identifier ignored_any
    }
}

/// The first three fields of a small message: all of `Quantity` (text), `Time` (first) and `IntOrString` (first, second, third).
#[derive(Default)]
struct Simple<'a> {
    text: &'a str,
    first: i64,
    second: i64,
    third: &'a str,
}

impl<'a> Simple<'a> {
    fn of(message: &'a [u8]) -> Result<Self, WireError> {
        let mut simple = Self::default();
        let mut cursor = Cursor::new(message);
        while let Some((number, content)) = cursor.next()? {
            match (number, content) {
                (1, Content::Number(value)) => simple.first = value.cast_signed(),
                (1, Content::Bytes(bytes)) => simple.text = utf8(bytes)?,
                (2, Content::Number(value)) => simple.second = value.cast_signed(),
                (3, Content::Bytes(bytes)) => simple.third = utf8(bytes)?,
                (_, Content::Number(_) | Content::Bytes(_) | Content::Fixed) => {}
            }
        }
        Ok(simple)
    }
}

/// The used fields of a message, each once: all elements of a list are found when its first one is.
struct Fields<'a, 'e> {
    place: Place<'a>,
    /// Where to go on after an inline message.
    outer: Option<Place<'a>>,
    next: Option<(&'static Field, Content<'a>)>,
    elements: &'e Elements,
}

#[derive(Clone, Copy)]
struct Place<'a> {
    table: &'static Message,
    cursor: Cursor<'a>,
    /// Lists and maps that were read, by their place in the table.
    done: u32,
}

impl<'a, 'e> Fields<'a, 'e> {
    fn new(table: &'static Message, message: &'a [u8], elements: &'e Elements) -> Self {
        let place = Place { table, cursor: Cursor::new(message), done: 0 };
        Self { place, outer: None, next: None, elements }
    }

    /// The next field of the table that counts.
    fn find(&mut self) -> Result<Option<(&'static Field, Content<'a>)>, WireError> {
        loop {
            let Some((number, content)) = self.place.cursor.next()? else {
                let Some(outer) = self.outer.take() else { return Ok(None) };
                self.place = outer;
                continue;
            };
            let Some((at, field)) = self.place.table.0.iter().enumerate().find(|(_, field)| field.number == number) else {
                continue;
            };
            let value = Value { shape: field.shape, content, elements: self.elements };
            if let Shape::Inline(table) = field.shape {
                let inner = Place { table, cursor: Cursor::new(value.bytes()?), done: 0 };
                self.outer = Some(std::mem::replace(&mut self.place, inner));
                continue;
            }
            match field.times {
                Times::Plain if value.is_zero() => {}
                Times::Plain | Times::Pointer => return Ok(Some((field, content))),
                Times::Many | Times::Pairs if self.place.done & (1 << at) != 0 => {}
                Times::Many | Times::Pairs => {
                    self.place.done |= 1 << at;
                    return Ok(Some((field, content)));
                }
            }
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, WireError> {
        self.next = self.find()?;
        let Some((field, _)) = self.next else { return Ok(None) };
        seed.deserialize(BorrowedStrDeserializer::new(field.name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, WireError> {
        let (field, content) = self.next.take().ok_or_else(|| WireError::bad("a value without a key"))?;
        let value = Value { shape: field.shape, content, elements: self.elements };
        match field.times {
            Times::Plain | Times::Pointer => seed.deserialize(value),
            Times::Many | Times::Pairs => {
                seed.deserialize(Repeated { field, first: Some(content), cursor: self.place.cursor, elements: self.elements })
            }
        }
    }
}

/// All occurrences of one field from its first on: a list or a map.
struct Repeated<'a, 'e> {
    field: &'static Field,
    first: Option<Content<'a>>,
    /// After the first.
    cursor: Cursor<'a>,
    elements: &'e Elements,
}

impl<'a, 'e> Repeated<'a, 'e> {
    fn element(&mut self) -> Result<Option<Value<'a, 'e>>, WireError> {
        let mut found = self.first.take();
        while found.is_none() {
            let Some((number, content)) = self.cursor.next()? else { return Ok(None) };
            found = (number == self.field.number).then_some(content);
        }
        self.elements.count()?;
        Ok(found.map(|content| Value { shape: self.field.shape, content, elements: self.elements }))
    }
}

impl<'de> Deserializer<'de> for Repeated<'de, '_> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.field.times {
            Times::Pairs => visitor.visit_map(Pairs { pairs: self, value: None }),
            Times::Many | Times::Plain | Times::Pointer => visitor.visit_seq(self),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Repeated<'de, '_> {
    type Error = WireError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, WireError> {
        self.element()?.map(|value| seed.deserialize(value)).transpose()
    }
}

/// The pairs of a map: messages of key (1) and value (2).
struct Pairs<'a, 'e> {
    pairs: Repeated<'a, 'e>,
    value: Option<Value<'a, 'e>>,
}

impl<'de> MapAccess<'de> for Pairs<'de, '_> {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, WireError> {
        let Some(pair) = self.pairs.element()? else { return Ok(None) };
        let mut key = "";
        let mut value = Value { content: Content::Bytes(&[]), ..pair };
        let mut cursor = Cursor::new(pair.bytes()?);
        while let Some((number, content)) = cursor.next()? {
            match (number, content) {
                (1, Content::Bytes(bytes)) => key = utf8(bytes)?,
                (2, _) => value.content = content,
                (_, Content::Number(_) | Content::Bytes(_) | Content::Fixed) => {}
            }
        }
        self.value = Some(value);
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, WireError> {
        seed.deserialize(self.value.take().ok_or_else(|| WireError::bad("a value without a key"))?)
    }
}
