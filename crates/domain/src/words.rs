//! Closed sets of words, such as states and roles: one spelling in code, database and API.

/// A value that is written as one of a few words.
pub trait Word: Copy + Eq + std::fmt::Debug + Send + Sync + 'static {
    /// What the set is called in sentences, as in "there is no role `x`".
    const NOUN: &'static str;
    /// Every value, in the order of their declaration.
    const ALL: &'static [Self];

    /// How it is written.
    fn word(self) -> &'static str;

    /// The value that is written so.
    ///
    /// # Errors
    /// When no value is.
    fn parse(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|value| value.word() == text).ok_or_else(|| UnknownWord {
            noun: Self::NOUN,
            text: text.to_owned(),
            known: Self::ALL.iter().map(|value| value.word()).collect(),
        })
    }
}

/// A text that is none of a set's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {noun} `{text}`; it is one of: {}", known.join(", "))]
pub struct UnknownWord {
    noun: &'static str,
    text: String,
    known: Vec<&'static str>,
}

/// Declares an enum whose values are words.
macro_rules! words {
    ($(#[$documentation:meta])* $noun:literal $name:ident {
        $($(#[$value_documentation:meta])* $value:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$value_documentation])* #[serde(rename = $word)] $value,)+
        }

        impl $crate::Word for $name {
            const NOUN: &'static str = $noun;
            const ALL: &'static [Self] = &[$(Self::$value,)+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad($crate::Word::word(*self))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::Word::parse(text)
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro makes what a crate offers")]
mod tests {
    use super::*;

    words! {
        /// Two colours.
        "colour" Colour {
            /// As blood.
            Red = "red",
            /// As the sky.
            Blue = "sky-blue",
        }
    }

    #[test]
    fn a_word_is_written_and_read_alike_in_text_and_json() {
        for &colour in Colour::ALL {
            assert_eq!(colour.to_string().parse(), Ok(colour));
            let json = serde_json::to_string(&colour).unwrap();
            assert_eq!(json, format!("\"{colour}\""));
            assert_eq!(serde_json::from_str::<Colour>(&json).unwrap(), colour);
        }
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let error = Colour::parse("green").unwrap_err().to_string();
        assert_eq!(error, "there is no colour `green`; it is one of: red, sky-blue");
    }
}
