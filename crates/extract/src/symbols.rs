//! Characters that a plain text must spell out: superscripts, and fonts whose letters are symbols.

/// A raised digit or sign as its own character, so that `10` and a raised `3` do not read as 103.
/// Other characters stay as they are.
pub(crate) fn superscript(character: char) -> char {
    match character {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4'..='9' => char::from_u32('⁴' as u32 + (character as u32 - '4' as u32)).unwrap_or(character),
        '+' => '⁺',
        '-' | '\u{2212}' | '\u{2013}' => '⁻',
        'n' => 'ⁿ',
        other => other,
    }
}

/// A raised run: spelled with raised characters where all of them exist, else as it is (`1st`).
pub(crate) fn superscript_run(text: &str) -> String {
    let raised: String = text.chars().map(superscript).collect();
    let all_raised = text.chars().zip(raised.chars()).all(|(plain, high)| plain != high || plain == ' ');
    if all_raised { raised } else { text.to_owned() }
}

/// A character of the fonts Symbol and Wingdings, by its code there (with or without the private-use
/// offset F000). `None` where it has no counterpart here.
pub(crate) fn symbol_font_character(font: &str, code: u32) -> Option<char> {
    let code = (code & 0xFF) as u8;
    if font.to_lowercase().starts_with("wingdings") {
        return WINGDINGS.iter().find(|(c, _)| *c == code).map(|(_, character)| *character);
    }
    if code.is_ascii_uppercase() {
        return SYMBOL_CAPITALS.chars().nth(usize::from(code - b'A'));
    }
    if code.is_ascii_lowercase() {
        return SYMBOL_SMALL.chars().nth(usize::from(code - b'a'));
    }
    let sign = SYMBOL_SIGNS.iter().find(|(c, _)| *c == code).map(|(_, character)| *character);
    sign.or_else(|| code.is_ascii_graphic().then(|| char::from(code)))
}

const SYMBOL_CAPITALS: &str = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ";
const SYMBOL_SMALL: &str = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ";
const SYMBOL_SIGNS: &[(u8, char)] = &[
    (0x2D, '−'),
    (0xA3, '≤'),
    (0xA5, '∞'),
    (0xAB, '↔'),
    (0xAC, '←'),
    (0xAD, '↑'),
    (0xAE, '→'),
    (0xAF, '↓'),
    (0xB0, '°'),
    (0xB1, '±'),
    (0xB3, '≥'),
    (0xB4, '×'),
    (0xB7, '•'),
    (0xB8, '÷'),
    (0xB9, '≠'),
    (0xBB, '≈'),
    (0xD6, '√'),
    (0xDB, '⇔'),
    (0xDE, '⇒'),
    (0xE5, '∑'),
];
const WINGDINGS: &[(u8, char)] = &[
    (0x6C, '●'),
    (0x6E, '■'),
    (0xA7, '▪'),
    (0xA8, '☐'),
    (0xD8, '➢'),
    (0xDF, '←'),
    (0xE0, '→'),
    (0xFB, '✗'),
    (0xFC, '✓'),
    (0xFD, '☒'),
    (0xFE, '☑'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_and_charges_are_raised_but_ordinals_are_not() {
        assert_eq!(superscript_run("2+"), "²⁺");
        assert_eq!(superscript_run("-9"), "⁻⁹");
        assert_eq!(superscript_run("st"), "st");
    }

    #[test]
    fn symbol_letters_become_greek() {
        assert_eq!(symbol_font_character("Symbol", 0xF062), Some('β'));
        assert_eq!(symbol_font_character("Symbol", u32::from(b'D')), Some('Δ'));
        assert_eq!(symbol_font_character("Wingdings", 0xF0FC), Some('✓'));
        assert_eq!(symbol_font_character("Wingdings", 0x01), None);
    }
}
