//! Names that whoever attacks an account knows: the product's and the user's. A password gets no credit for them.

const PRODUCT: &str = "gradus";
/// Shorter names occur in words by chance.
const LEAST_CHARACTERS: usize = 3;

/// The words that these names consist of, and the names themselves, longest first.
pub(super) fn words(names: &[String]) -> Vec<String> {
    let mut words = vec![PRODUCT.to_owned()];
    for name in names {
        let name = name.to_lowercase();
        words.extend(name.split(|character: char| !character.is_alphanumeric()).map(str::to_owned));
        words.push(name);
    }
    words.retain(|word| word.chars().count() >= LEAST_CHARACTERS);
    words.sort_by(|one, other| other.chars().count().cmp(&one.chars().count()).then_with(|| one.cmp(other)));
    words.dedup();
    words
}

/// The text without these words, however they are disguised, and the first that was found.
pub(super) fn without(text: &str, words: &[String]) -> (String, Option<String>) {
    let mut characters: Vec<char> = text.chars().collect();
    let mut found = None;
    for word in words {
        let folded: Vec<char> = word.chars().map(fold).collect();
        while let Some(start) = position(&characters, &folded) {
            characters.drain(start..start + folded.len());
            found.get_or_insert_with(|| word.clone());
        }
    }
    (characters.into_iter().collect(), found)
}

fn position(characters: &[char], folded: &[char]) -> Option<usize> {
    characters
        .windows(folded.len())
        .position(|window| window.iter().copied().map(fold).eq(folded.iter().copied()))
}

/// The letter that a character stands for: in lower case, and undoing the usual substitutions. `i`, `l` and what is
/// written for either are one letter.
fn fold(character: char) -> char {
    match character.to_lowercase().next().unwrap_or(character) {
        '4' | '@' => 'a',
        '3' => 'e',
        '1' | '!' | '|' | 'l' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        '7' | '+' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_their_parts_are_taken_out_however_they_are_written() {
        let words = words(&["Ada.Bo".to_owned(), "Zoë Li".to_owned()]);
        assert_eq!(words, ["ada.bo", "gradus", "zoë li", "ada", "zoë"]);
        assert_eq!(without("xAD4.80!grAdu5-ZOËy", &words), ("x.80!-y".to_owned(), Some("gradus".to_owned())));
        assert_eq!(without("nothing here", &words), ("nothing here".to_owned(), None));
    }

    #[test]
    fn a_name_that_appears_once_another_is_taken_out_is_taken_out_too() {
        let words = words(&["ada".to_owned()]);
        assert_eq!(without("aadada", &words).0, "");
        assert_eq!(without("grgradusadus", &words).0, "");
    }
}
