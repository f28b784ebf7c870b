//! A tokenizer from the lists in a GGUF header: byte-level BPE (`gpt2`) with the splitting rules that the
//! header names, and SentencePiece BPE (`llama`).

use super::{SpecialIds, TokenizerError, merges};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{NFC, Prepend, Replace as ReplaceNormalizer, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior, decoders,
};

const SUPPORTED_MODELS: &str = "gpt2 and llama";
const SUPPORTED_SPLITS: &str = "gpt-2, smollm, llama-bpe and qwen2";

/// How Llama 3 cuts text before BPE.
const LLAMA3_SPLIT: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
/// How Qwen 2 does: digits one by one.
const QWEN2_SPLIT: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Token types as llama.cpp numbers them.
pub(super) const NORMAL: i64 = 1;
pub(super) const UNKNOWN: i64 = 2;
pub(super) const CONTROL: i64 = 3;
pub(super) const USER_DEFINED: i64 = 4;
pub(super) const UNUSED: i64 = 5;

/// The tokenizer part of a GGUF header (`tokenizer.ggml.*`).
#[derive(Debug, Clone, Default)]
pub struct GgufVocabulary {
    /// `gpt2` or `llama`.
    pub model: String,
    /// Name of the splitting rules; `gpt-2` when missing.
    pub pre_tokenizer: Option<String>,
    /// Pieces by id.
    pub tokens: Vec<String>,
    /// Type of each piece: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub token_types: Vec<i64>,
    /// Score of each piece (`llama` only).
    pub scores: Vec<f32>,
    /// Pairs to merge, separated by a space, best first (`gpt2` only).
    pub merges: Vec<String>,
    /// A space is put before the text (`llama` only; yes when missing).
    pub adds_space_prefix: Option<bool>,
    /// A text opens with the beginning-of-text token; when missing, that depends on the model.
    pub adds_bos: Option<bool>,
    /// Stands for what cannot be written otherwise.
    pub unknown: Option<u32>,
    /// Tokens with a role.
    pub special: SpecialIds,
}

impl GgufVocabulary {
    pub(super) fn adds_bos(&self) -> bool {
        let usual = self.model == "llama" || matches!(self.split(), Ok(SplitRules::Llama3));
        self.adds_bos.unwrap_or(usual)
    }

    fn token_type(&self, id: usize) -> i64 {
        self.token_types.get(id).copied().unwrap_or(NORMAL)
    }

    fn split(&self) -> Result<SplitRules, TokenizerError> {
        match self.pre_tokenizer.as_deref() {
            None | Some("default" | "gpt-2" | "gpt2") => Ok(SplitRules::Gpt2),
            Some("smollm") => Ok(SplitRules::SmolLm),
            Some("llama-bpe" | "llama3" | "llama-v3") => Ok(SplitRules::Llama3),
            Some("qwen2" | "deepseek-r1-qwen") => Ok(SplitRules::Qwen2),
            Some(other) => {
                Err(TokenizerError::Unsupported { kind: other.to_owned(), supported: SUPPORTED_SPLITS })
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SplitRules {
    Gpt2,
    SmolLm,
    Llama3,
    Qwen2,
}

pub(super) fn build(vocabulary: GgufVocabulary) -> Result<tokenizers::Tokenizer, TokenizerError> {
    if vocabulary.tokens.is_empty() {
        return Err(TokenizerError::build("it has no tokens"));
    }
    let mut tokenizer = match vocabulary.model.as_str() {
        "gpt2" => byte_level(&vocabulary)?,
        "llama" => sentence_piece(&vocabulary)?,
        other => {
            return Err(TokenizerError::Unsupported { kind: other.to_owned(), supported: SUPPORTED_MODELS });
        }
    };
    let added = (0..vocabulary.tokens.len()).filter_map(|id| {
        let kind = vocabulary.token_type(id);
        let special = matches!(kind, CONTROL | UNKNOWN);
        let token = AddedToken::from(vocabulary.tokens[id].clone(), special).normalized(false);
        (special || kind == USER_DEFINED).then_some(token)
    });
    tokenizer.add_tokens(added.collect::<Vec<_>>()).map_err(TokenizerError::build)?;
    Ok(tokenizer)
}

fn byte_level(vocabulary: &GgufVocabulary) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let rules = vocabulary.split()?;
    let merges = vocabulary.merges.iter().map(|merge| {
        let pair = merge.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()));
        pair.ok_or_else(|| TokenizerError::build(format!("the merge \"{merge}\" is not two pieces")))
    });
    let model = BPE::builder()
        .vocab_and_merges(ids_by_token(vocabulary), merges.collect::<Result<Vec<_>, _>>()?)
        .ignore_merges(rules == SplitRules::Llama3)
        .build()
        .map_err(TokenizerError::build)?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    if rules == SplitRules::Qwen2 {
        tokenizer.with_normalizer(Some(NormalizerWrapper::NFC(NFC))).map_err(TokenizerError::build)?;
    }
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(rules)?));
    tokenizer.with_decoder(Some(DecoderWrapper::ByteLevel(ByteLevel::new(false, true, true))));
    Ok(tokenizer)
}

fn pre_tokenizer(rules: SplitRules) -> Result<PreTokenizerWrapper, TokenizerError> {
    let split = |pattern: &str| {
        let pattern = SplitPattern::Regex(pattern.to_owned());
        Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(TokenizerError::build)
    };
    let bytes = |use_regex| PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, true, use_regex));
    let steps = match rules {
        SplitRules::Gpt2 => return Ok(bytes(true)),
        SplitRules::SmolLm => vec![PreTokenizerWrapper::Digits(Digits::new(true)), bytes(true)],
        SplitRules::Llama3 => vec![PreTokenizerWrapper::Split(split(LLAMA3_SPLIT)?), bytes(false)],
        SplitRules::Qwen2 => vec![PreTokenizerWrapper::Split(split(QWEN2_SPLIT)?), bytes(false)],
    };
    Ok(PreTokenizerWrapper::Sequence(PreTokenizers::new(steps)))
}

fn sentence_piece(vocabulary: &GgufVocabulary) -> Result<tokenizers::Tokenizer, TokenizerError> {
    if vocabulary.scores.len() != vocabulary.tokens.len() {
        let reason =
            format!("it has {} tokens but {} scores", vocabulary.tokens.len(), vocabulary.scores.len());
        return Err(TokenizerError::build(reason));
    }
    let unknown = vocabulary.unknown.unwrap_or(0) as usize;
    let unknown = vocabulary
        .tokens
        .get(unknown)
        .ok_or_else(|| TokenizerError::build("its unknown token is not in it"))?;
    let pieces: Vec<(&str, Option<f32>)> = (vocabulary.tokens.iter().zip(&vocabulary.scores).enumerate())
        .map(|(id, (token, &score))| {
            // A user-defined piece is found in the text before anything is merged.
            let produced = !matches!(vocabulary.token_type(id), UNKNOWN | CONTROL | UNUSED | USER_DEFINED);
            (token.as_str(), produced.then_some(score))
        })
        .collect();
    let model = BPE::builder()
        .vocab_and_merges(ids_by_token(vocabulary), merges::from_scores(&pieces))
        .unk_token(unknown.clone())
        .fuse_unk(true)
        .byte_fallback(true)
        .build()
        .map_err(TokenizerError::build)?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    let adds_space = vocabulary.adds_space_prefix.unwrap_or(true);
    tokenizer.with_normalizer(Some(space_marks(adds_space)?)).map_err(TokenizerError::build)?;
    tokenizer.with_decoder(Some(space_marks_decoder(adds_space)?));
    Ok(tokenizer)
}

fn space_marks(adds_space: bool) -> Result<NormalizerWrapper, TokenizerError> {
    let replace = ReplaceNormalizer::new(" ", "▁").map_err(TokenizerError::build)?;
    let mut steps = Vec::new();
    if adds_space {
        steps.push(NormalizerWrapper::Prepend(Prepend::new("▁".to_owned())));
    }
    steps.push(NormalizerWrapper::Replace(replace));
    Ok(NormalizerWrapper::Sequence(Normalizers::new(steps)))
}

fn space_marks_decoder(adds_space: bool) -> Result<DecoderWrapper, TokenizerError> {
    let replace = ReplaceNormalizer::new("▁", " ").map_err(TokenizerError::build)?;
    let mut steps = vec![
        DecoderWrapper::Replace(replace),
        DecoderWrapper::ByteFallback(decoders::byte_fallback::ByteFallback::new()),
        DecoderWrapper::Fuse(decoders::fuse::Fuse::new()),
    ];
    if adds_space {
        steps.push(DecoderWrapper::Strip(decoders::strip::Strip::new(' ', 1, 0)));
    }
    Ok(DecoderWrapper::Sequence(decoders::sequence::Sequence::new(steps)))
}

/// The first of several equal tokens keeps its id.
fn ids_by_token(vocabulary: &GgufVocabulary) -> Vocab {
    vocabulary.tokens.iter().enumerate().rev().map(|(id, token)| (token.clone(), id as u32)).collect()
}
