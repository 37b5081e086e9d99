//! The lines that the command-line program and the agent exchange: one JSON object a line, at most 1 MiB.
//!
//! Requests are strict, answers tolerant: an agent that ignored an unknown option would mislead, and a newer agent may
//! say more than this version understands.

use serde::{Deserialize, Serialize};

use crate::probe::{ProbeOutcome, ProbeSpec};

/// The version of these lines. Another version is refused.
pub const VERSION: u32 = 1;

/// Longest line either side accepts, in bytes, the line feed included.
pub const MAX_LINE: usize = 1 << 20;

/// Most bytes of answers accepted from one agent in one run.
pub const MAX_TOTAL: usize = 16 << 20;

/// A line to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ToAgent {
    /// Run a probe. Probes run side by side; answers come in any order.
    Run {
        id: u32,
        spec: serde_json::Value,
        /// The agent gives up on the probe after this long and says `NotRun`.
        deadline_ms: u64,
    },
    /// Answer what is still open, then end. The end of standard input is not relied on (kubernetes#89899).
    Stop {},
}

/// A line from the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "one line is alive at a time")]
pub enum FromAgent {
    /// Always the first line.
    Hello {
        protocol: u32,
        /// The agent's version, as `0.1.0`.
        build: String,
        /// Names of the probes it knows.
        can: Vec<String>,
    },
    Done {
        id: u32,
        outcome: ProbeOutcome,
        elapsed_us: u64,
    },
    /// A request the agent could not read; `id` when it could tell which.
    Refused {
        id: Option<u32>,
        why: String,
    },
    /// Always the last line.
    Bye {
        /// Peak resident memory of the agent in KiB (`VmHWM`, `proc_pid_status(5)`).
        peak_kib: u64,
    },
    #[serde(other)]
    Unknown,
}

/// A probe that was run and what came of it: what decisions see, and what a bundle keeps, one line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// The pod the probe started in.
    pub from: crate::model::ObjectRef,
    /// The wave it belonged to, from 0.
    pub wave: u32,
    pub spec: ProbeSpec,
    pub outcome: ProbeOutcome,
    pub elapsed_us: u64,
}

/// An agent that could not be started, and why. A bundle keeps it, so that a replay has the same gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchFailure {
    /// The pod it was meant for.
    pub pod: crate::model::ObjectRef,
    pub kind: LaunchProblem,
    /// One line: what is wrong.
    pub cause: String,
    /// One line: what to do next.
    pub next: String,
}

/// What sort of thing keeps an agent from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaunchProblem {
    /// The image cannot be pulled.
    Image,
    /// The runtime cannot make or start the container.
    Container,
    /// RBAC refuses it.
    Forbidden,
    /// Pod Security or an admission webhook refuses it.
    Admission,
    Quota,
    /// The node or its kubelet does not answer.
    Node,
    /// The pod has ended or is gone.
    Pod,
    /// No agent can run in this pod: a static pod, Windows, a virtual node, too many ephemeral containers.
    Unsupported,
    /// The container runs something that is not an agent of this version.
    NotAnAgent,
    TimedOut,
    /// The run was ended.
    Cancelled,
    #[serde(other)]
    Other,
}
