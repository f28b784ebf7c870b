//! How much a text looks like text: a cheap score that tells mojibake and glyph soup from prose.

use crate::extraction::{Extracted, Warning};

/// 0 (no text, or none that a person could read) to 1.
///
/// The product of four shares: characters that decoded, visible characters that are letters, digits
/// or common signs, words that look like words, and pages that have text. Lost structure costs a tenth.
pub(crate) fn quality(extracted: &Extracted) -> f64 {
    let plain = &extracted.text.plain;
    let counts = Characters::of(plain);
    if counts.visible == 0 {
        return 0.0;
    }
    let decoded = 1.0 - share(counts.broken, counts.visible);
    // Tables and formulas hold many signs: three quarters of letters and digits are plenty.
    let readable = (share(counts.readable, counts.visible) / 0.75).min(1.0);
    let lost = extracted.warnings.iter().any(|warning| matches!(warning, Warning::StructureLost { .. }));
    let structure = if lost { 0.9 } else { 1.0 };
    decoded * decoded * readable * word_share(plain) * page_share(extracted) * structure
}

#[derive(Default)]
struct Characters {
    visible: usize,
    readable: usize,
    broken: usize,
}

impl Characters {
    fn of(text: &str) -> Self {
        let mut counts = Self::default();
        for character in text.chars().filter(|c| !c.is_whitespace()) {
            counts.visible += 1;
            counts.readable += usize::from(character.is_alphanumeric());
            counts.broken += usize::from(is_broken(character));
        }
        counts
    }
}

/// Replacement, control and private-use characters: what failed decoding leaves behind.
fn is_broken(character: char) -> bool {
    character == '\u{FFFD}' || character.is_control() || ('\u{E000}'..='\u{F8FF}').contains(&character)
}

/// The share of words that could be words: 1 to 24 letters, with a vowel unless short or in capitals.
/// Scripts other than Latin count as words. A text of numbers alone counts in full.
fn word_share(text: &str) -> f64 {
    let words =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().any(char::is_alphabetic));
    let (mut all, mut likely) = (0, 0);
    for word in words {
        all += 1;
        likely += usize::from(looks_like_word(word));
    }
    if all == 0 {
        return 1.0;
    }
    // Formulas, codes and names: nine words of ten are as good as all.
    (share(likely, all) / 0.9).min(1.0)
}

fn looks_like_word(word: &str) -> bool {
    let length = word.chars().count();
    if !word.is_ascii() {
        return length <= 60;
    }
    let mixed_case =
        word.chars().skip(1).any(|c| c.is_ascii_uppercase()) && word.chars().any(|c| c.is_ascii_lowercase());
    let vowel = word.chars().any(|c| "aeiouyAEIOUY".contains(c));
    length <= 3 || (length <= 24 && (vowel || (length <= 6 && !mixed_case)))
}

fn page_share(extracted: &Extracted) -> f64 {
    let Some(pages) = extracted.pages.filter(|&pages| pages > 0) else {
        return 1.0;
    };
    let missing = extracted.warnings.iter().filter(|warning| warning.is_page_without_text()).count();
    1.0 - share(missing, pages as usize).min(1.0)
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use gradus_domain::text::{BlockKind, StructuredText};

    use super::*;

    fn score(text: &str) -> f64 {
        let mut structured = StructuredText::default();
        structured.push(BlockKind::Paragraph, text, None);
        quality(&Extracted { text: structured, ..Extracted::default() })
    }

    #[test]
    fn prose_formulas_and_other_scripts_score_high() {
        for text in [
            "The enzyme lowers the activation energy of the reaction.",
            "6CO2 + 6H2O -> C6H12O6 + 6O2 (2 marks)",
            "Фотосинтез идёт в хлоропластах.",
            "光合作用在叶绿体中进行。",
            "Die Zellatmung läuft in den Mitochondrien ab.",
        ] {
            assert!(score(text) > 0.8, "{text}: {}", score(text));
        }
    }

    #[test]
    fn glyph_soup_scores_low() {
        for text in [
            "\u{FFFD}\u{FFFD}\u{FFFD} \u{FFFD}\u{FFFD}a \u{FFFD}",
            "xkqzrtw bcdfghjkl mnpqrst vwxzbcd",
            "#$%&' ()*+, -./:; <=>?@",
            "\u{F041}\u{F042}\u{F043} \u{F044}",
        ] {
            assert!(score(text) < 0.5, "{text}: {}", score(text));
        }
    }

    #[test]
    fn pages_without_text_lower_the_score_in_proportion() {
        let mut text = StructuredText::default();
        text.push(BlockKind::Paragraph, "Osmosis moves water.", Some(1));
        let extracted = Extracted {
            text,
            pages: Some(4),
            warnings: vec![Warning::ImagePage { page: 2 }],
            ..Extracted::default()
        };
        assert!((quality(&extracted) - 0.75).abs() < 1e-9);
    }
}
