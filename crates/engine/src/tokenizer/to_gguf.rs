//! A tokenizer in the lists of a GGUF header, for exports: the way back from `gguf`. Kept only when the
//! lists, read again, make a tokenizer with the same rules.

use super::added::white_space;
use super::gguf::{CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED};
use super::{GgufVocabulary, PieceBytes, Tokenizer, TokenizerError, gguf};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

const BYTE: i64 = 6;
/// Splitting rules as llama.cpp names them.
const SPLITS: &[&str] = &["gpt-2", "smollm", "llama-bpe", "qwen2"];

impl Tokenizer {
    /// The tokenizer part of a GGUF header, with a token for each of the embedding table's rows.
    ///
    /// # Errors
    /// When its rules are not among those that GGUF has names for.
    pub fn to_gguf(&self, rows: usize) -> Result<GgufVocabulary, TokenizerError> {
        let json: Value = serde_json::from_str(&self.to_json()?).map_err(TokenizerError::build)?;
        let wanted = Rules::of(&json);
        for candidate in self.candidates(&json, rows) {
            let rebuilt = gguf::build(candidate.clone())?.to_string(false).map_err(TokenizerError::build)?;
            let rebuilt: Value = serde_json::from_str(&rebuilt).map_err(TokenizerError::build)?;
            if Rules::of(&rebuilt) == wanted {
                return self.with_same_added_tokens(candidate);
            }
        }
        Err(TokenizerError::NotInGguf { what: "its rules for cutting up text are none of llama.cpp's" })
    }

    /// What the lists may be, for each set of rules that the pieces allow.
    fn candidates(&self, json: &Value, rows: usize) -> Vec<GgufVocabulary> {
        let model = &json["model"];
        let unknown = model["unk_token"].as_str().and_then(|token| self.token_id(token));
        let mut vocabulary = GgufVocabulary {
            adds_bos: Some(self.opening_token().is_some()),
            unknown,
            special: self.special_ids(),
            ..self.pieces(json, rows)
        };
        match self.bytes {
            PieceBytes::ByteLevel => {
                vocabulary.model = "gpt2".to_owned();
                vocabulary.merges = merges(model).map(|(left, right)| format!("{left} {right}")).collect();
                let named = |name: &&str| Some((*name).to_owned());
                let with = |name| GgufVocabulary { pre_tokenizer: named(name), ..vocabulary.clone() };
                SPLITS.iter().map(with).collect()
            }
            PieceBytes::SentencePiece => {
                vocabulary.model = "llama".to_owned();
                vocabulary.scores = scores(model, &vocabulary.tokens);
                let with = |space| GgufVocabulary { adds_space_prefix: Some(space), ..vocabulary.clone() };
                [true, false].map(with).to_vec()
            }
        }
    }

    /// Pieces and their types by id. Rows that no token uses are filled up, as llama.cpp's converter does.
    fn pieces(&self, json: &Value, rows: usize) -> GgufVocabulary {
        let mut tokens: Vec<String> = (0..rows).map(|id| format!("[PAD{id}]")).collect();
        let mut token_types = vec![UNUSED; rows];
        for (piece, id) in self.full.get_vocab(false) {
            let id = id as usize;
            let is_byte = self.bytes == PieceBytes::SentencePiece
                && piece.len() == "<0x00>".len()
                && piece.starts_with("<0x");
            tokens[id] = piece;
            token_types[id] = if is_byte { BYTE } else { NORMAL };
        }
        for added in json["added_tokens"].as_array().into_iter().flatten() {
            let (Some(id), Some(text)) = (added["id"].as_u64(), added["content"].as_str()) else { continue };
            tokens[id as usize] = self.as_typed(text);
            let special = added["special"].as_bool().unwrap_or(false);
            token_types[id as usize] = if special { CONTROL } else { USER_DEFINED };
        }
        // Byte-level vocabularies write everything; what they call unknown is a control token.
        let unknown = json["model"]["unk_token"].as_str().and_then(|token| self.token_id(token));
        if let Some(id) = unknown.filter(|_| self.bytes == PieceBytes::SentencePiece) {
            token_types[id as usize] = UNKNOWN;
        }
        GgufVocabulary { tokens, token_types, ..GgufVocabulary::default() }
    }

    /// An added token as it stands in a text before that is prepared: llama.cpp finds it there.
    fn as_typed(&self, added: &str) -> String {
        match self.bytes {
            PieceBytes::ByteLevel => added.to_owned(),
            PieceBytes::SentencePiece => added.replace('▁', " "),
        }
    }

    /// Some tokenizers take the white space around an added token with it, or find it in whole words only.
    fn with_same_added_tokens(&self, vocabulary: GgufVocabulary) -> Result<GgufVocabulary, TokenizerError> {
        let rebuilt = Self::from_gguf(vocabulary.clone())?;
        let white_space = white_space(&self.full).into_iter().map(|(_, token)| token.content);
        for text in self.added.texts().iter().map(|(text, _)| text.clone()).chain(white_space) {
            let text = self.as_typed(&text);
            let probe = format!("a {text} b{text}c");
            if self.encode(&probe, true)? != rebuilt.encode(&probe, true)? {
                let what = "it finds its added tokens in text by rules of its own";
                return Err(TokenizerError::NotInGguf { what });
            }
        }
        Ok(vocabulary)
    }
}

/// What decides how text is cut up, apart from the pieces themselves.
#[derive(Debug, PartialEq)]
struct Rules {
    normalizer: Value,
    pre_tokenizer: Value,
    merges: Vec<(String, String)>,
    flags: [Value; 2],
}

impl Rules {
    fn of(json: &Value) -> Self {
        let model = &json["model"];
        let mut pre_tokenizer = json["pre_tokenizer"].clone();
        without_offsets(&mut pre_tokenizer);
        // An added token is found in the text before anything is merged.
        let added = json["added_tokens"].as_array().into_iter().flatten();
        let added: HashSet<String> =
            added.filter_map(|token| token["content"].as_str().map(str::to_owned)).collect();
        let flag = |name: &str| Value::Bool(model[name].as_bool().unwrap_or(false));
        Self {
            normalizer: json["normalizer"].clone(),
            pre_tokenizer,
            merges: merges(model).filter(|(left, right)| !added.contains(&(left.clone() + right))).collect(),
            flags: [flag("ignore_merges"), flag("byte_fallback")],
        }
    }
}

/// Whether the ranges of tokens include white space does not change the tokens.
fn without_offsets(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("trim_offsets");
            fields.values_mut().for_each(without_offsets);
        }
        Value::Array(items) => items.iter_mut().for_each(without_offsets),
        _ => {}
    }
}

fn merges(model: &Value) -> impl Iterator<Item = (String, String)> + '_ {
    let pair = |merge: &Value| match merge {
        Value::String(text) => text.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned())),
        _ => Some((merge[0].as_str()?.to_owned(), merge[1].as_str()?.to_owned())),
    };
    model["merges"].as_array().into_iter().flatten().filter_map(pair)
}

/// SentencePiece merges what gives the piece of the highest score, so the score is the rank of the piece's
/// first merge. Pieces that nothing is merged to come last; their scores are never compared.
fn scores(model: &Value, tokens: &[String]) -> Vec<f32> {
    let mut ranks: HashMap<String, usize> = HashMap::new();
    for (left, right) in merges(model) {
        let rank = ranks.len();
        ranks.entry(left + &right).or_insert(rank);
    }
    tokens.iter().map(|token| -(*ranks.get(token).unwrap_or(&ranks.len()) as f32)).collect()
}
