//! Which CNI plugins a cluster runs, by evidence: one file a CNI.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
