//! Numbers as people read them: shares in per cent, intervals, durations, sizes. Nothing here rounds
//! a part up to the whole or down to nothing.

use gradus_grading::metrics::Estimate;

/// Keeps the two ends of a range on one line.
const RANGE_DASH: &str = "\u{2060}–\u{2060}";
/// Binds a number to its unit, so that a line never ends between them.
const NO_BREAK_SPACE: char = '\u{a0}';

/// `64 %`. A share below 1 never shows as 100 %, one above 0 never as 0 %.
pub(crate) fn percent(share: f64) -> String {
    format!("{}{NO_BREAK_SPACE}%", whole_percent(share))
}

/// `53–74 %`.
pub(crate) fn percent_interval(estimate: &Estimate) -> String {
    let (low, high) = (whole_percent(estimate.low), whole_percent(estimate.high));
    format!("{low}{RANGE_DASH}{high}{NO_BREAK_SPACE}%")
}

/// `3.6 %`, for shares that are small. One above 0 never shows as 0 %.
pub(crate) fn small_percent(share: f64) -> String {
    let text = match share {
        0.0 => "0".to_owned(),
        _ if share > 0.0 && share < 0.001 => "<0.1".to_owned(),
        _ => decimal(share * 100.0, 1),
    };
    format!("{text}{NO_BREAK_SPACE}%")
}

/// `+0.6 %`, `−1.2 %` or `0.0 %`.
pub(crate) fn signed_percent(share: f64) -> String {
    format!("{}{NO_BREAK_SPACE}%", signed(share * 100.0, 1))
}

fn whole_percent(share: f64) -> i64 {
    let rounded = (share * 100.0).round() as i64;
    match rounded {
        100 if share < 1.0 => 99,
        0 if share > 0.0 => 1,
        _ => rounded,
    }
}

/// `0.42` or `−0.10`, with a true minus sign and never a negative zero.
pub(crate) fn decimal(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    match text.strip_prefix('-') {
        Some(magnitude) if is_zero => magnitude.to_owned(),
        Some(magnitude) => format!("−{magnitude}"),
        None => text,
    }
}

/// `+0.42`, `−0.10` or `0.00`.
pub(crate) fn signed(value: f64, digits: usize) -> String {
    let text = decimal(value, digits);
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    if is_zero || text.starts_with('−') { text } else { format!("+{text}") }
}

/// `0.12–0.50`, or `−0.10 to 0.25` where a dash would be taken for a minus.
pub(crate) fn interval(estimate: &Estimate, digits: usize) -> String {
    let (low, high) = (decimal(estimate.low, digits), decimal(estimate.high, digits));
    let joint = if low.starts_with('−') || high.starts_with('−') { " to " } else { RANGE_DASH };
    format!("{low}{joint}{high}")
}

/// `12,345`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 answer`, `80 answers`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{}{NO_BREAK_SPACE}{noun}", grouped(count as u64))
}

/// `p = 0.012` or `p < 0.001`.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "p\u{a0}<\u{a0}0.001".to_owned() } else { format!("p\u{a0}=\u{a0}{p:.3}") }
}

/// `48 s`, `3 min 12 s`, `2 h 5 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) if seconds < 10.0 => format!("{seconds:.1} s"),
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        _ => format!("{} h {minutes} min", grouped(hours)),
    }
}

/// `812 bytes`, `1.4 MiB`, `2.3 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(low: f64, high: f64) -> Estimate {
        Estimate { value: f64::midpoint(low, high), low, high }
    }

    #[test]
    fn a_share_is_rounded_but_never_up_to_all_or_down_to_none() {
        for (share, text) in [
            (0.0, "0\u{a0}%"),
            (0.001, "1\u{a0}%"),
            (0.635, "64\u{a0}%"),
            (0.9999, "99\u{a0}%"),
            (1.0, "100\u{a0}%"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn a_small_share_has_a_digit_more() {
        assert_eq!(small_percent(0.0), "0\u{a0}%");
        assert_eq!(small_percent(0.0004), "<0.1\u{a0}%");
        assert_eq!(small_percent(0.036), "3.6\u{a0}%");
        assert_eq!(signed_percent(-0.0123), "−1.2\u{a0}%");
    }

    #[test]
    fn an_interval_with_a_negative_end_is_joined_by_a_word() {
        assert_eq!(interval(&estimate(0.12, 0.5), 2), "0.12\u{2060}–\u{2060}0.50");
        assert_eq!(interval(&estimate(-0.1, 0.25), 2), "−0.10 to 0.25");
        assert_eq!(percent_interval(&estimate(0.53, 0.74)), "53\u{2060}–\u{2060}74\u{a0}%");
    }

    #[test]
    fn a_rounded_zero_has_no_sign() {
        assert_eq!(decimal(-0.001, 2), "0.00");
        assert_eq!(signed(0.001, 2), "0.00");
        assert_eq!(signed(0.5, 1), "+0.5");
        assert_eq!(signed(-0.5, 1), "−0.5");
    }

    #[test]
    fn large_numbers_and_sizes_and_durations_are_in_units_of_their_size() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(bytes(812), "812 bytes");
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(bytes(5 * 1024 * 1024 * 1024 / 2), "2.5 GiB");
        assert_eq!(duration(4.23), "4.2 s");
        assert_eq!(duration(192.4), "3 min 12 s");
        assert_eq!(duration(7512.0), "2 h 5 min");
        assert_eq!(p_value(0.0002), "p\u{a0}<\u{a0}0.001");
    }
}
