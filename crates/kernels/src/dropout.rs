//! Dropout masks. A mask is a pure function of its key and the element's index, so the backward pass
//! makes it again instead of storing it.

use rayon::prelude::*;

use crate::number::Number;
use crate::simd::vectorised;

/// Elements that share sixteen hashes of 32 bits, 16 bits each.
const BLOCK: usize = 32;
const LANES: usize = BLOCK / 2;
/// Elements that one task handles, a multiple of [`BLOCK`].
const CHUNK: usize = 1 << 14;

/// Which elements to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropoutMask {
    key: [u32; 2],
    /// The element that index 0 stands for.
    first: usize,
    /// Elements whose 16 bits are below it are dropped.
    threshold: u32,
}

impl DropoutMask {
    /// A mask that drops about `probability` (rounded to 1/65536) of the elements. Different keys give
    /// unrelated masks.
    pub fn new(key: u64, probability: f32) -> Self {
        let threshold = (f64::from(probability) * 65536.0).round().clamp(0.0, 65535.0) as u32;
        // SplitMix64's output function, so that keys close to each other have nothing in common.
        let key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let key = (key ^ (key >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self { key: [key as u32, (key >> 32) as u32], first: 0, threshold }
    }

    /// The mask of the elements from that one on: what is cut into parts drops what the whole would.
    #[must_use]
    pub fn from_element(self, index: usize) -> Self {
        Self { first: self.first + index, ..self }
    }

    /// What kept elements are to be multiplied by, so that the mean stays: 1 / (1 - probability).
    pub fn keep_scale(self) -> f32 {
        (65536.0 / f64::from(65536 - self.threshold)) as f32
    }

    /// Whether the element of that index is kept.
    pub fn keeps(self, index: usize) -> bool {
        let index = self.first + index;
        let (block, within) = (index / BLOCK, index % BLOCK);
        let bits = hash((block * LANES + within % LANES) as u32, self.key);
        (bits >> (within / LANES * 16)) & 0xFFFF >= self.threshold
    }

    /// `output` becomes `input` with the dropped elements zero; kept elements are not scaled.
    pub fn apply<N: Number>(self, input: &[N], output: &mut [N]) {
        assert_eq!(input.len(), output.len(), "as many elements");
        output.par_chunks_mut(CHUNK).zip(input.par_chunks(CHUNK)).enumerate().for_each(
            |(chunk, (output, input))| apply_chunk(self.from_element(chunk * CHUNK), input, output),
        );
    }

    /// Adds the kept elements of `addend` to `destination`, unscaled, and rounds the sums.
    pub fn add_kept<N: Number, D: Number>(self, addend: &[N], destination: &mut [D]) {
        assert_eq!(addend.len(), destination.len(), "as many elements");
        destination.par_chunks_mut(CHUNK).zip(addend.par_chunks(CHUNK)).enumerate().for_each(
            |(chunk, (destination, addend))| add_chunk(self.from_element(chunk * CHUNK), addend, destination),
        );
    }
}

/// A bijective mix of 32 bits ("lowbias32", Wellons 2018, by search for low bias), keyed before and
/// between its rounds.
#[inline(always)]
fn hash(counter: u32, key: [u32; 2]) -> u32 {
    let mut bits = counter.wrapping_add(key[0]);
    bits = (bits ^ bits >> 16).wrapping_mul(0x21F0_AAAD) ^ key[1];
    bits = (bits ^ bits >> 15).wrapping_mul(0xD35A_2D97);
    bits ^ bits >> 15
}

/// For each element of a block, all ones where it is kept and zero where it is dropped.
#[inline(always)]
fn kept(mask: DropoutMask, block: usize) -> [u16; BLOCK] {
    let mut kept = [0; BLOCK];
    let (low, high) = kept.split_at_mut(LANES);
    for (lane, (low, high)) in low.iter_mut().zip(high).enumerate() {
        let bits = hash((block * LANES + lane) as u32, mask.key);
        *low = if bits & 0xFFFF >= mask.threshold { u16::MAX } else { 0 };
        *high = if bits >> 16 >= mask.threshold { u16::MAX } else { 0 };
    }
    kept
}

/// Calls `each` with what is kept and the elements of both slices, from the mask's first on. Whole blocks
/// have their own loop, whose fixed length makes it vector code.
#[inline(always)]
fn for_each_kept<A, B>(mask: DropoutMask, (left, right): (&mut [A], &[B]), each: impl Fn(&mut A, &B, u16)) {
    let mut block = mask.first.div_ceil(BLOCK);
    let before = (block * BLOCK - mask.first).min(left.len());
    let ((left_before, left), (right_before, right)) = (left.split_at_mut(before), right.split_at(before));
    if before > 0 {
        let kept = kept(mask, block - 1);
        let kept = &kept[mask.first % BLOCK..];
        for ((left, right), kept) in left_before.iter_mut().zip(right_before).zip(kept) {
            each(left, right, *kept);
        }
    }
    let (left, left_rest) = left.as_chunks_mut::<BLOCK>();
    let (right, right_rest) = right.as_chunks::<BLOCK>();
    for (left, right) in left.iter_mut().zip(right) {
        let kept = kept(mask, block);
        for index in 0..BLOCK {
            each(&mut left[index], &right[index], kept[index]);
        }
        block += 1;
    }
    let kept = kept(mask, block);
    for ((left, right), kept) in left_rest.iter_mut().zip(right_rest).zip(kept) {
        each(left, right, kept);
    }
}

vectorised! {
    fn apply_chunk<N: Number>(mask: DropoutMask, input: &[N], output: &mut [N]) {
        for_each_kept(mask, (output, input), |y, x, kept| *y = x.masked(kept));
    }

    fn add_chunk<N: Number, D: Number>(mask: DropoutMask, addend: &[N], destination: &mut [D]) {
        for_each_kept(mask, (destination, addend), |y, x, kept| {
            *y = D::from_f32(y.to_f32() + x.masked(kept).to_f32());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;

    #[test]
    fn the_expected_share_is_dropped_wherever_one_looks() {
        let mask = DropoutMask::new(0x1234_5678_9ABC_DEF0, 0.25);
        assert!((mask.keep_scale() - 4.0 / 3.0).abs() < 1e-6);
        for start in [0, 1 << 20, 1 << 30] {
            let dropped = (start..start + 100_000).filter(|index| !mask.keeps(*index)).count();
            assert!((24_400..25_600).contains(&dropped), "{dropped}");
        }
    }

    #[test]
    fn masks_of_different_keys_and_neighbouring_elements_are_independent() {
        let keys = [1, 2, 1 << 32, (1 << 32) + 1];
        let count = 100_000;
        for (i, a) in keys.iter().enumerate() {
            let mask = DropoutMask::new(*a, 0.5);
            let same = (0..count).filter(|index| mask.keeps(*index) == mask.keeps(index + 1)).count();
            assert!((49_000..51_000).contains(&same), "neighbours agree {same} times");
            for b in &keys[..i] {
                let other = DropoutMask::new(*b, 0.5);
                let same = (0..count).filter(|index| mask.keeps(*index) == other.keeps(*index)).count();
                assert!((49_000..51_000).contains(&same), "keys {a} and {b} agree {same} times");
            }
        }
    }

    fn check_uses<N: Number>() {
        let mask = DropoutMask::new(77, 0.1);
        let count = CHUNK + 45;
        let of = |value| vec![N::from_f32(value); count];
        let (mut dropped, mut sums, mut rounded) = (of(9.0), vec![2.0; count], of(2.0));
        mask.apply(&of(1.0), &mut dropped);
        mask.add_kept(&of(1.0), &mut sums);
        mask.add_kept(&of(1.0), &mut rounded);
        for index in 0..count {
            let expected = if mask.keeps(index) { 1.0 } else { 0.0 };
            assert_eq!(dropped[index].to_f32(), expected, "{index}");
            assert_eq!(sums[index], 2.0 + expected, "{index}");
            assert_eq!(rounded[index].to_f32(), 2.0 + expected, "{index}");
        }
    }

    fn check_parts<N: Number>() {
        let mask = DropoutMask::new(77, 0.5);
        let count = 2 * CHUNK + 45;
        let ones = vec![N::from_f32(1.0); count];
        let mut whole = ones.clone();
        mask.apply(&ones, &mut whole);
        for part in [5..8, 6..count, 30..32, 31..33, 32..90, 40..41, CHUNK - 7..CHUNK + 100, 50..50] {
            let mask = mask.from_element(5).from_element(part.start - 5);
            let mut got = ones[part.clone()].to_vec();
            mask.apply(&ones[part.clone()], &mut got);
            assert_eq!(got, whole[part.clone()], "{part:?}");
            for (index, got) in got.iter().enumerate() {
                assert_eq!(mask.keeps(index), got.to_f32() == 1.0, "{part:?} {index}");
            }
        }
    }

    #[test]
    fn a_part_drops_what_the_whole_drops_there_wherever_it_begins() {
        check_parts::<f32>();
        check_parts::<Bf16>();
    }

    #[test]
    fn every_use_of_a_mask_drops_the_same_elements() {
        check_uses::<f32>();
        check_uses::<Bf16>();
    }
}
