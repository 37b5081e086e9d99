//! The program that runs inside a pod: no kube, no clap, static.

fn main() {}
