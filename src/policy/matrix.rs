//! All pairs at once, for one port: rows of bits over classes of endpoints.

use crate::model::{ObjectRef, Protocol};

use super::bits::Square;
use super::classes::{Classes, Features};
use super::rows::{Asked, Places, Rows};
use super::sets::Index;
use super::{Direction, Endpoint, EndpointKind, Flow, Outcome, Rulebook};

/// Who may connect to whom on one port.
#[derive(Debug)]
pub struct Matrix<'a> {
    book: &'a Rulebook,
    endpoints: Vec<Endpoint<'a>>,
    features: Features<'a>,
    classes: Classes,
    index: Index<'a>,
    protocol: Protocol,
    port: u16,
    egress: Rows,
    ingress: Rows,
    /// By class, source after source: allowed for sure, and allowed unless a missing input says otherwise.
    sure: Square,
    may: Square,
}

impl<'a> Matrix<'a> {
    /// Decides every ordered pair for connections to this port of the destination itself, after Services were translated.
    pub fn new(book: &'a Rulebook, endpoints: Vec<Endpoint<'a>>, protocol: Protocol, port: u16, v6: bool) -> Self {
        let features = Features::of(book);
        let classes = features.classes(&endpoints);
        let examples = classes.example.iter().filter_map(|e| endpoints.get(*e)).copied().collect();
        let index = Index::new(examples, &features.label_keys, v6);
        let asked = Asked { index: &index, protocol, port };
        let egress = Rows::new(book, &asked, Direction::Egress);
        let ingress = Rows::new(book, &asked, Direction::Ingress);
        let size = index.size();
        let (sure, may) = (Square::none(size), Square::none(size));
        let mut matrix = Self { book, endpoints, features, classes, index, protocol, port, egress, ingress, sure, may };
        for block in 0..matrix.sure.width() {
            matrix.join_row(block);
        }
        matrix
    }

    /// Takes a book in which one policy has changed, come or gone, and decides anew what that touches. Everything else in the book
    /// is as it was.
    pub fn replace(&mut self, book: &'a Rulebook, changed: &ObjectRef) {
        let (old, new) = (places(self.book, changed), places(book, changed));
        if !self.fits(book, &old, &new) || self.splits(book, &new) {
            let endpoints = std::mem::take(&mut self.endpoints);
            *self = Self::new(book, endpoints, self.protocol, self.port, self.index.v6);
            return;
        }
        self.book = book;
        let asked = Asked { index: &self.index, protocol: self.protocol, port: self.port };
        let sources = self.egress.replace(book, &asked, &old, &new);
        let destinations = self.ingress.replace(book, &asked, &old, &new);
        for block in blocks(sources) {
            self.join_row(block);
        }
        for block in blocks(destinations) {
            for row in 0..self.sure.width() {
                self.join(row, block);
            }
        }
    }

    /// The tiers are the same, but for these policies.
    fn fits(&self, book: &Rulebook, old: &Places, new: &Places) -> bool {
        let tiers = self.book.tiers.iter().zip(&book.tiers).zip(old.iter().zip(new));
        self.book.tiers.len() == book.tiers.len()
            && self.book.otherwise == book.otherwise
            && tiers.into_iter().all(|((a, b), (old, new))| {
                (a.join, a.unmatched) == (b.join, b.unmatched) && a.policies.len() + new.len() == b.policies.len() + old.len()
            })
    }

    /// The new policies tell endpoints apart that were one class.
    fn splits(&mut self, book: &'a Rulebook, new: &Places) -> bool {
        let policies =
            book.tiers.iter().zip(new).flat_map(|(tier, places)| places.iter().filter_map(|at| tier.policies.get(*at)));
        self.features.grow(policies, &self.endpoints)
    }

    /// Both directions must allow a connection: one row of blocks.
    fn join_row(&mut self, row: usize) {
        for column in 0..self.sure.width() {
            self.join(row, column);
        }
    }

    fn join(&mut self, row: usize, column: usize) {
        self.sure.set_block_and_turned(&self.egress.sure, &self.ingress.sure, row, column);
        self.may.set_block_and_turned(&self.egress.may, &self.ingress.may, row, column);
    }

    pub fn endpoints(&self) -> &[Endpoint<'a>] {
        &self.endpoints
    }

    /// How many classes the endpoints fall into.
    pub fn class_count(&self) -> usize {
        self.sure.size()
    }

    /// The class of an endpoint.
    pub fn class(&self, endpoint: usize) -> Option<usize> {
        self.classes.of.get(endpoint).copied()
    }

    /// Between two different endpoints of two classes.
    pub fn between_classes(&self, from: usize, to: usize) -> Outcome {
        match (self.sure.get(from, to), self.may.get(from, to)) {
            (true, _) => Outcome::Allowed,
            (false, true) => Outcome::Undetermined,
            (false, false) => Outcome::Denied,
        }
    }

    /// Between two endpoints, by their index.
    pub fn outcome(&self, from: usize, to: usize) -> Outcome {
        let ends = (self.endpoints.get(from), self.endpoints.get(to), self.class(from), self.class(to));
        let (Some(a), Some(b), Some(from_class), Some(to_class)) = ends else { return Outcome::Undetermined };
        // what depends on both ends is not in the matrix: an endpoint itself, and nodes with their own pods
        if from == to || a.kind == EndpointKind::Node || b.kind == EndpointKind::Node {
            let flow = Flow { from: *a, to: *b, protocol: self.protocol, port: self.port, v6: self.index.v6 };
            return self.book.judge(&flow).outcome();
        }
        self.between_classes(from_class, to_class)
    }

    /// Ordered pairs of different endpoints that are allowed for sure.
    pub fn allowed_pairs(&self) -> usize {
        let members = &self.classes.members;
        let mut total = 0;
        for (from, count) in members.iter().enumerate() {
            let reached = members.iter().enumerate().filter(|(to, _)| self.sure.get(from, *to));
            total += reached.map(|(to, others)| count * (others - usize::from(from == to))).sum::<usize>();
        }
        total
    }
}

/// Where the policies of an object stand.
fn places(book: &Rulebook, object: &ObjectRef) -> Places {
    let of =
        |policies: &[super::Policy]| policies.iter().enumerate().filter(|(_, p)| p.object == *object).map(|(at, _)| at).collect();
    book.tiers.iter().map(|tier| of(&tier.policies)).collect()
}

/// The blocks of 64 that classes are in, each once.
fn blocks(classes: Vec<usize>) -> Vec<usize> {
    let mut blocks: Vec<usize> = classes.into_iter().map(Square::block_of).collect();
    blocks.dedup();
    blocks
}
