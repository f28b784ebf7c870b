//! Memory for keys and values is bounded, and running out of it changes nothing but the time.

use std::collections::BTreeMap;

use crate::tokenizers::byte_level;
use crate::{Answer, answers, model, request_of, sampled};
use gradus_engine::backend::{Backend, BackendError};
use gradus_engine::generation::{GenerationError, Generator, GeneratorLimits, Request, RequestId};

fn limits(backend: &dyn Backend, tokens: usize) -> GeneratorLimits {
    GeneratorLimits { cache_bytes: tokens * backend.cache_bytes_per_token(), ..GeneratorLimits::default() }
}

#[test]
fn requests_that_do_not_fit_together_wait_and_give_the_same() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let requests: Vec<Request> = (0..6).map(|index| sampled(&model.tokens(20, index), index)).collect();
    let mut backend = model.cpu();
    // The tokens of each, how many requests ran at once, and how many tokens were read.
    let run = |backend: &mut dyn Backend, limits| {
        let mut generator = Generator::new(backend, &tokenizer, limits);
        for request in &requests {
            generator.submit(request.clone()).unwrap();
        }
        let (mut answers, mut at_once) = (BTreeMap::<RequestId, Answer>::new(), 0);
        while !generator.is_idle() {
            for event in generator.step().unwrap() {
                answers.entry(request_of(&event)).or_default().add(event);
            }
            at_once = at_once.max(generator.load().0);
        }
        (answers.values().map(Answer::ids).collect::<Vec<_>>(), at_once, generator.tokens_read())
    };
    let (expected, at_once, read) = run(&mut backend, GeneratorLimits::default());
    assert_eq!(at_once, requests.len());
    let mut read_again = 0;
    for tokens in [50, 75, 101, 130] {
        let limits = limits(&backend, tokens);
        let (got, at_once, tokens_read) = run(&mut backend, limits);
        assert_eq!(got, expected, "{tokens}");
        assert!(at_once < requests.len(), "with {tokens} tokens somebody waits: {at_once}");
        read_again += tokens_read - read;
    }
    assert!(read_again > 0, "somebody who had begun had to wait and was read again");
}

#[test]
fn room_is_made_for_a_text_that_the_model_can_read() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let request = sampled(&model.tokens(40, 1), 1);
    let too_few = limits(&backend, 10);
    let limits = too_few.with_room_for(40 + 30, &backend);
    assert_eq!(limits.cache_bytes, 70 * backend.cache_bytes_per_token());
    assert_eq!(limits.with_room_for(20, &backend), limits, "what is there already stays");
    let context = too_few.with_room_for(usize::MAX, &backend).cache_bytes;
    assert_eq!(context, 512 * backend.cache_bytes_per_token(), "the model reads no more");
    let mut generator = Generator::new(&mut backend, &tokenizer, limits);
    let answer = &answers(&mut generator, &[request])[0];
    assert_eq!(answer.ids().len(), 30, "{answer:?}");
}

#[test]
fn what_was_read_makes_room_for_what_comes() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let limits = limits(&backend, 120);
    let mut generator = Generator::new(&mut backend, &tokenizer, limits);
    for seed in 0..20 {
        let answer = &answers(&mut generator, &[sampled(&model.tokens(60, seed), seed)])[0];
        assert_eq!(answer.ids().len(), 30, "{answer:?}");
    }
}

#[test]
fn a_prompt_beyond_the_memory_is_refused() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let limits = limits(&backend, 10);
    let mut generator = Generator::new(&mut backend, &tokenizer, limits);
    let refused = generator.submit(sampled(&model.tokens(11, 1), 1)).unwrap_err();
    let expected = "the cache of keys and values holds 10 tokens, 10 of them free, and 11 are needed; allow it more memory, or read fewer or shorter texts at once";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_text_that_outgrows_the_memory_fails_and_others_go_on() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let limits = limits(&backend, 20);
    let mut generator = Generator::new(&mut backend, &tokenizer, limits);
    let mut long = sampled(&model.tokens(10, 1), 1);
    long.options.max_tokens = 100;
    let mut short = sampled(&model.tokens(5, 2), 2);
    short.options.max_tokens = 3;
    let answers = answers(&mut generator, &[long, short]);
    let full = |error: &GenerationError| {
        matches!(error, GenerationError::Backend(BackendError::CacheFull { capacity: 20, .. }))
    };
    assert!(answers[0].error.as_ref().is_some_and(full), "{:?}", answers[0]);
    assert_eq!(answers[1].ids().len(), 3);
}
