//! Sets of small numbers as words, and square matrices of them.

const BITS: usize = 64;

/// A set of numbers below a fixed size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    size: usize,
}

impl Bits {
    pub(super) fn none(size: usize) -> Self {
        Self { words: vec![0; size.div_ceil(BITS)], size }
    }

    pub(super) fn all(size: usize) -> Self {
        let mut bits = Self { words: vec![u64::MAX; size.div_ceil(BITS)], size };
        bits.trim();
        bits
    }

    #[cfg(test)]
    pub(super) fn of(size: usize, members: impl IntoIterator<Item = usize>) -> Self {
        let mut bits = Self::none(size);
        for member in members {
            bits.insert(member);
        }
        bits
    }

    /// No number of the last word beyond the size is ever set.
    fn trim(&mut self) {
        let used = self.size % BITS;
        if let (true, Some(last)) = (used > 0, self.words.last_mut()) {
            *last &= (1 << used) - 1;
        }
    }

    pub(super) fn insert(&mut self, member: usize) {
        if let Some(word) = self.words.get_mut(member / BITS) {
            *word |= 1 << (member % BITS);
        }
    }

    pub(super) fn contains(&self, member: usize) -> bool {
        self.words.get(member / BITS).is_some_and(|word| word >> (member % BITS) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|w| *w == 0)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    pub(super) fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    pub(super) fn or(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    /// Takes out what the other has.
    pub(super) fn without(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= !b);
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Every number below the size.
    pub(super) fn fill(&mut self) {
        self.words.fill(u64::MAX);
        self.trim();
    }

    pub(super) fn invert(&mut self) {
        self.words.iter_mut().for_each(|w| *w = !*w);
        self.trim();
    }

    /// The members, smallest first.
    pub(super) fn members(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let next = (rest != 0).then(|| at * BITS + rest.trailing_zeros() as usize);
                rest &= rest.wrapping_sub(1);
                next
            })
        })
    }
}

/// A square matrix of bits, a row after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Square {
    words: Vec<u64>,
    size: usize,
    width: usize,
}

impl Square {
    pub(super) fn none(size: usize) -> Self {
        let width = size.div_ceil(BITS);
        Self { words: vec![0; width * size], size, width }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn row(&self, row: usize) -> &[u64] {
        self.words.get(row * self.width..(row + 1) * self.width).unwrap_or_default()
    }

    pub(super) fn set_row(&mut self, row: usize, words: &[u64]) {
        if let Some(target) = self.words.get_mut(row * self.width..(row + 1) * self.width) {
            target.copy_from_slice(words);
        }
    }

    pub(super) fn get(&self, row: usize, column: usize) -> bool {
        column < self.size && self.row(row).get(column / BITS).is_some_and(|word| word >> (column % BITS) & 1 == 1)
    }

    /// How many blocks of 64 a row has, and a column.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The block that a row or column is in.
    pub(super) fn block_of(member: usize) -> usize {
        member / BITS
    }

    /// In one block of 64 by 64: what `a` has here and `b` has with rows and columns swapped.
    pub(super) fn set_block_and_turned(&mut self, a: &Self, b: &Self, row: usize, column: usize) {
        let mut block = [0_u64; BITS];
        b.read(column, row, &mut block);
        transpose(&mut block);
        let start = row * BITS * self.width + column;
        let targets = self.words.iter_mut().skip(start).step_by(self.width.max(1));
        let own = a.words.iter().skip(start).step_by(self.width.max(1));
        for ((target, own), turned) in targets.zip(own).zip(&block) {
            *target = own & turned;
        }
    }

    fn read(&self, row: usize, column: usize, block: &mut [u64; BITS]) {
        let words = self.words.iter().skip(row * BITS * self.width + column).step_by(self.width.max(1));
        block.iter_mut().zip(words).for_each(|(target, word)| *target = *word);
    }
}

/// Transposes a block in place by swapping ever smaller quarters (H. S. Warren, Hacker's Delight, 7-3).
fn transpose(block: &mut [u64; BITS]) {
    let mut half = BITS / 2;
    let mut mask = u64::MAX >> half;
    while half > 0 {
        for start in (0..BITS).step_by(2 * half) {
            let (upper, lower) = block.split_at_mut(start + half);
            for (a, b) in upper.iter_mut().skip(start).zip(lower.iter_mut().take(half)) {
                let swap = (*a >> half ^ *b) & mask;
                *b ^= swap;
                *a ^= swap << half;
            }
        }
        half /= 2;
        mask ^= mask << half;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_block_is_joined_with_the_other_turned(size in 1_usize..200, seed in any::<u64>()) {
            let mut state = seed | 1;
            let mut random = || {
                let mut matrix = Square::none(size);
                for row in 0..size {
                    let members = (0..size).filter(|_| { state ^= state << 13; state ^= state >> 7; state ^= state << 17; state % 3 == 0 });
                    matrix.set_row(row, Bits::of(size, members).words());
                }
                matrix
            };
            let (a, b, mut joined) = (random(), random(), random());
            for row in 0..joined.width() {
                (0..joined.width()).for_each(|column| joined.set_block_and_turned(&a, &b, row, column));
            }
            for row in 0..size {
                for column in 0..size {
                    prop_assert_eq!(joined.get(row, column), a.get(row, column) && b.get(column, row));
                }
            }
        }
    }

    #[test]
    fn the_complement_stays_within_the_size() {
        let mut bits = Bits::of(70, [1, 64, 69]);
        assert_eq!(bits.members().collect::<Vec<_>>(), [1, 64, 69]);
        bits.invert();
        assert_eq!((bits.count(), bits.contains(69), bits.contains(68)), (67, false, true));
        assert_eq!(Bits::all(70).count(), 70);
        assert!(Bits::none(0).is_empty());
    }
}
