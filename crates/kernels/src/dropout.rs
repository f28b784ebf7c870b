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
        Self { key: [key as u32, (key >> 32) as u32], threshold }
    }

    /// What kept elements are to be multiplied by, so that the mean stays: 1 / (1 - probability).
    pub fn keep_scale(self) -> f32 {
        (65536.0 / f64::from(65536 - self.threshold)) as f32
    }

    /// Whether the element of that index is kept.
    pub fn keeps(self, index: usize) -> bool {
        let (block, within) = (index / BLOCK, index % BLOCK);
        let bits = hash((block * LANES + within % LANES) as u32, self.key);
        (bits >> (within / LANES * 16)) & 0xFFFF >= self.threshold
    }

    /// `output` becomes `input` with the dropped elements zero; kept elements are not scaled.
    pub fn apply<N: Number>(self, input: &[N], output: &mut [N]) {
        assert_eq!(input.len(), output.len(), "as many elements");
        output
            .par_chunks_mut(CHUNK)
            .zip(input.par_chunks(CHUNK))
            .enumerate()
            .for_each(|(chunk, (output, input))| apply_chunk(self, chunk * CHUNK, input, output));
    }

    /// Adds the kept elements of `addend` to `destination`, unscaled, and rounds the sums.
    pub fn add_kept<N: Number, D: Number>(self, addend: &[N], destination: &mut [D]) {
        assert_eq!(addend.len(), destination.len(), "as many elements");
        destination
            .par_chunks_mut(CHUNK)
            .zip(addend.par_chunks(CHUNK))
            .enumerate()
            .for_each(|(chunk, (destination, addend))| add_chunk(self, chunk * CHUNK, addend, destination));
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

/// Calls `each` with what is kept of every block and the block's elements of both slices. Whole blocks
/// have their own loop, whose fixed length makes it vector code.
#[inline(always)]
fn for_each_block<A, B>(
    mask: DropoutMask,
    first: usize,
    (left, right): (&mut [A], &[B]),
    each: impl Fn(&mut A, &B, u16),
) {
    let mut block = first / BLOCK;
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
    fn apply_chunk<N: Number>(mask: DropoutMask, first: usize, input: &[N], output: &mut [N]) {
        for_each_block(mask, first, (output, input), |y, x, kept| *y = x.masked(kept));
    }

    fn add_chunk<N: Number, D: Number>(mask: DropoutMask, first: usize, addend: &[N], destination: &mut [D]) {
        for_each_block(mask, first, (destination, addend), |y, x, kept| {
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

    #[test]
    fn every_use_of_a_mask_drops_the_same_elements() {
        check_uses::<f32>();
        check_uses::<Bf16>();
    }
}
