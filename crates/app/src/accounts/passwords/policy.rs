//! Which passwords are allowed: long ones that are hard to guess. No rule says which kinds of characters they need.

use super::super::AccountError;
use super::context;
use super::{LEAST_CHARACTERS, Password};

/// A password must take about this many guesses (as a power of ten). Three well-known parts in a row are given 10^8 by
/// the estimate at least, so the bound is a little above that; four words, or 15 random letters, are far beyond it.
const LEAST_GUESSES_LOG10: f64 = 8.5;

/// Looks at the length alone, which costs nothing.
pub(super) fn check_length(password: &Password) -> Result<&str, AccountError> {
    let text = password.text().ok_or(AccountError::PasswordTooLong)?;
    match text.chars().count() {
        characters if characters < LEAST_CHARACTERS => Err(AccountError::PasswordTooShort { characters }),
        _ => Ok(text),
    }
}

/// Refuses what is common, or is with `names` taken out of it. May take some hundred milliseconds for odd texts.
pub(super) fn check_strength(text: &str, names: &[String]) -> Result<(), AccountError> {
    let (without, word) = context::without(text, &context::words(names));
    if let Some(word) = word
        && estimate(&without).guesses_log10() < LEAST_GUESSES_LOG10
    {
        return Err(AccountError::PasswordFromContext { word });
    }
    let estimate = estimate(text);
    if estimate.guesses_log10() < LEAST_GUESSES_LOG10 {
        return Err(AccountError::PasswordCommon { reason: reason(&estimate) });
    }
    Ok(())
}

/// The number of guesses that someone needs who knows lists of common passwords, words and names, keyboards, dates,
/// repetitions and the usual substitutions (Wheeler: "zxcvbn: Low-Budget Password Strength Estimation", 2016).
fn estimate(text: &str) -> zxcvbn::Entropy {
    zxcvbn::zxcvbn(text, &[])
}

fn reason(estimate: &zxcvbn::Entropy) -> String {
    let warning = estimate.feedback().and_then(|feedback| feedback.warning());
    warning.map_or_else(
        || "It is made of a few common words and numbers.".to_owned(),
        |warning| warning.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), AccountError> {
        let names = ["alice.miller".to_owned(), "Alice Miller".to_owned()];
        check_strength(check_length(&Password::new(text))?, &names)
    }

    fn code(text: &str) -> &'static str {
        check(text).map_or_else(|error| error.code(), |()| "allowed")
    }

    #[test]
    fn fourteen_characters_are_too_few_and_fifteen_are_enough_whatever_they_are() {
        assert_eq!(code("kqzvwmtrbxplsd"), "password-too-short");
        assert_eq!(code("kqzvwmtrbxplsdh"), "allowed");
        // Characters are counted, not bytes, and accents belong to their letter.
        assert_eq!(code("zo\u{308}e u\u{308}ber a\u{308}"), "password-too-short");
        assert_eq!(code("läufer über brücken"), "allowed");
        assert_eq!(code("我們的貓每天早上都吃兩條小魚呢"), "allowed");
        assert_eq!(code("our cat eats fish"), "allowed");
    }

    #[test]
    fn long_passwords_are_allowed_up_to_the_limit_and_refused_beyond_it() {
        let word = "kqzvwmtr bxplsdh ";
        for characters in [64, 128, 1024] {
            let text: String =
                word.chars().cycle().take(characters - 20).chain("jf83 mvn2 kdls wq9x!".chars()).collect();
            assert_eq!(check_length(&Password::new(&text)).map(|_| ()).map_err(|error| error.code()), Ok(()));
        }
        assert_eq!(
            code("jf83 mvn2 kdls wq9x! plus forty more characters, as a book's sentence has"),
            "allowed"
        );
        assert_eq!(code(&"ü".repeat(513)), "password-too-long");
    }

    #[test]
    fn common_passwords_are_refused_with_the_reason() {
        for text in [
            "passwordpassword",
            "password1234567",
            "P@ssw0rdP@ssw0rd",
            "iloveyou123456789",
            "qwertyuiopasdfgh",
            "1q2w3e4r5t6y7u8i",
            "aaaaaaaaaaaaaaa",
            "123456789012345",
            "letmeinletmein1",
            "football12345678",
            "monkeydragon1234",
            "summer2026winter",
            "abababababababab",
        ] {
            assert_eq!(code(text), "password-common", "{text}");
        }
        let error = check("aaaaaaaaaaaaaaa").unwrap_err().to_string();
        assert!(error.contains("Repeats like \"aaa\" are easy to guess."), "{error}");
    }

    #[test]
    fn names_that_everyone_knows_add_nothing_to_a_password() {
        for text in [
            "gradusgradusgradus",
            "alice.miller2026",
            "alicemiller12345",
            "mygraduspassword",
            "Gradus-Passw0rd!",
            "Gr4dusAlice!Miller",
            "MillerAlice-gradus-1",
        ] {
            assert_eq!(code(text), "password-from-context", "{text}");
        }
        assert!(check("gradusgradusgradus").unwrap_err().to_string().contains("`gradus`"));
        assert_eq!(code("alice found nine green kettles"), "allowed");
    }
}
