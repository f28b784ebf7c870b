//! Texts of bounded length. What was given never stands in a refusal: some of it is secret.

use std::borrow::Cow;

use gradus_app::accounts::is_unsafe;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! texts {
    ($($(#[$documentation:meta])* $name:ident: $least:literal characters at least, each $words:literal,
        $pattern:literal, $fits:expr;)+) => {$(
        $(#[$documentation])*
        #[derive(Clone, PartialEq, Eq)]
        pub(crate) struct $name<const MOST: usize>(String);

        impl<const MOST: usize> $name<MOST> {
            /// The text.
            pub(crate) fn into_text(self) -> String {
                self.0
            }
        }

        impl<'de, const MOST: usize> Deserialize<'de> for $name<MOST> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let fits: fn(&str) -> bool = $fits;
                let length = text.chars().count();
                if ($least..=MOST).contains(&length) && fits(&text) {
                    return Ok(Self(text));
                }
                let least: usize = $least;
                Err(D::Error::custom(format_args!(
                    "must have {least} to {MOST} characters, each {}", $words
                )))
            }
        }

        impl<const MOST: usize> PartialSchema for $name<MOST> {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                let text = text.min_length(Some($least)).max_length(Some(MOST));
                text.pattern(Some($pattern)).build().into()
            }
        }

        impl<const MOST: usize> ToSchema for $name<MOST> {
            fn name() -> Cow<'static, str> {
                format!("{}{MOST}", stringify!($name)).into()
            }
        }
    )+};
}

texts! {
    /// One line for people: a name, a title.
    Line: 1 characters at least, each "no control character",
        "^[^\\u0000-\\u001f\\u007f-\\u009f]*$", |text| !text.contains(char::is_control);
    /// What something is called where many read it: not blank, and nothing in it that hides or turns text.
    Label: 1 characters at least, each "visible, and not all of them spaces",
        "^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]*\
         [^\\s\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]\
         [^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]*$",
        |text| !text.trim().is_empty() && !text.contains(is_unsafe);
    /// What someone logs in with.
    AccountName: 1 characters at least, each "a letter of ASCII, a digit, `.`, `_`, `-` or `@`", "^[A-Za-z0-9._@-]*$",
        |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte));
    /// Text of any kind.
    Prose: 0 characters at least, each "any but NUL", "^[^\\u0000]*$", |text| !text.contains('\0');
    /// A word of programs.
    Slug: 1 characters at least, each "one of a to z, 0 to 9, `-` and `.`", "^[a-z0-9.-]*$",
        |text| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    /// What someone types to be let in. It has no `Debug`, so that no log has it.
    Typed: 1 characters at least, each "any but NUL", "^[^\\u0000]*$", |text| !text.contains('\0');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads<'a, T: Deserialize<'a>>(json: &'a str) -> bool {
        serde_json::from_str::<T>(json).is_ok()
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(reads::<Line<3>>("\"äöü\"") && !reads::<Line<3>>("\"äöüß\"") && !reads::<Line<3>>("\"\""));
        assert!(reads::<Prose<3>>("\"\"") && reads::<Prose<3>>("\"a\\nb\""));
    }

    #[test]
    fn what_breaks_a_line_is_in_none() {
        for json in ["\"a\\nb\"", "\"a\\u0000b\"", "\"\\u0085\"", "7"] {
            assert!(!reads::<Line<9>>(json), "{json}");
        }
        assert!(!reads::<Prose<9>>("\"\\u0000\"") && !reads::<Typed<9>>("\"\\u0000\""));
    }

    #[test]
    fn what_many_read_is_visible() {
        assert!(reads::<Label<9>>("\"Zo\\u00eb M.\""));
        for json in ["\" \"", "\"\\u00a0\"", "\"a\\u202eb\"", "\"\\u200b\"", "\"a\\tb\""] {
            assert!(!reads::<Label<9>>(json), "{json}");
        }
        assert!(reads::<AccountName<9>>("\"a.B_c-7@x\"") && !reads::<AccountName<9>>("\"\\u00e4\""));
    }

    #[test]
    fn words_of_programs_are_plain() {
        assert!(reads::<Slug<9>>("\"fine-tune\""));
        for json in ["\"Guide\"", "\"a b\"", "\"a/b\"", "\"ä\""] {
            assert!(!reads::<Slug<9>>(json), "{json}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_what_was_given() {
        let Err(error) = serde_json::from_str::<Typed<3>>("\"hunter2\"") else { panic!("it is too long") };
        assert!(error.to_string().starts_with("must have 1 to 3 characters"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn the_description_has_the_limits() {
        let schema = serde_json::to_value(Line::<7>::schema()).unwrap();
        assert_eq!((schema["minLength"].as_u64(), schema["maxLength"].as_u64()), (Some(1), Some(7)));
        assert_eq!(Line::<7>::name(), "Line7");
    }
}
