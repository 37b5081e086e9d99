//! Protobuf as the API server writes it, read with tables of the fields that are used.
//!
//! A table says for each field its number and its name in JSON. With it, a message deserialises into the same Rust type as its JSON:
//! what follows (pruning, model, bundle) is one way for both. All other fields are skipped by their length, which is
//! where the speed comes from: `managedFields`, environment and volumes are most of a pod.
//!
//! Numbers and types are those of `generated.proto` in k8s.io/api and k8s.io/apimachinery v0.36 (Kubernetes v1.36). They never change: the
//! API server stores objects in this form. Whether a Go field is a pointer is not in those files; it is in `types.go` beside them.

mod deserialise;
mod list;
mod read;
#[cfg(test)]
mod tests;

pub(super) use deserialise::decode;
pub(super) use list::{ListStream, status_message};
pub(super) use read::WireError;

/// What to ask for: protobuf, or JSON from a server that has no protobuf for this kind.
pub(super) const ACCEPT: &str = "application/vnd.kubernetes.protobuf, application/json";

/// Content type of a protobuf answer.
pub(super) const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// The used fields of one message. At most 32.
#[derive(Debug)]
pub(super) struct Message(pub(super) &'static [Field]);

/// One field: its number, its name in JSON, and what is in it.
#[derive(Debug)]
pub(super) struct Field {
    number: u32,
    name: &'static str,
    times: Times,
    shape: Shape,
}

/// How often a field may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// Once, and it does not count when it is zero: Go writes a plain field always, in JSON only when it is not zero.
    Plain,
    /// Once, and a zero counts: a Go pointer that is not nil, or a struct.
    Pointer,
    Many,
    /// Each time one pair of a map from strings.
    Pairs,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Text,
    Bool,
    Int,
    Message(&'static Message),
    /// A message whose fields are in JSON fields of the outer one (`json:",inline"`). They do not repeat.
    Inline(&'static Message),
    /// A number or a string in JSON.
    IntOrString,
    /// A string in JSON.
    Quantity,
    /// An RFC 3339 string in JSON.
    Time,
}

const fn field(number: u32, name: &'static str, times: Times, shape: Shape) -> Field {
    Field { number, name, times, shape }
}

/// A Go `string`.
pub(super) const fn text(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Plain, Shape::Text)
}

/// A Go `*string`.
pub(super) const fn text_pointer(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Pointer, Shape::Text)
}

/// A Go `bool`.
pub(super) const fn bool(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Plain, Shape::Bool)
}

/// A Go `*bool`.
pub(super) const fn bool_pointer(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Pointer, Shape::Bool)
}

/// A Go `int32` or `int64`.
pub(super) const fn int(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Plain, Shape::Int)
}

/// A Go `*int32` or `*int64`.
pub(super) const fn int_pointer(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Pointer, Shape::Int)
}

/// A message.
pub(super) const fn one(number: u32, name: &'static str, message: &'static Message) -> Field {
    field(number, name, Times::Pointer, Shape::Message(message))
}

/// A message without a name of its own in JSON.
pub(super) const fn inline(number: u32, message: &'static Message) -> Field {
    field(number, "", Times::Pointer, Shape::Inline(message))
}

/// `metav1.Time`.
pub(super) const fn time(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Pointer, Shape::Time)
}

/// `intstr.IntOrString`.
pub(super) const fn int_or_string(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Pointer, Shape::IntOrString)
}

/// A list of messages.
pub(super) const fn many(number: u32, name: &'static str, message: &'static Message) -> Field {
    field(number, name, Times::Many, Shape::Message(message))
}

/// A list of strings.
pub(super) const fn texts(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Many, Shape::Text)
}

/// A map of strings.
pub(super) const fn text_map(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Pairs, Shape::Text)
}

/// A map of quantities, as `{"memory": "170Mi"}`.
pub(super) const fn quantity_map(number: u32, name: &'static str) -> Field {
    field(number, name, Times::Pairs, Shape::Quantity)
}
