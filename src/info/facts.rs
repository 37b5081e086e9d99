//! Facts and gaps while they are gathered.

use crate::cni::{Seen, Told};
use crate::model::Known;
use crate::report::diagnosis::GapPart;
use crate::report::info::{Fact, HintPart, Info, SeenPart, Topic};

/// At most this many evidence rows for one fact: a cluster of thousands of nodes repeats itself.
const MOST_EVIDENCE: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Facts {
    all: Vec<Fact>,
    gaps: Vec<GapPart>,
    hints: Vec<HintPart>,
}

impl Facts {
    pub(super) fn add(&mut self, mut fact: Fact) {
        fact.evidence.truncate(MOST_EVIDENCE);
        self.all.push(fact);
    }

    /// A value that was told, with an optional warning.
    pub(super) fn told(&mut self, topic: Topic, name: &str, told: &Told<String>) {
        self.add(fact_of(topic, name, told));
    }

    pub(super) fn gap(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let gap = GapPart { what: what.into(), why: why.into() };
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    pub(super) fn hint(&mut self, about: &str, hint: &str) {
        self.hints.push(HintPart { about: about.to_owned(), hint: hint.to_owned() });
    }

    /// A gap for a read without an answer.
    pub(super) fn missing<T>(&mut self, what: &str, known: &Known<T>) {
        if let Some(why) = known.missing() {
            self.gap(what, why);
        }
    }

    pub(super) fn info(self) -> Info {
        Info::new(self.all, self.gaps, self.hints)
    }
}

pub(super) fn fact_of(topic: Topic, name: &str, told: &Told<String>) -> Fact {
    let mut fact = Fact::new(topic, name, told.value.clone(), told.certainty.word());
    fact.evidence = parts(&told.evidence);
    fact
}

pub(super) fn parts(evidence: &[Seen]) -> Vec<SeenPart> {
    evidence.iter().map(|e| SeenPart { source: e.source.clone(), seen: e.seen.clone() }).collect()
}
