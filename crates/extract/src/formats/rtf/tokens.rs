//! RTF bytes to tokens: groups, control words, bytes of text.

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// A control word without its backslash, and its number.
    Word(&'a str, Option<i32>),
    /// A control symbol: a backslash and one sign that is no letter.
    Symbol(u8),
    /// A byte of text, written as itself or as `\'xx`.
    Byte(u8),
}

/// The tokens of a document, in order.
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Skips raw bytes, as after `\bin`.
    pub(super) fn skip_bytes(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn control(&mut self) -> Option<Token<'a>> {
        let letters = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if letters == 0 {
            return match *self.take(1).first()? {
                b'\'' => Some(Token::Byte(hexadecimal(self.take(2)).unwrap_or(b'?'))),
                // A backslash before a line end is another way to write `\par`.
                b'\n' | b'\r' => Some(Token::Word("par", None)),
                sign => Some(Token::Symbol(sign)),
            };
        }
        let word = std::str::from_utf8(self.take(letters)).unwrap_or_default();
        let sign = usize::from(self.rest.first() == Some(&b'-'));
        let digits = self.rest.iter().skip(sign).take_while(|byte| byte.is_ascii_digit()).count();
        let number = (digits > 0)
            .then(|| self.take(sign + digits))
            .and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        if self.rest.first() == Some(&b' ') {
            self.skip_bytes(1);
        }
        Some(Token::Word(word, number))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            return match *self.take(1).first()? {
                b'{' => Some(Token::Open),
                b'}' => Some(Token::Close),
                b'\\' => self.control(),
                b'\n' | b'\r' | 0 => continue,
                byte => Some(Token::Byte(byte)),
            };
        }
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_words_end_at_a_space_which_belongs_to_them() {
        let tokens: Vec<_> = Tokens::new(b"{\\b1 a\\u-10179?\\'e9\\~\\par\n\\bin}").collect();
        assert_eq!(
            tokens,
            [
                Token::Open,
                Token::Word("b", Some(1)),
                Token::Byte(b'a'),
                Token::Word("u", Some(-10179)),
                Token::Byte(b'?'),
                Token::Byte(0xE9),
                Token::Symbol(b'~'),
                Token::Word("par", None),
                Token::Word("bin", None),
                Token::Close,
            ]
        );
    }
}
