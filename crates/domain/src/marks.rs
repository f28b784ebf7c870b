//! Marks as exact numbers: half and quarter marks add up without rounding error.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of marks, exact to a thousandth. Serialises as a plain number (`1.5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Marks(i32);

/// Why a text is not a number of marks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number of marks (expected a number such as 2, 1.5 or ½)")]
pub struct ParseMarksError(pub String);

impl Marks {
    /// No marks.
    pub const ZERO: Self = Self(0);
    /// One half mark, the usual smallest step.
    pub const HALF: Self = Self(500);
    /// One whole mark.
    pub const ONE: Self = Self(1000);

    /// From thousandths of a mark.
    pub const fn from_thousandths(thousandths: i32) -> Self {
        Self(thousandths)
    }

    /// In thousandths of a mark.
    pub const fn thousandths(self) -> i32 {
        self.0
    }

    /// From a floating-point number, rounded to the nearest thousandth; `None` where it is not finite
    /// or out of range (beyond one million marks).
    pub fn from_f64(value: f64) -> Option<Self> {
        (value.is_finite() && value.abs() <= 1e6).then(|| Self((value * 1000.0).round() as i32))
    }

    /// As a floating-point number of marks.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// Every multiple of `step` from zero to `self`, ascending, with `self` itself always last.
    pub fn steps(self, step: Self) -> Vec<Self> {
        let step = step.0.max(1);
        let mut all: Vec<Self> = (0..=self.0.max(0) / step).map(|i| Self(i * step)).collect();
        if all.last() != Some(&self) {
            all.push(self);
        }
        all
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.as_f64())
    }
}

impl FromStr for Marks {
    type Err = ParseMarksError;

    /// Accepts `2`, `1.5`, `1,5`, `½`, `1½`, `¼`, `¾`, `1/2` and `1 1/2`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.trim()).ok_or_else(|| ParseMarksError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Marks> {
    if let Ok(value) = text.replace(',', ".").parse::<f64>() {
        return Marks::from_f64(value);
    }
    let (whole, fraction) = match text.char_indices().next_back()? {
        (at, '½') => (&text[..at], 500),
        (at, '¼') => (&text[..at], 250),
        (at, '¾') => (&text[..at], 750),
        _ => {
            let (head, denominator) = text.split_once('/')?;
            let (whole, numerator) = head.rsplit_once(' ').unwrap_or(("", head));
            let (numerator, denominator): (i32, i32) =
                (numerator.trim().parse().ok()?, denominator.trim().parse().ok()?);
            let in_range = (1..=1000).contains(&denominator) && (0..=1000).contains(&numerator);
            (whole, in_range.then(|| numerator * 1000 / denominator)?)
        }
    };
    let whole: i32 = match whole.trim() {
        "" => 0,
        digits => digits.parse().ok().filter(|n: &i32| n.abs() <= 1_000_000)?,
    };
    Some(Marks(whole * 1000 + fraction))
}

impl Add for Marks {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Marks {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Marks {
    fn sum<I: Iterator<Item = Self>>(marks: I) -> Self {
        marks.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Self::from_f64(value)
            .ok_or_else(|| serde::de::Error::custom(format!("{value} is not a number of marks")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_people_write_them() {
        for (text, thousandths) in [
            ("2", 2000),
            ("1.5", 1500),
            ("1,5", 1500),
            ("½", 500),
            ("1½", 1500),
            ("1/2", 500),
            ("1 1/2", 1500),
            ("¾", 750),
            (" 0 ", 0),
            ("0.125", 125),
        ] {
            assert_eq!(text.parse(), Ok(Marks(thousandths)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_mark_is_refused() {
        for text in ["", "two", "1/0", "NaN", "inf", "1e99", "½½", "--1"] {
            assert!(text.parse::<Marks>().is_err(), "{text}");
        }
    }

    #[test]
    fn steps_end_at_the_maximum_even_where_the_step_does_not_divide_it() {
        let max = Marks::from_thousandths(1250);
        let steps: Vec<i32> = max.steps(Marks::HALF).iter().map(|m| m.thousandths()).collect();
        assert_eq!(steps, [0, 500, 1000, 1250]);
    }

    #[test]
    fn marks_print_without_trailing_zeros() {
        assert_eq!(Marks(1500).to_string(), "1.5");
        assert_eq!(Marks(2000).to_string(), "2");
    }
}
