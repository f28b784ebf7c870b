//! Counters as letters and Roman numerals, for the markers of numbered lists.

/// `number` in a numbering named as HTML's `type` attribute does: `1`, `a`, `A`, `i` or `I`.
pub(crate) fn counter(numbering: &str, number: i64) -> String {
    match numbering {
        "a" => letters(number).to_lowercase(),
        "A" => letters(number),
        "i" => roman(number).to_lowercase(),
        "I" => roman(number),
        _ => number.to_string(),
    }
}

/// 1 to A, 26 to Z, 27 to AA, as spreadsheets and web pages count.
pub(crate) fn letters(number: i64) -> String {
    if number < 1 {
        return number.to_string();
    }
    let mut rest = number;
    let mut reversed = String::new();
    while rest > 0 {
        rest -= 1;
        reversed.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    reversed.chars().rev().collect()
}

/// 1 to A, 27 to AA, 28 to BB, as word processors count.
pub(crate) fn repeated_letter(number: i64) -> String {
    if !(1..=780).contains(&number) {
        return number.to_string();
    }
    let (repeats, letter) = ((number - 1) / 26 + 1, (number - 1) % 26);
    String::from(char::from(b'A' + letter as u8)).repeat(repeats as usize)
}

/// Roman numerals from 1 to 3999; digits beyond.
pub(crate) fn roman(number: i64) -> String {
    const VALUES: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if !(1..4000).contains(&number) {
        return number.to_string();
    }
    let mut rest = number;
    let mut numeral = String::new();
    for (value, sign) in VALUES {
        while rest >= value {
            numeral.push_str(sign);
            rest -= value;
        }
    }
    numeral
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_read_as_in_print() {
        assert_eq!(counter("a", 28), "ab");
        assert_eq!(counter("I", 14), "XIV");
        assert_eq!(counter("1", 7), "7");
        assert_eq!(counter("A", 0), "0");
        assert_eq!(repeated_letter(28), "BB");
        assert_eq!(roman(1994), "MCMXCIV");
    }
}
