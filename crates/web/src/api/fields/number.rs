//! Numbers within bounds.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<const LEAST: u64, const MOST: u64>(pub(crate) u64);

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Whole<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_u64(WholeNumber)?;
        if (LEAST..=MOST).contains(&number) {
            return Ok(Self(number));
        }
        Err(D::Error::custom(format_args!("is {number}, and must be {LEAST} to {MOST}")))
    }
}

/// Reads what JSON Schema calls an integer: any number without a fractional part, `7.0` as well as `7`.
struct WholeNumber;

impl Visitor<'_> for WholeNumber {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is whole, and small enough that doubles have every whole number"
    )]
    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        let is_whole = number.fract() == 0.0 && (0.0..=MOST_EXACT).contains(&number);
        if is_whole { Ok(number as u64) } else { Err(E::invalid_value(Unexpected::Float(number), &self)) }
    }
}

/// 2⁵³: up to here, doubles have every whole number.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

impl<const LEAST: u64, const MOST: u64> PartialSchema for Whole<LEAST, MOST> {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        // What does not fit is no bound that a reader of the description could use.
        let bound = |number: u64| usize::try_from(number).ok();
        number.minimum(bound(LEAST)).maximum(bound(MOST)).build().into()
    }
}

impl<const LEAST: u64, const MOST: u64> ToSchema for Whole<LEAST, MOST> {
    fn name() -> Cow<'static, str> {
        format!("Whole{LEAST}To{MOST}").into()
    }
}

macro_rules! reals {
    ($($(#[$documentation:meta])* $name:ident: $least:literal to $most:literal;)+) => {$(
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub(crate) struct $name(pub(crate) f64);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = f64::deserialize(deserializer)?;
                if ($least..=$most).contains(&number) {
                    return Ok(Self(number));
                }
                let (least, most): (f64, f64) = ($least, $most);
                Err(D::Error::custom(format_args!("is {number}, and must be {least} to {most}")))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let number = ObjectBuilder::new().schema_type(Type::Number);
                number.minimum(Some($least)).maximum(Some($most)).build().into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

reals! {
    /// A part of a whole.
    Share: 0.0 to 1.0;
    /// A part of a whole that leaves something for others.
    PartialShare: 0.0 to 0.999;
    /// A learning rate.
    Rate: 0.000_000_001 to 0.999;
    /// What something is multiplied by.
    Factor: 0.001 to 1000.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_within_their_bounds_are_read_and_others_are_not() {
        let reads = |json| serde_json::from_str::<Whole<1, 200>>(json).is_ok();
        assert!(reads("1") && reads("200") && reads("7.0") && reads("2e2"));
        for json in ["0", "201", "-1", "1.5", "-7.0", "1e300", "\"7\"", "18446744073709551616"] {
            assert!(!reads(json), "{json}");
        }
        let reads = |json| serde_json::from_str::<Share>(json).is_ok();
        assert!(reads("0") && reads("1") && reads("0.5") && !reads("1.01") && !reads("-0.1"));
    }

    #[test]
    fn the_description_has_the_bounds() {
        let schema = serde_json::to_value(Whole::<1, 200>::schema()).unwrap();
        assert_eq!((schema["minimum"].as_u64(), schema["maximum"].as_u64()), (Some(1), Some(200)));
    }
}
