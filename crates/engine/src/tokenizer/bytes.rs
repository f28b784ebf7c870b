//! The bytes that a stored piece stands for.

use super::TokenizerError;
use tokenizers::{DecoderWrapper, ModelWrapper};

/// The two ways in which BPE vocabularies write arbitrary bytes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceBytes {
    /// Each character is one byte, moved to a printable place (GPT-2).
    ByteLevel,
    /// Plain text with `▁` for a space, and `<0x0A>` for a byte that no piece has (SentencePiece).
    SentencePiece,
}

impl PieceBytes {
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Result<Self, TokenizerError> {
        let ModelWrapper::BPE(_) = tokenizer.get_model() else {
            return Err(TokenizerError::Unsupported {
                kind: "not BPE (WordPiece, WordLevel or Unigram)".to_owned(),
                supported: "byte-level BPE and SentencePiece BPE",
            });
        };
        Ok(match tokenizer.get_decoder() {
            Some(DecoderWrapper::ByteLevel(_)) => Self::ByteLevel,
            _ => Self::SentencePiece,
        })
    }

    pub(super) fn decode(self, piece: &str) -> Vec<u8> {
        match self {
            Self::ByteLevel => {
                let bytes: Option<Vec<u8>> = piece.chars().map(byte_of_character).collect();
                bytes.unwrap_or_else(|| piece.as_bytes().to_vec())
            }
            Self::SentencePiece => match byte_piece(piece) {
                Some(byte) => vec![byte],
                None => piece.replace('▁', " ").into_bytes(),
            },
        }
    }

    /// The piece that stands for one byte alone.
    pub(super) fn piece_of_byte(self, byte: u8) -> String {
        match self {
            Self::ByteLevel => character_of_byte(byte).to_string(),
            Self::SentencePiece => format!("<0x{byte:02X}>"),
        }
    }
}

fn byte_piece(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 2)
}

/// GPT-2 keeps the printable bytes of Latin-1 and moves the other 68, in order, to U+0100 and up.
fn is_kept(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

fn character_of_byte(byte: u8) -> char {
    if is_kept(byte) {
        return char::from(byte);
    }
    let moved_before = (0..byte).filter(|&other| !is_kept(other)).count() as u32;
    char::from_u32(0x100 + moved_before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn byte_of_character(character: char) -> Option<u8> {
    match u32::from(character) {
        code @ 0..=0xFF => u8::try_from(code).ok().filter(|&byte| is_kept(byte)),
        code => (0..=u8::MAX).filter(|&byte| !is_kept(byte)).nth(code as usize - 0x100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character_and_comes_back() {
        for byte in 0..=u8::MAX {
            assert_eq!(byte_of_character(character_of_byte(byte)), Some(byte));
        }
        assert_eq!(character_of_byte(b' '), 'Ġ');
        assert_eq!(character_of_byte(b'\n'), 'Ċ');
    }

    #[test]
    fn sentencepiece_writes_spaces_and_bytes_its_own_way() {
        assert_eq!(PieceBytes::SentencePiece.decode("▁the"), b" the");
        assert_eq!(PieceBytes::SentencePiece.decode("<0xE2>"), [0xE2]);
        assert_eq!(PieceBytes::SentencePiece.decode("<0x>"), b"<0x>");
    }
}
