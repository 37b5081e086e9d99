//! Sets of small numbers as words, and square matrices of them.

const BITS: usize = 64;

/// A set of numbers below a fixed size.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    pub(super) fn size(&self) -> usize {
        self.size
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

    /// Keeps what the other has too.
    pub(super) fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Rows become columns; block by block of 64 by 64, so that memory is read in order.
    #[must_use]
    pub(super) fn transposed(&self) -> Self {
        let mut result = Self::none(self.size);
        let mut block = [0_u64; BITS];
        for top in 0..self.width {
            for left in 0..self.width {
                for (at, word) in block.iter_mut().enumerate() {
                    *word = self.words.get((top * BITS + at) * self.width + left).copied().unwrap_or(0);
                }
                transpose(&mut block);
                for (at, word) in block.iter().enumerate() {
                    let row = left * BITS + at;
                    if let (true, Some(target)) = (row < self.size, result.words.get_mut(row * self.width + top)) {
                        *target = *word;
                    }
                }
            }
        }
        result
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
        fn a_transposed_matrix_has_rows_and_columns_swapped(size in 1_usize..200, seed in any::<u64>()) {
            let mut state = seed | 1;
            let mut matrix = Square::none(size);
            for row in 0..size {
                let members = (0..size).filter(|_| { state ^= state << 13; state ^= state >> 7; state ^= state << 17; state % 3 == 0 });
                matrix.set_row(row, Bits::of(size, members).words());
            }
            let turned = matrix.transposed();
            for row in 0..size {
                for column in 0..size {
                    prop_assert_eq!(matrix.get(row, column), turned.get(column, row));
                }
            }
            prop_assert_eq!(matrix.count(), turned.count());
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
