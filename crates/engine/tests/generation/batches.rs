//! A request's tokens do not depend on the requests beside it, on how prompts are cut or on what is shared
//! (in f32, where rounding is too fine to show).

use crate::support::TinyModel;
use crate::tokenizers::byte_level;
use crate::{Answer, answers, finish, model, sampled};
use gradus_engine::adapter::Adapter;
use gradus_engine::backend::Backend;
use gradus_engine::backend::generic::Precision;
use gradus_engine::generation::{Generator, GeneratorLimits, Request};
use gradus_engine::tokenizer::Tokenizer;

/// Prompts of different lengths, several of which begin alike.
fn requests(model: &TinyModel) -> Vec<Request> {
    let guide = model.tokens(40, 1);
    let prompt = |index: u64| {
        let own = model.tokens(1 + 3 * index as usize, 10 + index);
        if index.is_multiple_of(3) { own } else { [&guide[..], &own].concat() }
    };
    (0..16).map(|index| sampled(&prompt(index), index)).collect()
}

fn alone(backend: &mut dyn Backend, tokenizer: &Tokenizer, request: &Request) -> Answer {
    let mut generator = Generator::new(backend, tokenizer, GeneratorLimits::default());
    answers(&mut generator, std::slice::from_ref(request)).pop().unwrap()
}

fn check(backend: &mut dyn Backend, requests: &[Request], limits: GeneratorLimits) {
    let tokenizer = byte_level();
    let expected: Vec<Answer> = requests.iter().map(|request| alone(backend, &tokenizer, request)).collect();
    let mut generator = Generator::new(backend, &tokenizer, limits);
    let got = answers(&mut generator, requests);
    assert_eq!(got.len(), requests.len());
    for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
        assert_eq!(got.ids(), expected.ids(), "{index}, {limits:?}");
        assert_eq!((&got.text, got.reason), (&expected.text, expected.reason), "{index}");
        assert_eq!(got.ids().len(), 30);
    }
}

#[test]
fn sixteen_requests_together_give_what_each_gives_alone() {
    let model = model(&byte_level());
    check(&mut model.cpu(), &requests(&model), GeneratorLimits::default());
}

#[test]
fn requests_together_on_the_generic_backend_give_what_each_gives_alone() {
    let model = model(&byte_level());
    check(&mut model.generic(Precision::Single), &requests(&model)[..4], GeneratorLimits::default());
}

#[test]
fn prompts_read_in_small_pieces_and_few_at_a_time_give_the_same() {
    let model = model(&byte_level());
    for (sequences, pass_tokens) in [(3, 7), (16, 1), (1, 512)] {
        let limits = GeneratorLimits { sequences, pass_tokens, ..GeneratorLimits::default() };
        check(&mut model.cpu(), &requests(&model), limits);
    }
}

#[test]
fn requests_that_join_later_give_the_same() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let requests = requests(&model);
    let mut backend = model.cpu();
    let expected: Vec<Vec<u32>> =
        requests.iter().map(|request| alone(&mut backend, &tokenizer, request).ids()).collect();
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let mut all: std::collections::BTreeMap<_, Answer> = std::collections::BTreeMap::new();
    for request in &requests {
        generator.submit(request.clone()).unwrap();
        for _ in 0..2 {
            for event in generator.step().unwrap() {
                all.entry(crate::request_of(&event)).or_default().add(event);
            }
        }
    }
    for (id, rest) in finish(&mut generator) {
        all.entry(id).or_default().tokens.extend(rest.tokens);
    }
    let got: Vec<Vec<u32>> = all.values().map(Answer::ids).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_common_beginning_is_read_once_by_requests_together_and_one_after_the_other() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let guide = model.tokens(100, 1);
    let requests: Vec<Request> = (0..5)
        .map(|index| {
            let mut request = sampled(&[&guide[..], &model.tokens(4, 50 + index)].concat(), index);
            request.options.max_tokens = 1;
            request
        })
        .collect();
    let mut backend = model.cpu();
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    answers(&mut generator, &requests);
    assert_eq!(generator.tokens_read(), 100 + 5 * 4);
    answers(&mut generator, &requests);
    // Of a prompt that was read, the last token is read again: what follows it is asked for.
    assert_eq!(generator.tokens_read(), 100 + 5 * 4 + 5);
}

#[test]
fn nothing_is_shared_between_adapters() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let adapters: Vec<Adapter> = vec![model.adapter(2), model.adapter(3)];
    let prompt = model.tokens(30, 1);
    let mut backend = model.cpu();
    let expected: Vec<Vec<u32>> = adapters
        .iter()
        .map(|adapter| {
            let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
            let adapter = Some(generator.adapt(adapter).unwrap());
            answers(&mut generator, &[Request { adapter, ..sampled(&prompt, 1) }])[0].ids()
        })
        .collect();
    assert_ne!(expected[0], expected[1]);
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let adapters: Vec<_> = adapters.iter().map(|adapter| generator.adapt(adapter).unwrap()).collect();
    for _ in 0..2 {
        let requests: Vec<Request> = adapters
            .iter()
            .map(|adapter| Request { adapter: Some(*adapter), ..sampled(&prompt, 1) })
            .collect();
        let got: Vec<Vec<u32>> = answers(&mut generator, &requests).iter().map(Answer::ids).collect();
        assert_eq!(got, expected);
    }
}

#[test]
fn an_adapter_that_is_released_takes_nothing_from_others() {
    let (tokenizer, model) = (byte_level(), model(&byte_level()));
    let prompt = model.tokens(30, 1);
    for backend in [&mut model.cpu() as &mut dyn Backend, &mut model.generic(Precision::Single)] {
        let mut generator = Generator::new(backend, &tokenizer, GeneratorLimits::default());
        let ask = |generator: &mut Generator<'_>, adapter| {
            answers(generator, &[Request { adapter: Some(adapter), ..sampled(&prompt, 1) }])[0].ids()
        };
        let [first, second] = [2, 3].map(|rank| generator.adapt(&model.adapter(rank)).unwrap());
        let expected = [first, second].map(|adapter| ask(&mut generator, adapter));
        generator.release(first);
        assert_eq!(ask(&mut generator, second), expected[1]);
        let again = generator.adapt(&model.adapter(2)).unwrap();
        assert_eq!(ask(&mut generator, again), expected[0]);
        // What the first had read is forgotten with it: nothing of it is found again.
        let read = generator.tokens_read();
        ask(&mut generator, again);
        assert_eq!(generator.tokens_read() - read, 1 + 29, "the prompt's last token and the generated ones");
    }
}
