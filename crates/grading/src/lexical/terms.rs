//! A text as counted terms: word 1-2-grams of stems and character 3-5-grams within words. A term is kept as a
//! hash, so that a trained model carries no student's words; 32 bits tell tens of thousands of terms apart.

use super::words::Words;

/// Set in the hash of a character n-gram, so that in sorted order all words come before all characters.
const CHARACTER_BIT: u32 = 1 << 31;

/// How often each term occurs: (hash, count), sorted by hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Terms(pub(super) Vec<(u32, u32)>);

impl Terms {
    /// Words alone.
    pub(super) fn words(words: &Words) -> Self {
        Self::counted(words.stems.iter().map(|stem| word_hash(stem)).collect())
    }

    /// Word 1-2-grams and character 3-5-grams.
    pub(super) fn n_grams(words: &Words) -> Self {
        let mut hashes: Vec<u32> = words.stems.iter().map(|stem| word_hash(stem)).collect();
        hashes.extend(pair_hashes(words));
        hashes.extend(character_hashes(words));
        Self::counted(hashes)
    }

    /// Neighbouring stems.
    pub(super) fn word_pairs(words: &Words) -> Self {
        Self::counted(pair_hashes(words).collect())
    }

    /// Character 3-5-grams alone.
    pub(super) fn characters(words: &Words) -> Self {
        Self::counted(character_hashes(words))
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(term, _)| *term)
    }

    pub(super) fn has(&self, term: u32) -> bool {
        self.0.binary_search_by_key(&term, |entry| entry.0).is_ok()
    }

    fn counted(mut hashes: Vec<u32>) -> Self {
        hashes.sort_unstable();
        let runs = hashes.chunk_by(|a, b| a == b);
        Self(runs.map(|run| (run[0], run.len() as u32)).collect())
    }
}

/// Whether the term is a character n-gram.
pub(super) fn is_of_characters(term: u32) -> bool {
    term & CHARACTER_BIT != 0
}

/// The term of one stem, or of two with a space between.
pub(super) fn word_hash(stems: &str) -> u32 {
    hash(stems.bytes()) & !CHARACTER_BIT
}

fn pair_hashes(words: &Words) -> impl Iterator<Item = u32> {
    words.stems.windows(2).map(|pair| word_hash(&pair.join(" ")))
}

/// N-grams do not cross words; a space marks where a word begins and ends.
fn character_hashes(words: &Words) -> Vec<u32> {
    let mut hashes = Vec::new();
    for word in &words.written {
        let characters: Vec<char> = format!(" {word} ").chars().collect();
        for size in 3..=5 {
            let grams = characters.windows(size);
            hashes.extend(
                grams.map(|gram| hash(gram.iter().flat_map(|c| u32::from(*c).to_le_bytes())) | CHARACTER_BIT),
            );
        }
    }
    hashes
}

/// FNV-1a with 32 bits (Fowler, Noll and Vo; RFC 9923).
fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // RFC 9923, test vectors.
        assert_eq!(hash("".bytes()), 0x811c_9dc5);
        assert_eq!(hash("a".bytes()), 0xe40c_292c);
        assert_eq!(hash("foobar".bytes()), 0xbf9c_f968);
    }

    #[test]
    fn terms_are_counted_in_sorted_order() {
        let terms = Terms::n_grams(&Words::of("the gap, the gap"));
        assert!(terms.0.is_sorted_by(|a, b| a.0 < b.0));
        let count = |hash| terms.0.iter().find(|term| term.0 == hash).map(|term| term.1);
        assert_eq!(count(word_hash("gap")), Some(2));
        assert_eq!(count(word_hash("gap the")), Some(1));
        let characters = terms.0.iter().filter(|term| is_of_characters(term.0));
        // " the " and " gap " each have 3 + 2 + 1 n-grams.
        assert_eq!(characters.count(), 12);
    }
}
