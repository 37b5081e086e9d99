//! Two states of a cluster side by side: which connections end differently, and which policy turns them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Cluster;
use crate::policy::legs::{Decided, Way, When};
use crate::policy::{Direction, Directory, Flow, Judgement, Outcome, Reason, account};
use crate::report::diagnosis::{API_VERSION, GapPart};
use crate::report::policy_matrix::{ChangePart, PolicyMatrixDiff, StatePart};
use crate::report::policy_pair::{OutcomePart, ProblemPart};

use super::lots::Grid;
use super::ports::Ports;
use super::{Scope, Survey, flow, missing_pods, place, plural};

/// Changes that are explained; of more, only the outcomes are told.
const MAX_EXPLAINED: usize = 2000;

/// Which connections end differently in another state of the cluster. `how`: what the other state is, for the report.
pub fn compare(scope: &Scope, before: &Cluster, after: &Cluster, how: &str) -> PolicyMatrixDiff {
    let directories = (Directory::new(before), Directory::new(after));
    let mut ports = Ports::of(scope, before);
    ports.extend(Ports::of(scope, after));
    let comparison = Comparison {
        before: Survey::new(scope, before, &directories.0, &ports),
        after: Survey::new(scope, after, &directories.1, &ports),
    };
    let Shared { units, only_before, only_after } = units(&comparison.before.grid, &comparison.after.grid);
    let mut found = Found::default();
    comparison.changes(&units, &mut found);
    let gaps: Vec<GapPart> = [("before", before), ("after", after)]
        .into_iter()
        .filter_map(|(when, cluster)| {
            missing_pods(scope, cluster).map(|gap| GapPart { what: format!("{when}: {}", gap.what), ..gap })
        })
        .collect();
    let is_proven =
        |c: &&ChangePart| c.before.outcome != OutcomePart::Undetermined && c.after.outcome != OutcomePart::Undetermined;
    let proven = found.changes.iter().filter(is_proven).count();
    let exit_code = match proven {
        0 if found.changes.is_empty() && found.open == 0 && gaps.is_empty() => 0,
        0 => 3,
        _ => 1,
    };
    PolicyMatrixDiff {
        api_version: API_VERSION.to_owned(),
        kind: "PolicyMatrixDiff".to_owned(),
        exit_code,
        sentence: sentence(scope, &found, how),
        namespace: scope.namespace.clone(),
        other: how.to_owned(),
        compared: found.compared,
        undetermined: found.open,
        changes: found.changes,
        only_before,
        only_after,
        problems: comparison.new_problems(),
        gaps,
    }
}

#[derive(Default)]
struct Found {
    changes: Vec<ChangePart>,
    compared: usize,
    /// Undetermined before and after.
    open: usize,
}

/// What stands for the same pods before and after, by its lots.
struct Unit {
    label: String,
    before: usize,
    after: usize,
}

struct Shared {
    units: Vec<Unit>,
    only_before: Vec<String>,
    only_after: Vec<String>,
}

fn units(before: &Grid<'_>, after: &Grid<'_>) -> Shared {
    let by_workload = |grid: &Grid<'_>| {
        let mut lots: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
        for (at, lot) in grid.lots.iter().enumerate() {
            lots.entry(lot.workload.key()).or_default().push(at);
        }
        lots
    };
    let (old, mut new) = (by_workload(before), by_workload(after));
    let mut all = Shared { units: Vec::new(), only_before: Vec::new(), only_after: Vec::new() };
    let label = |grid: &Grid<'_>, lots: &[usize]| {
        lots.first().and_then(|l| grid.lots.get(*l)).map(|l| l.workload.label()).unwrap_or_default()
    };
    for (key, lots) in old {
        match new.remove(&key) {
            Some(others) => all.units.extend(pairs_of_lots(before, after, &lots, &others)),
            None => all.only_before.push(label(before, &lots)),
        }
    }
    all.only_after.extend(new.into_values().map(|lots| label(after, &lots)));
    all
}

/// The lots of one workload: those that have pods in common, or each with each where other pods have taken the place of all.
fn pairs_of_lots(before: &Grid<'_>, after: &Grid<'_>, old: &[usize], new: &[usize]) -> Vec<Unit> {
    let mut all = Vec::new();
    let mut shared = Vec::new();
    for (b, a) in old.iter().flat_map(|b| new.iter().map(move |a| (*b, *a))) {
        let (Some(lot_before), Some(lot_after)) = (before.lots.get(b), after.lots.get(a)) else { continue };
        let label = if lot_before.is_part { lot_before.label() } else { lot_after.label() };
        all.push(Unit { label, before: b, after: a });
        let names: BTreeSet<&str> = lot_before.members.iter().map(|m| m.name).collect();
        let common: Vec<&str> = lot_after.members.iter().map(|m| m.name).filter(|n| names.contains(n)).collect();
        if !common.is_empty() {
            let is_part = lot_before.is_part || lot_after.is_part;
            let label = lot_after.workload.label_of(is_part.then_some(common.as_slice()));
            shared.push(Unit { label, before: b, after: a });
        }
    }
    if shared.is_empty() { all } else { shared }
}

struct Comparison<'a> {
    before: Survey<'a>,
    after: Survey<'a>,
}

impl Comparison<'_> {
    fn changes(&self, units: &[Unit], found: &mut Found) {
        // a workload has the same ports on both sides
        let columns = |unit: &Unit| -> Vec<(usize, usize)> {
            self.before.grid.columns_of(unit.before).zip(self.after.grid.columns_of(unit.after)).collect()
        };
        let to: Vec<(&Unit, Vec<(usize, usize)>)> = units.iter().map(|u| (u, columns(u))).collect();
        for from in units {
            let (old, new) = (self.before.grid.row(from.before), self.after.grid.row(from.after));
            for (unit, columns) in &to {
                for (b, a) in columns {
                    let outcomes = old.get(*b).and_then(|c| c.outcome()).zip(new.get(*a).and_then(|c| c.outcome()));
                    let Some((was, is)) = outcomes else { continue };
                    found.compared += 1;
                    if was != is {
                        let explained = found.changes.len() < MAX_EXPLAINED;
                        found.changes.extend(self.change(from, unit, (*b, *a), (was, is), explained));
                    } else if was == OutcomePart::Undetermined {
                        found.open += 1;
                    }
                }
            }
        }
    }

    fn change(
        &self,
        from: &Unit,
        to: &Unit,
        columns: (usize, usize),
        outcomes: (OutcomePart, OutcomePart),
        explained: bool,
    ) -> Option<ChangePart> {
        let column = self.before.grid.columns.get(columns.0)?;
        let mut change = ChangePart {
            from: from.label.clone(),
            to: to.label.clone(),
            port: column.port,
            protocol: column.protocol.to_string(),
            before: StatePart { outcome: outcomes.0, because: None, policies: Vec::new() },
            after: StatePart { outcome: outcomes.1, because: None, policies: Vec::new() },
        };
        if explained {
            self.explain(&mut change, (from.before, columns.0), (from.after, columns.1));
        }
        Some(change)
    }

    /// In the direction that changes.
    fn explain(&self, change: &mut ChangePart, before: (usize, usize), after: (usize, usize)) {
        let (Some(old), Some(new)) = (self.before.example(before), self.after.example(after)) else { return };
        let (old_judgement, new_judgement) = (self.before.compiled.book.judge(&old), self.after.compiled.book.judge(&new));
        let differs = old_judgement.egress.outcome != new_judgement.egress.outcome;
        // a denial of the other direction would hide it
        let hidden = |j: &Judgement<'_>| j.egress.outcome == Outcome::Allowed && j.ingress.outcome == Outcome::Denied;
        let ingress = old_judgement.ingress.outcome != new_judgement.ingress.outcome;
        let egress = differs && !(ingress && (hidden(&old_judgement) || hidden(&new_judgement)));
        let direction = if egress { Direction::Egress } else { Direction::Ingress };
        state(&mut change.before, &self.before, &old, &old_judgement, direction);
        state(&mut change.after, &self.after, &new, &new_judgement, direction);
    }

    fn new_problems(&self) -> Vec<ProblemPart> {
        let known = &self.before.compiled.problems;
        let new = self.after.compiled.problems.iter().filter(|p| !known.contains(p));
        new.map(|p| ProblemPart { policy: p.object.to_string(), at: p.at.clone(), text: p.text.clone() }).collect()
    }
}

impl<'a> Survey<'a> {
    /// Two pods that stand for a place.
    fn example(&self, (row, column): (usize, usize)) -> Option<Flow<'a>> {
        let (from, to, column) = self.grid.ends(row, column)?;
        flow(from, to, column)
    }
}

fn state(part: &mut StatePart, survey: &Survey<'_>, flow: &Flow<'_>, judgement: &Judgement<'_>, direction: Direction) {
    let decision = match direction {
        Direction::Egress => &judgement.egress,
        Direction::Ingress => &judgement.ingress,
    };
    part.policies = match &decision.reason {
        Reason::Rule { policy, .. } => vec![policy.object.to_string()],
        Reason::Isolated { policies } => policies.iter().map(|p| p.object.to_string()).collect(),
        Reason::Itself | Reason::OwnNode | Reason::NotSelected | Reason::Undecided | Reason::Unknown(_) => Vec::new(),
    };
    let way = Way { flow: *flow, when: When::Always };
    let ways = vec![(&way, decision.clone())];
    let decided = Decided { direction, asked: flow.port, outcome: decision.outcome, ways };
    part.because = Some(format!("{direction}: {}", account::because(&survey.compiled.book, &decided)));
}

fn sentence(scope: &Scope, found: &Found, how: &str) -> String {
    let count = |before: OutcomePart, after: OutcomePart| {
        found.changes.iter().filter(|c| c.before.outcome == before && c.after.outcome == after).count()
    };
    let denied = count(OutcomePart::Allowed, OutcomePart::Denied);
    let allowed = count(OutcomePart::Denied, OutcomePart::Allowed);
    let open = found.changes.len() - denied - allowed;
    let place = place(scope);
    let all = plural(found.compared, "connection");
    let undetermined = match found.open {
        0 => String::new(),
        n => format!("; {n} cannot be decided before or after"),
    };
    if found.changes.is_empty() {
        return format!("Nothing changes for the {all} of {place} with {how}{undetermined}.");
    }
    let parts = [
        (denied, "denied that were allowed"),
        (allowed, "allowed that were denied"),
        (open, "that cannot be decided on one side"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    format!("{} of {all} of {place} change with {how}: {}{undetermined}.", found.changes.len(), parts.join(", "))
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
