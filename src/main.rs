//! `kubectl netcheck`.

fn main() {}
