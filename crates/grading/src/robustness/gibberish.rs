//! Text without meaning, in styles that differ between the families.

use super::Family;
use crate::metrics::random::SplitMix64;

/// Words are this many units from a list, joined; texts so many words.
struct Style {
    units: &'static [&'static str],
    units_in_word: (usize, usize),
    words: (usize, usize),
}

const TRAINING: &[Style] = &[
    Style {
        units: &[
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s",
            "t", "u", "v", "w", "x", "y", "z",
        ],
        units_in_word: (2, 9),
        words: (3, 14),
    },
    Style {
        units: &["ba", "lo", "ki", "re", "na", "tu", "mi", "so", "fe", "du", "va", "pi", "go", "ze", "hu"],
        units_in_word: (1, 4),
        words: (4, 18),
    },
    Style {
        units: &["asdf", "jkl", "qwer", "uiop", "zxcv", "fghj", "dsa"],
        units_in_word: (1, 3),
        words: (1, 6),
    },
];

const TEST: &[Style] = &[
    Style {
        units: &["str", "mpf", "gh", "rtz", "kn", "x", "bl", "vv", "q", "ttr", "ps", "w"],
        units_in_word: (1, 3),
        words: (3, 10),
    },
    Style {
        units: &["7", "#", "0", "&", "4", "9", ";", "1", "@", "~", "5", "!", "2", "$"],
        units_in_word: (1, 6),
        words: (2, 8),
    },
    Style {
        units: &["Schno", "rumpa", "elink", "ouwe", "Tafli", "yquo", "brax", "ooni", "Gwe"],
        units_in_word: (1, 3),
        words: (5, 16),
    },
];

/// Words of random units.
pub(super) fn gibberish(family: Family, random: &mut SplitMix64) -> String {
    let styles = match family {
        Family::Training => TRAINING,
        Family::Test => TEST,
    };
    let style = &styles[random.below(styles.len())];
    let words = 0..between(style.words, random);
    words.map(|_| word(style, random)).collect::<Vec<_>>().join(" ")
}

fn word(style: &Style, random: &mut SplitMix64) -> String {
    let units = 0..between(style.units_in_word, random);
    units.map(|_| style.units[random.below(style.units.len())]).collect()
}

fn between((least, most): (usize, usize), random: &mut SplitMix64) -> usize {
    least + random.below(most - least + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gibberish_differs_between_seeds_and_never_between_runs() {
        let text = |seed| gibberish(Family::Training, &mut SplitMix64::new(seed));
        assert_eq!(text(1), text(1));
        let different: std::collections::BTreeSet<String> = (0..50).map(text).collect();
        assert!(different.len() >= 49, "{different:?}");
        assert!(different.iter().all(|text| !text.is_empty()));
    }
}
