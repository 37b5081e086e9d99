//! The answer as data (`netcheck.dev/v1`) and as text.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod collection;
pub mod diagnosis;
pub mod info;
pub mod json;
pub mod page;
pub mod policy_lint;
pub mod policy_matrix;
pub mod policy_pair;
pub mod policy_text;
#[cfg(test)]
mod sample;
pub mod sanitise;
pub mod sarif;
pub mod schema;
mod table;
pub mod text;
