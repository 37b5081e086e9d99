//! The command line: what a person types and reads.

pub mod error;
pub mod exit;
pub mod grammar;
