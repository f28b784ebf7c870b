//! How texts end, what is refused, and what is said of each token.

use crate::tokenizers::{END, byte_level};
use crate::{answers, finish, model, sampled};
use gradus_engine::backend::BackendError;
use gradus_engine::generation::{
    FinishReason, GenerationError, GenerationOptions, Generator, GeneratorLimits, Request,
};
use gradus_engine::reading::{Piece, Reader};

#[test]
fn a_stop_token_ends_the_text_and_is_not_part_of_it() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let request = sampled(&[5, 6], 3);
    let whole = answers(&mut generator, std::slice::from_ref(&request)).pop().unwrap();
    assert_eq!(whole.reason, Some(FinishReason::Length));
    let mut stopped = request;
    let stop = whole.ids()[12];
    stopped.options.stop_tokens = vec![stop, END];
    let stopped = answers(&mut generator, &[stopped]).pop().unwrap();
    let until = whole.ids().iter().position(|token| [stop, END].contains(token)).unwrap();
    assert_eq!((stopped.ids(), stopped.reason), (whole.ids()[..until].to_vec(), Some(FinishReason::Stop)));
}

#[test]
fn a_stop_text_ends_the_text_also_across_tokens() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let mut request = sampled(&[5, 6], 4);
    request.options.max_tokens = 200;
    let whole = answers(&mut generator, std::slice::from_ref(&request)).pop().unwrap();
    let characters: Vec<char> = whole.text.chars().collect();
    let stop: String = characters[20..23].iter().collect();
    request.options.stop_texts = vec!["never there".into(), stop.clone()];
    let stopped = answers(&mut generator, &[request]).pop().unwrap();
    let expected = &whole.text[..whole.text.find(&stop).unwrap()];
    assert_eq!((stopped.text.as_str(), stopped.reason), (expected, Some(FinishReason::Stop)));
}

#[test]
fn a_text_ends_where_the_models_context_does() {
    let tokenizer = byte_level();
    let model = crate::support::TinyModel::changed(|config| {
        (config.vocabulary_size, config.context_length) = (tokenizer.vocabulary_size(), 16);
    });
    let mut backend = model.cpu();
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let answer = answers(&mut generator, &[sampled(&model.tokens(10, 1), 1)]).pop().unwrap();
    // The last token is chosen after the sixteenth was read.
    assert_eq!((answer.reason, answer.ids().len()), (Some(FinishReason::Length), 7));
    let refused = generator.submit(sampled(&model.tokens(17, 1), 1));
    assert!(matches!(refused, Err(GenerationError::Backend(BackendError::TooLong { length: 17, .. }))));
}

#[test]
fn a_cancelled_request_is_heard_of_no_more_and_others_go_on() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let limits = GeneratorLimits { sequences: 2, ..GeneratorLimits::default() };
    let mut generator = Generator::new(&mut backend, &tokenizer, limits);
    let ids: Vec<_> = (0..4).map(|seed| generator.submit(sampled(&[9, 8, 7], seed)).unwrap()).collect();
    generator.step().unwrap();
    assert_eq!(generator.load().0 + generator.load().1, 4);
    generator.cancel(ids[0]);
    generator.cancel(ids[3]);
    let answers = finish(&mut generator);
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), ids[1..3]);
}

#[test]
fn probabilities_are_those_of_the_model_also_under_a_temperature() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let prompt = model.tokens(5, 1);
    let mut request = sampled(&prompt, 7);
    request.options.log_probabilities = Some(3);
    let answer = {
        let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
        answers(&mut generator, &[request]).pop().unwrap()
    };
    let mut reader = Reader::new(&mut backend, 99);
    let sequence = reader.start(None);
    let mut next = prompt;
    for token in &answer.tokens {
        let logits = reader.read(&[Piece { sequence, tokens: &next, logits: true }]).unwrap();
        let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        let expected = |token: u32| f64::from(logits[token as usize]) - sum.ln();
        let named = token.probability.iter().chain(&token.alternatives);
        for one in named {
            assert!((f64::from(one.log_probability) - expected(one.token)).abs() < 1e-4);
        }
        assert_eq!(token.probability.unwrap().token, token.token.unwrap());
        let best = (0..logits.len() as u32).map(expected).fold(f64::NEG_INFINITY, f64::max);
        assert!((f64::from(token.alternatives[0].log_probability) - best).abs() < 1e-4);
        assert!(token.alternatives.windows(2).all(|pair| pair[0].log_probability >= pair[1].log_probability));
        assert_eq!(token.alternatives.len(), 3);
        next = vec![token.token.unwrap()];
    }
}

#[test]
fn penalties_and_biases_change_what_is_chosen_and_not_how_probable_it_is_said_to_be() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let mut request = Request { prompt: vec![5, 6], ..Request::default() };
    request.options.max_tokens = 20;
    request.options.log_probabilities = Some(1);
    let plain = answers(&mut generator, std::slice::from_ref(&request)).pop().unwrap();
    let first = plain.ids()[0];
    let mut penalised = request.clone();
    // More than any difference of logits: no token comes twice.
    penalised.options.presence_penalty = 1e4;
    let penalised = answers(&mut generator, &[penalised]).pop().unwrap();
    let mut different = penalised.ids();
    different.sort_unstable();
    different.dedup();
    assert_eq!((different.len(), penalised.ids()[0]), (20, first));
    let mut biased = request.clone();
    biased.options.logit_bias.insert(first, -1e4);
    let biased = answers(&mut generator, &[biased]).pop().unwrap();
    assert!(!biased.ids().contains(&first));
    // What the model holds most probable is named all the same, and is more probable than what was taken.
    let token = &biased.tokens[0];
    assert_eq!(token.alternatives[0].token, first);
    assert!(token.alternatives[0].log_probability > token.probability.unwrap().log_probability);
    assert!(token.probability.unwrap().log_probability > -50.0, "{token:?}");
}

#[test]
fn options_that_cannot_be_meant_are_refused() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let mut refused = |change: fn(&mut GenerationOptions)| {
        let mut request = Request { prompt: vec![1], ..Request::default() };
        change(&mut request.options);
        generator.submit(request).unwrap_err().to_string()
    };
    assert!(refused(|options| options.temperature = -0.1).contains("temperature is -0.1"));
    assert!(refused(|options| options.temperature = f64::NAN).contains("temperature is NaN"));
    assert!(refused(|options| options.top_p = 0.0).contains("top-p is 0"));
    assert!(refused(|options| options.top_k = Some(0)).contains("top-k is 0"));
    assert!(refused(|options| options.presence_penalty = f64::NAN).contains("presence penalty is NaN"));
    assert!(
        refused(|options| options.frequency_penalty = f64::INFINITY).contains("frequency penalty is inf")
    );
    let infinite = |options: &mut GenerationOptions| _ = options.logit_bias.insert(3, f64::INFINITY);
    assert!(refused(infinite).contains("logit bias of token 3 is inf"));
    assert!(refused(|options| options.stop_texts = vec![String::new()]).contains("stop text is empty"));
    let empty = generator.submit(Request::default()).unwrap_err();
    assert!(matches!(empty, GenerationError::Backend(BackendError::NothingToRead)));
    let unknown = generator.submit(Request { prompt: vec![9999], ..Request::default() }).unwrap_err();
    assert!(matches!(unknown, GenerationError::Backend(BackendError::TokenOutOfRange { token: 9999, .. })));
    assert!(generator.is_idle());
}

#[test]
fn no_tokens_at_all_is_an_answer() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let mut backend = model.cpu();
    let mut request = sampled(&[1], 1);
    request.options.max_tokens = 0;
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let answer = answers(&mut generator, &[request]).pop().unwrap();
    assert_eq!((answer.reason, answer.ids().len()), (Some(FinishReason::Length), 0));
}
