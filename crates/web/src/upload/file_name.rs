//! A file's name as the client gave it, made fit to be shown. It never names a file of ours.

use std::fmt;

/// The longest that a name is shown, in characters.
const MAX_CHARACTERS: usize = 120;

/// A name for people: one line, no directories, nothing that reads other than it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Cleans what a client calls its file: the part behind the last separator, without control and
    /// direction characters, not empty, not too long (its end, with the extension, stays).
    #[must_use]
    pub fn of(name: &str) -> Self {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let shown: String = last.chars().filter(|&character| is_plain(character)).collect();
        let words: Vec<&str> = shown.split_whitespace().collect();
        let clean = words.join(" ");
        let is_nothing = clean.chars().all(|character| character == '.');
        Self(if is_nothing { "unnamed".to_owned() } else { shortened(&clean) })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Neither a control character nor one that is not seen, or turns the direction of those after it.
fn is_plain(character: char) -> bool {
    let is_invisible = matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    !character.is_control() && !is_invisible
}

fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= MAX_CHARACTERS {
        return name.to_owned();
    }
    let tail = 40;
    let head: String = name.chars().take(MAX_CHARACTERS - tail - 1).collect();
    let end: String = name.chars().skip(length - tail).collect();
    format!("{head}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_plain_ones() {
        let cases = [
            ("guide.docx", "guide.docx"),
            ("../../etc/passwd", "passwd"),
            ("C:\\x\\answers.csv", "answers.csv"),
            ("a\0b\r\nSet-Cookie: x.pdf", "abSet-Cookie: x.pdf"),
            ("exam\u{202e}fdp.exe", "examfdp.exe"),
            ("zero\u{200b}width.md", "zerowidth.md"),
            ("  two\t  words .txt ", "two words .txt"),
            ("", "unnamed"),
            ("..", "unnamed"),
            ("dir/", "unnamed"),
            ("-rf", "-rf"),
            ("CON", "CON"),
            ("Prüfung №3.pdf", "Prüfung №3.pdf"),
        ];
        for (name, shown) in cases {
            assert_eq!(DisplayName::of(name).as_str(), shown, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let shown = DisplayName::of(&format!("{}.docx", "ä".repeat(300)));
        assert_eq!(shown.as_str().chars().count(), MAX_CHARACTERS);
        assert!(shown.as_str().ends_with("ä.docx"), "{shown}");
    }
}
