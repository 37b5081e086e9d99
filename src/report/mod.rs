//! The answer as data (`netcheck.dev/v1`) and as text.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod diagnosis;
