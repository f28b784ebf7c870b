//! Tokenizers of Hugging Face directories in GGUF files: the same tokens for the same text, or a refusal.

use std::fs;
use std::path::Path;

use gradus_engine::export::gguf::GgufType;
use gradus_engine::files;
use gradus_engine::tokenizer::{GgufVocabulary, SpecialIds, Tokenizer};
use serde_json::{Value, json};

use crate::gguf::{Place, small_adapter};

const TEXTS: &[&str] = &[
    "Why does a plant need light?\nMark: 2\n",
    "  1234 + 5678 = 6912  \n\n\t(it's DON'T)",
    "Ærø, naïve café — 漢字 🦀 ﬁ",
    "<|im_start|>user\nx<|im_end|>\n",
    "",
];

const LLAMA3_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

#[test]
fn byte_level_rules_are_named_as_llama_cpp_names_them() {
    let bytes = |regex: bool| json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": regex });
    let split = |pattern: &str| {
        let cut = json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false });
        json!({ "type": "Sequence", "pretokenizers": [cut, bytes(false)] })
    };
    let digits = json!({ "type": "Digits", "individual_digits": true });
    let cases = [
        ("gpt-2", bytes(true), Value::Null, false),
        ("smollm", json!({ "type": "Sequence", "pretokenizers": [digits, bytes(true)] }), Value::Null, false),
        ("llama-bpe", split(LLAMA3_SPLIT), Value::Null, true),
        ("qwen2", split(QWEN2_SPLIT), json!({ "type": "NFC" }), false),
    ];
    let place = Place::new();
    for (name, pre_tokenizer, normalizer, ignore_merges) in cases {
        let base = place.base(|_| ());
        change(&base, |json| {
            json["pre_tokenizer"] = pre_tokenizer;
            json["normalizer"] = normalizer;
            json["model"]["ignore_merges"] = ignore_merges.into();
            json["model"]["merges"] = json!([["Ġ", "a"]]);
            // In place of the last added token.
            json["model"]["vocab"]["Ġa"] = 259.into();
            json["added_tokens"].as_array_mut().unwrap().retain(|token| token["id"] != 259);
            // Ids of a vocabulary have no holes.
            for token in json["added_tokens"].as_array().unwrap().clone() {
                json["model"]["vocab"][token["content"].as_str().unwrap()] = token["id"].clone();
            }
        });
        place.export(&base, &small_adapter(&base), GgufType::F16, name).unwrap();
        let (original, exported) =
            (files::load(&base).unwrap().tokenizer, files::load(&place.model(name)).unwrap().tokenizer);
        for text in TEXTS {
            for special in [true, false] {
                assert_eq!(
                    exported.encode(text, special).unwrap(),
                    original.encode(text, special).unwrap(),
                    "{name}: {text:?}"
                );
            }
        }
        assert_eq!(exported.to_gguf(260).unwrap().pre_tokenizer.as_deref(), Some(name));
    }
}

#[test]
fn a_sentencepiece_tokenizer_survives_the_way_through_json() {
    let reference: Value = serde_json::from_str(include_str!("../fixtures/sentencepiece.json")).unwrap();
    let list = |name: &str| reference[name].clone();
    for adds_space in [true, false] {
        let vocabulary = GgufVocabulary {
            model: "llama".to_owned(),
            tokens: serde_json::from_value(list("tokens")).unwrap(),
            token_types: serde_json::from_value(list("token_types")).unwrap(),
            scores: serde_json::from_value(list("scores")).unwrap(),
            adds_space_prefix: Some(adds_space),
            adds_bos: Some(true),
            unknown: Some(0),
            special: SpecialIds { bos: Some(1), eos: Some(2), pad: None },
            ..GgufVocabulary::default()
        };
        let original = Tokenizer::from_gguf(vocabulary.clone()).unwrap();
        let again = original.to_gguf(vocabulary.tokens.len() + 2).unwrap();
        assert_eq!(again.token_types[..vocabulary.tokens.len()], vocabulary.token_types);
        assert_eq!((again.adds_space_prefix, again.adds_bos), (Some(adds_space), Some(true)));
        assert_eq!(again.tokens.last().unwrap(), &format!("[PAD{}]", vocabulary.tokens.len() + 1));
        let rebuilt = Tokenizer::from_gguf(again).unwrap();
        for text in TEXTS {
            assert_eq!(rebuilt.encode(text, true).unwrap(), original.encode(text, true).unwrap(), "{text:?}");
        }
    }
}

#[test]
fn rules_that_gguf_has_no_name_for_are_refused() {
    let place = Place::new();
    let refused = |what: &str, edit: &dyn Fn(&mut Value)| {
        let base = place.base(|_| ());
        change(&base, edit);
        let error = place.export(&base, &small_adapter(&base), GgufType::F16, "exported").unwrap_err();
        assert!(error.to_string().contains(what) && error.to_string().contains("merged"), "{error}");
        assert!(!place.path("exported").exists());
    };
    refused("rules for cutting up text", &|json| json["normalizer"] = json!({ "type": "Lowercase" }));
    refused("rules for cutting up text", &|json| {
        json["pre_tokenizer"] = json!({ "type": "Whitespace" });
    });
    refused("rules of its own", &|json| json["added_tokens"][0]["lstrip"] = true.into());
}

#[test]
fn several_ends_of_a_text_survive() {
    let place = Place::new();
    let base = place.base(|config| config.eos_token_ids = vec![258, 256, 259]);
    place.export(&base, &small_adapter(&base), GgufType::F16, "exported").unwrap();
    assert_eq!(files::load(&place.model("exported")).unwrap().config.eos_token_ids, [258, 256, 259]);
    let modelfile = fs::read_to_string(place.path("exported").join("Modelfile")).unwrap();
    assert_eq!(modelfile.matches("PARAMETER stop").count(), 3, "{modelfile}");
}

fn change(base: &Path, edit: impl FnOnce(&mut Value)) {
    let path = base.join("tokenizer.json");
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut json);
    fs::write(path, json.to_string()).unwrap();
}
