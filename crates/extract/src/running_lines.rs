//! Which header and footer lines only number pages.

const WORDS: [&str; 10] = ["page", "seite", "página", "pagina", "p", "of", "von", "de", "di", "van"];

/// Whether a line of a header or footer shows nothing but a page number: `7`, `- 7 -`, `7/12`, `Page 7 of
/// 12`. Where `page` is known, its number must be there. `7)` and `7.` number something else.
pub(crate) fn is_page_number(text: &str, page: Option<u32>) -> bool {
    let lower = text.trim().to_lowercase();
    let mut parts = lower.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let only_numbers = parts.clone().all(|part| number(part).is_some() || WORDS.contains(&part));
    let numbers_this = page.is_none_or(|page| parts.any(|part| number(part) == Some(page)));
    only_numbers && numbers_this && !lower.ends_with([')', '.', ':'])
}

/// `text` with the number of its page as `#`, where it says that it is one: the same on each page.
pub(crate) fn without_page_number(text: &str, page: u32) -> String {
    let is_word = |part: &str| part.len() > 1 && WORDS.contains(&part.to_lowercase().as_str());
    if !text.split(|c: char| !c.is_alphanumeric()).any(is_word) {
        return text.to_owned();
    }
    let page = page.to_string();
    let parts = text.split_inclusive(|c: char| !c.is_alphanumeric());
    parts
        .map(|part| match part.strip_prefix(page.as_str()) {
            Some(rest) if rest.chars().all(|c| !c.is_alphanumeric()) => format!("#{rest}"),
            _ => part.to_owned(),
        })
        .collect()
}

fn number(part: &str) -> Option<u32> {
    part.parse().ok().filter(|_| part.len() <= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_numbers_are_told_from_question_numbers() {
        for text in ["7", "- 7 -", "7/12", "Page 7 of 12", "Seite 7 von 12"] {
            assert!(is_page_number(text, Some(7)), "{text}");
        }
        for text in ["7)", "7.", "8", "Question 7", "H07", "", "Page 8"] {
            assert!(!is_page_number(text, Some(7)), "{text}");
        }
        assert!(is_page_number("Page 1 of", None));
    }

    #[test]
    fn a_footer_that_counts_pages_is_the_same_on_each() {
        assert_eq!(without_page_number("Biology – page 3", 3), "Biology – page #");
        assert_eq!(without_page_number("Page 3 of 33.", 3), "Page # of 33.");
        assert_eq!(without_page_number("Question 3", 3), "Question 3");
    }
}
