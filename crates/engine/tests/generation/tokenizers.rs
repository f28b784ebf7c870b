//! Tokenizers of both kinds in which every byte is a token.

use gradus_engine::tokenizer::{GgufVocabulary, SpecialIds, Tokenizer};

/// Ends a text, in both.
pub(crate) const END: u32 = 0;

const CONTROL: i64 = 3;

/// Byte-level BPE with some longer pieces.
pub(crate) fn byte_level() -> Tokenizer {
    let longer = ["{\"", "\":", "true", "Ġ\"", "},", "ma", "rk", "mark", "12", "Ċ", "Ġ\"x", "Ã©"];
    let bytes = (0..=255).map(|byte| character(byte).to_string());
    let longer = longer.into_iter().filter(|piece| piece.chars().count() > 1).map(str::to_owned);
    let tokens: Vec<String> = std::iter::once("<|end|>".to_owned()).chain(bytes).chain(longer).collect();
    let token_types = (0..tokens.len()).map(|id| if id == 0 { CONTROL } else { 1 }).collect();
    let special = SpecialIds { eos: Some(END), ..SpecialIds::default() };
    let model = "gpt2".to_owned();
    Tokenizer::from_gguf(GgufVocabulary { model, tokens, token_types, special, ..GgufVocabulary::default() })
        .unwrap()
}

/// SentencePiece BPE, where a space is `▁` and bytes are spelled out.
pub(crate) fn sentence_piece() -> Tokenizer {
    let bytes = (0..=255).map(|byte| (format!("<0x{byte:02X}>"), 6));
    let longer = ["▁", "{\"", "\":", "▁\"", "▁true", "mark", "▁{", "a", "1", "}"];
    let longer = longer.into_iter().map(|piece| (piece.to_owned(), 1));
    let end = ("</s>".to_owned(), CONTROL);
    let (tokens, token_types): (Vec<String>, Vec<i64>) =
        std::iter::once(end).chain(bytes).chain(longer).unzip();
    let special = SpecialIds { eos: Some(END), ..SpecialIds::default() };
    let (model, scores) = ("llama".to_owned(), vec![0.0; tokens.len()]);
    let vocabulary =
        GgufVocabulary { model, tokens, token_types, scores, special, ..GgufVocabulary::default() };
    Tokenizer::from_gguf(vocabulary).unwrap()
}

/// GPT-2's printable character for a byte.
fn character(byte: u8) -> char {
    let kept = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if kept(byte) {
        return char::from(byte);
    }
    char::from_u32(0x100 + (0..byte).filter(|other| !kept(*other)).count() as u32).unwrap()
}
