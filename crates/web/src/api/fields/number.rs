//! Numbers within bounds.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<const LEAST: u64, const MOST: u64>(pub(crate) u64);

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Whole<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if (LEAST..=MOST).contains(&number) {
            return Ok(Self(number));
        }
        Err(D::Error::custom(format_args!("is {number}, and must be {LEAST} to {MOST}")))
    }
}

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
        assert!(reads("1") && reads("200"));
        for json in ["0", "201", "-1", "1.5", "\"7\"", "18446744073709551616"] {
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
