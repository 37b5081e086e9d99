//! The report of `kubectl netcheck policy matrix`: who may connect to whom, workload by workload.

mod csv;
mod diff;
mod dot;
mod svg;
mod text;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::ser::Serializer;

use super::diagnosis::GapPart;
use super::policy_pair::{OutcomePart, ProblemPart};

pub use csv::{csv, csv_of_changes};
pub use diff::{ChangePart, PolicyMatrixDiff, StatePart, render_diff};
pub use dot::dot;
pub use svg::svg;
pub use text::render;

/// What the policies say of every pair of workloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMatrix {
    pub api_version: String,
    /// Always `PolicyMatrix`.
    pub kind: String,
    /// 0: every connection was decided. 3: some are undetermined, or the pods could not be listed.
    pub exit_code: u8,
    /// How many connections end how.
    pub sentence: String,
    /// The namespace that both ends are in; absent for all.
    pub namespace: Option<String>,
    /// Whether anything enforces the policies, as far as the cluster's network says.
    pub enforcement: String,
    /// The ends, by namespace, kind and name.
    pub workloads: Vec<WorkloadPart>,
    /// Every workload to every port of every workload.
    pub connections: Pairs,
    /// What in the policies is not as it should be; the rest of them counts.
    pub problems: Vec<ProblemPart>,
    /// What could not be judged, and why.
    pub gaps: Vec<GapPart>,
}

/// Pods that policies treat alike: those of a workload, or some of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadPart {
    /// `deployment/shop/web`; with pods in brackets where the policies do not treat all pods of the workload alike.
    pub name: String,
    /// How many pods it stands for.
    pub pods: usize,
    /// Which pods, where it is not all of the workload.
    pub only: Vec<String>,
}

/// A port of a workload that connections go to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortPart {
    pub to: String,
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
}

/// How one connection ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PairPart<'a> {
    pub from: Cow<'a, str>,
    pub to: Cow<'a, str>,
    /// Of the destination's pods, after Services were translated.
    pub port: u16,
    pub protocol: Cow<'a, str>,
    pub outcome: OutcomePart,
}

/// What is in a place of the matrix. A byte: large clusters have millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Cell {
    Allowed,
    Denied,
    Undetermined,
    /// A pod and itself, which nothing can forbid.
    Itself,
}

/// Connections as a matrix: sources are rows, and ports of destinations columns. Written as a list of [`PairPart`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs {
    pub from: Vec<String>,
    pub to: Vec<PortPart>,
    /// Row after row.
    pub cells: Vec<Cell>,
}

impl Cell {
    pub fn outcome(self) -> Option<OutcomePart> {
        match self {
            Self::Allowed => Some(OutcomePart::Allowed),
            Self::Denied => Some(OutcomePart::Denied),
            Self::Undetermined => Some(OutcomePart::Undetermined),
            Self::Itself => None,
        }
    }

    /// As in the grid of the table.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Allowed => "+",
            Self::Denied => "-",
            Self::Undetermined => "?",
            Self::Itself => ".",
        }
    }
}

impl Pairs {
    /// One source to all ports.
    pub fn row(&self, row: usize) -> &[Cell] {
        let width = self.to.len();
        self.cells.get(row * width..(row + 1) * width).unwrap_or_default()
    }

    /// Every connection of two different pods, sources first.
    pub fn iter(&self) -> impl Iterator<Item = PairPart<'_>> {
        self.from.iter().enumerate().flat_map(move |(row, from)| {
            self.to.iter().zip(self.row(row)).filter_map(move |(to, cell)| {
                Some(PairPart {
                    from: Cow::Borrowed(from),
                    to: Cow::Borrowed(&to.to),
                    port: to.port,
                    protocol: Cow::Borrowed(to.protocol),
                    outcome: cell.outcome()?,
                })
            })
        })
    }

    /// How many connections end so.
    pub fn count(&self, cell: Cell) -> usize {
        self.cells.iter().filter(|c| **c == cell).count()
    }
}

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl JsonSchema for Pairs {
    fn schema_name() -> Cow<'static, str> {
        Vec::<PairPart<'_>>::schema_name()
    }

    fn inline_schema() -> bool {
        Vec::<PairPart<'_>>::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<PairPart<'_>>::json_schema(generator)
    }
}
