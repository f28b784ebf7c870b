//! The engine's only source of randomness: SplitMix64 (Steele, Lea and Flood 2014). A draw is a pure
//! function of its key, so dropout can be recomputed and a resumed run continues where it was.

/// A stream of pseudo-random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's output function.
#[inline(always)]
fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Random {
    /// The stream of that key; different keys give unrelated streams.
    pub fn new(key: &[u64]) -> Self {
        let fold = |state: u64, part: &u64| mix(state.wrapping_add(GOLDEN) ^ mix(part.wrapping_add(GOLDEN)));
        Self(key.iter().fold(0, fold))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// The `index`-th number of the stream, without advancing it.
    #[inline(always)]
    pub fn at(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(GOLDEN.wrapping_mul(index + 1)))
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A permutation of `0..count` (Fisher and Yates).
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            let j = (u128::from(self.next_u64()) * (i as u128 + 1)) >> 64;
            order.swap(i, j as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_splitmix64() {
        // First outputs for state 0, from the authors' reference implementation.
        let mut random = Random(0);
        assert_eq!(random.next_u64(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(random.next_u64(), 0x6E78_9E6A_A1B9_65F4);
        assert_eq!(Random(0).at(1), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Random::new(&[1, 2]).permutation(1000);
        assert_ne!(order, Random::new(&[1, 3]).permutation(1000));
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
