//! Pods of a workload that policies treat alike, and every connection between them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Pod, Protocol};
use crate::policy::classes::Features;
use crate::policy::{Directory, Endpoint, Matrix, Outcome, Rulebook};
use crate::report::policy_matrix::Cell;

use super::ports::Ports;
use super::workloads::Workload;
use super::{flow, missing, speaks};

/// The second pod of a workload that has one.
const ANOTHER: &str = "(another)";

const FAMILIES_DIFFER: &str = "the answer over IPv4 is another than that over IPv6";
const NO_FAMILY: &str = "they have no address of one family";

/// Pods of one workload that nothing tells apart.
pub(super) struct Lot<'a> {
    pub(super) workload: Workload<'a>,
    /// Its ports that were asked for.
    pub(super) ports: Vec<(Protocol, u16)>,
    pub(super) members: Vec<Endpoint<'a>>,
    /// There are others of the workload.
    pub(super) is_part: bool,
}

/// A port of a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) lot: usize,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
}

/// Every connection between lots.
pub(super) struct Grid<'a> {
    pub(super) lots: Vec<Lot<'a>>,
    pub(super) columns: Vec<Column>,
    /// From each lot to each column, row after row.
    pub(super) cells: Vec<Cell>,
}

impl Column {
    pub(super) fn protocol_word(&self) -> &'static str {
        match self.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        }
    }
}

impl Lot<'_> {
    /// `statefulset/shop/db`, or `statefulset/shop/db[db-0]` where its pods are not alike.
    pub(super) fn label(&self) -> String {
        let names: Vec<&str> = self.members.iter().map(|m| m.name).collect();
        self.workload.label_of(self.is_part.then_some(names.as_slice()))
    }

    /// Two of them can be the ends of a connection: one pod of a Deployment stands for as many as it may have.
    fn has_two(&self) -> bool {
        self.members.len() > 1 || !self.workload.is_pod() && !self.is_part
    }
}

impl<'a> Grid<'a> {
    pub(super) fn new(pods: &[&'a Pod], ports: &Ports, directory: &'a Directory<'a>, book: &Rulebook) -> Self {
        let endpoints: Vec<Endpoint<'a>> = pods.iter().map(|pod| directory.pod(pod)).collect();
        let classes = Features::of(book).classes(&endpoints);
        let mut grouped: BTreeMap<_, Vec<Endpoint<'a>>> = BTreeMap::new();
        for ((pod, endpoint), class) in pods.iter().zip(endpoints).zip(classes.of) {
            grouped.entry((Workload::of(pod), class)).or_default().push(endpoint);
        }
        let lot = |((workload, _), members): ((Workload<'a>, usize), Vec<Endpoint<'a>>)| Lot {
            ports: ports.of_workload(&workload),
            workload,
            members,
            is_part: false,
        };
        let lots: Vec<Lot<'a>> = grouped.into_iter().map(lot).collect();
        let columns = columns(&lots);
        let cells = decided(&lots, &columns, book);
        let mut all = Self { lots, columns, cells };
        all.join_alike();
        all.mark_itself();
        all
    }

    /// Where the connection of a place depends on what is not known: on what.
    pub(super) fn why_open(&self, book: &Rulebook, row: usize, column: usize) -> Vec<String> {
        let Some((from, to, column)) = self.ends(row, column) else { return Vec::new() };
        let Some(flow) = flow(from, to, column) else { return vec![NO_FAMILY.to_owned()] };
        match missing(&book.judge(&flow)) {
            known if known.is_empty() => vec![FAMILIES_DIFFER.to_owned()],
            missing => missing,
        }
    }

    /// Two pods that stand for the ends of a place.
    pub(super) fn ends(&self, row: usize, column: usize) -> Option<(Endpoint<'a>, Endpoint<'a>, &Column)> {
        let column = self.columns.get(column)?;
        let from = self.lots.get(row)?.members.first()?;
        let to = self.lots.get(column.lot)?.members.iter().rev();
        // two different ones within a lot; a workload may have another one soon
        let to = to.into_iter().find(|e| !e.is(from)).map_or(Endpoint { name: ANOTHER, ..*from }, |to| *to);
        Some((*from, to, column))
    }

    /// Takes lots of one workload together whose rows and columns are equal.
    fn join_alike(&mut self) {
        let mut joined: BTreeMap<usize, usize> = BTreeMap::new();
        let mut parts: BTreeSet<usize> = BTreeSet::new();
        let all: Vec<usize> = (0..self.lots.len()).collect();
        for same in all.chunk_by(|a, b| self.workload(*a) == self.workload(*b)).filter(|same| same.len() > 1) {
            let mut kept: Vec<usize> = Vec::new();
            for lot in same {
                match kept.iter().find(|k| self.alike(**k, *lot)) {
                    Some(into) => drop(joined.insert(*lot, *into)),
                    None => kept.push(*lot),
                }
            }
            if kept.len() > 1 {
                parts.extend(kept);
            }
        }
        for (at, lot) in self.lots.iter_mut().enumerate() {
            lot.is_part = parts.contains(&at);
        }
        if !joined.is_empty() {
            self.remove(&joined);
        }
    }

    fn workload(&self, lot: usize) -> Option<&Workload<'a>> {
        self.lots.get(lot).map(|l| &l.workload)
    }

    pub(super) fn row(&self, lot: usize) -> &[Cell] {
        let width = self.columns.len();
        self.cells.get(lot * width..(lot + 1) * width).unwrap_or_default()
    }

    pub(super) fn columns_of(&self, lot: usize) -> impl Iterator<Item = usize> {
        let start = self.columns.partition_point(|c| c.lot < lot);
        start..self.columns.partition_point(|c| c.lot <= lot)
    }

    fn alike(&self, a: usize, b: usize) -> bool {
        let same_column = |(x, y): (usize, usize)| {
            (0..self.lots.len()).all(|row| {
                let row = self.row(row);
                row.get(x) == row.get(y)
            })
        };
        self.row(a) == self.row(b) && self.columns_of(a).zip(self.columns_of(b)).all(same_column)
    }

    /// Moves the members of lots into others, and takes out their rows and columns.
    fn remove(&mut self, joined: &BTreeMap<usize, usize>) {
        let stays: BTreeSet<usize> = (0..self.lots.len()).filter(|lot| !joined.contains_key(lot)).collect();
        let mut cells = Vec::new();
        for lot in &stays {
            let row = self.row(*lot).iter().zip(&self.columns);
            cells.extend(row.filter(|(_, column)| stays.contains(&column.lot)).map(|(cell, _)| *cell));
        }
        for (lot, into) in joined {
            let members = self.lots.get_mut(*lot).map(|l| std::mem::take(&mut l.members)).unwrap_or_default();
            if let Some(into) = self.lots.get_mut(*into) {
                into.members.extend(members);
                into.members.sort_by_key(|m| m.name);
            }
        }
        self.lots.retain(|lot| !lot.members.is_empty());
        self.columns = columns(&self.lots);
        self.cells = cells;
    }

    fn mark_itself(&mut self) {
        let width = self.columns.len();
        for (at, column) in self.columns.iter().enumerate() {
            let alone = self.lots.get(column.lot).is_some_and(|lot| !lot.has_two());
            if let (true, Some(cell)) = (alone, self.cells.get_mut(column.lot * width + at)) {
                *cell = Cell::Itself;
            }
        }
    }
}

fn columns(lots: &[Lot<'_>]) -> Vec<Column> {
    let of = |(lot, l): (usize, &Lot<'_>)| {
        l.ports.iter().map(move |(protocol, port)| Column { lot, protocol: *protocol, port: *port }).collect::<Vec<_>>()
    };
    lots.iter().enumerate().flat_map(of).collect()
}

/// Port by port, in each family that pods have.
fn decided(lots: &[Lot<'_>], columns: &[Column], book: &Rulebook) -> Vec<Cell> {
    let examples: Vec<Endpoint<'_>> = lots.iter().filter_map(|l| l.members.first()).copied().collect();
    let has = |v6: bool| examples.iter().any(|e| e.ip(v6).is_some());
    let families: &[bool] = match (has(false), has(true)) {
        (true, true) => &[false, true],
        (false, true) => &[true],
        (_, false) => &[false],
    };
    let ports: BTreeSet<(Protocol, u16)> = columns.iter().map(|c| (c.protocol, c.port)).collect();
    let mut cells: Vec<Option<Cell>> = vec![None; lots.len() * columns.len()];
    for (protocol, port) in ports {
        let of_port: Vec<(usize, usize)> = columns
            .iter()
            .enumerate()
            .filter(|(_, c)| (c.protocol, c.port) == (protocol, port))
            .map(|(at, c)| (at, c.lot))
            .collect();
        for v6 in families {
            let matrix = Matrix::new(book, examples.clone(), protocol, port, *v6);
            let speaks: Vec<bool> = examples.iter().map(|e| speaks(e, *v6)).collect();
            let speaks = |lot: usize| speaks.get(lot) == Some(&true);
            for (row, cells) in cells.chunks_mut(columns.len()).enumerate().filter(|(row, _)| speaks(*row)) {
                let Some(from) = matrix.class(row) else { continue };
                for (at, lot) in of_port.iter().filter(|(_, lot)| speaks(*lot)) {
                    let (Some(to), Some(cell)) = (matrix.class(*lot), cells.get_mut(*at)) else { continue };
                    *cell = Some(joined(*cell, matrix.between_classes(from, to)));
                }
            }
        }
    }
    cells.into_iter().map(|cell| cell.unwrap_or(Cell::Undetermined)).collect()
}

/// What one family says beside what the other said.
fn joined(before: Option<Cell>, outcome: Outcome) -> Cell {
    let cell = match outcome {
        Outcome::Allowed => Cell::Allowed,
        Outcome::Denied => Cell::Denied,
        Outcome::Undetermined => Cell::Undetermined,
    };
    if before.is_none_or(|before| before == cell) { cell } else { Cell::Undetermined }
}
