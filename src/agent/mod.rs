//! The in-pod agent: reads requests, runs probes, writes answers.
