//! Attention in f32 against its definition, and in bf16 against f32.

use super::*;
use crate::bf16::Bf16;
use crate::number::widen;

const HEADS: Heads = Heads { query: 4, key_value: 2, dim: 16 };
const ROWS: usize = 150;

/// Answers that share a prefix of odd length, one that continues another, a sequence longer than a block,
/// and single rows.
fn segments() -> Vec<Segment> {
    let segment = |rows: Range<usize>, prefix: &[Range<usize>]| Segment {
        own: rows.clone(),
        rows,
        prefix: prefix.to_vec(),
    };
    let question = 0..7;
    vec![
        segment(0..7, &[]),
        segment(7..10, std::slice::from_ref(&question)),
        segment(10..15, std::slice::from_ref(&question)),
        segment(15..17, &[question.clone(), 10..15]),
        segment(17..ROWS - 2, &[]),
        segment(ROWS - 2..ROWS - 1, &[17..ROWS - 2, 20..27, 22..26]),
        segment(ROWS - 1..ROWS, &[]),
    ]
}

/// Numbers that bf16 holds exactly.
fn numbers(cols: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Bf16::from_f32((state >> 8) as f32 / 8_388_608.0 - 1.0).to_f32()
    };
    (0..ROWS * cols).map(|_| next()).collect()
}

/// Queries, keys and values.
struct Case<N> {
    inputs: [Matrix<N>; 3],
    segments: Vec<Segment>,
    window: Option<usize>,
}

/// What one forward and backward gave.
#[derive(PartialEq)]
struct Run {
    output: Vec<f32>,
    log_sums: Vec<f32>,
    gradients: [Vec<f32>; 3],
}

impl<N: Number> Case<N> {
    fn new(window: Option<usize>, values: [&[f32]; 3]) -> Self {
        let inputs = values.map(|values| Matrix::from_f32(values, ROWS, values.len() / ROWS));
        Self { inputs, segments: segments(), window }
    }

    fn inputs(&self) -> Inputs<'_, N> {
        let [queries, keys, values] = self.inputs.each_ref().map(Matrix::view);
        let (segments, window) = (&self.segments, self.window);
        Inputs { heads: HEADS, queries, keys, values, segments, window, scale: 0.25 }
    }

    fn run(&self) -> Run {
        let (mut output, mut log_sums) = (Matrix::zeroed(ROWS, 64), vec![0.0; ROWS * 4]);
        attention(self.inputs(), &mut output, &mut log_sums);
        let d_output = Matrix::from_f32(&numbers(64, 4), ROWS, 64);
        let mut gradients = [vec![0.0; ROWS * 64], vec![0.0; ROWS * 32], vec![0.0; ROWS * 32]];
        let [queries, keys, values] = &mut gradients;
        let into = Gradients { queries, keys, values };
        attention_backward(self.inputs(), &output, &log_sums, &d_output, into);
        let mut wide = vec![0.0; ROWS * 64];
        widen(output.data(), &mut wide);
        Run { output: wide, log_sums, gradients }
    }
}

fn run<N: Number>(window: Option<usize>) -> Run {
    Case::<N>::new(window, [&numbers(64, 1), &numbers(32, 2), &numbers(32, 3)]).run()
}

/// The definition, one query and one head at a time, in f64.
fn reference(segments: &[Segment], window: Option<usize>, [queries, keys, values]: [&[f32]; 3]) -> Vec<f64> {
    let Heads { query, key_value, dim } = HEADS;
    let mut output = vec![0.0; queries.len()];
    for segment in segments {
        for (i, row) in segment.rows.clone().enumerate() {
            let mut seen: Vec<usize> = segment.prefix.iter().cloned().flatten().collect();
            seen.extend(segment.own.start..=segment.own.start + i);
            let seen = &seen[seen.len().saturating_sub(window.unwrap_or(usize::MAX))..];
            for head in 0..query {
                let q = &queries[(row * query + head) * dim..][..dim];
                let kv = |x: &[f32], row: usize, d: usize| {
                    f64::from(x[(row * key_value + head / (query / key_value)) * dim + d])
                };
                let score = |key: &usize| {
                    (0..dim).map(|d| f64::from(q[d]) * kv(keys, *key, d)).sum::<f64>() / (dim as f64).sqrt()
                };
                let weights: Vec<f64> = seen.iter().map(|key| score(key).exp()).collect();
                let total: f64 = weights.iter().sum();
                for d in 0..dim {
                    let terms = seen.iter().zip(&weights).map(|(key, w)| w / total * kv(values, *key, d));
                    output[(row * query + head) * dim + d] = terms.sum();
                }
            }
        }
    }
    output
}

#[test]
fn attention_matches_its_definition_with_shared_prefixes_and_windows() {
    let inputs = [numbers(64, 1), numbers(32, 2), numbers(32, 3)];
    for window in [None, Some(1), Some(5), Some(70)] {
        let expected = reference(&segments(), window, inputs.each_ref().map(Vec::as_slice));
        for (i, (got, expected)) in run::<f32>(window).output.iter().zip(expected).enumerate() {
            assert!((f64::from(*got) - expected).abs() < 1e-5, "{window:?} {i}: {got} {expected}");
        }
    }
}

/// As from a cache, whose rows any segment may see.
fn across_trees() -> Vec<Segment> {
    let mut segments = segments();
    segments[5].prefix = vec![17..ROWS - 2, 0..7, 2..6];
    segments[4].prefix = vec![3..9, 10..15];
    segments
}

#[test]
fn a_segment_may_see_rows_of_another_tree_in_the_forward_pass() {
    let inputs = [numbers(64, 1), numbers(32, 2), numbers(32, 3)];
    let inputs = inputs.each_ref().map(Vec::as_slice);
    let mut case = Case::<f32>::new(None, inputs);
    case.segments = across_trees();
    let (mut output, mut log_sums) = (Matrix::zeroed(ROWS, 64), vec![0.0; ROWS * 4]);
    attention(case.inputs(), &mut output, &mut log_sums);
    for (got, expected) in output.data().iter().zip(reference(&case.segments, None, inputs)) {
        assert!((f64::from(*got) - expected).abs() < 1e-5, "{got} {expected}");
    }
}

/// A case of those segments on small numbers.
fn refused(segments: Vec<Segment>) {
    let inputs = [numbers(64, 1), numbers(32, 2), numbers(32, 3)];
    Case::<f32> { segments, ..Case::new(None, inputs.each_ref().map(Vec::as_slice)) }.run();
}

#[test]
#[should_panic = "segments have rows of their own"]
fn segments_that_share_a_row_are_refused() {
    let mut segments = segments();
    segments[2].rows.start -= 1;
    refused(segments);
}

#[test]
#[should_panic = "segments have rows of their own"]
fn segments_out_of_order_are_refused() {
    let mut segments = segments();
    segments.swap(4, 6);
    refused(segments);
}

#[test]
#[should_panic = "a tree of segments sees its own rows alone"]
fn gradients_for_rows_of_another_tree_are_refused() {
    let mut segments = segments();
    segments[5].prefix.push(2..6);
    refused(segments);
}

#[test]
#[should_panic = "a tree of segments sees its own rows alone"]
fn gradients_for_keys_of_other_rows_are_refused() {
    let mut segments = segments();
    segments[6].own = 0..1;
    refused(segments);
}

#[test]
#[should_panic = "shape of the output"]
fn an_output_whose_rows_would_overlap_is_refused() {
    let inputs = [numbers(64, 1), numbers(32, 2), numbers(32, 3)];
    let case = Case::<f32>::new(None, inputs.each_ref().map(Vec::as_slice));
    attention(case.inputs(), &mut Matrix::zeroed(2 * ROWS, 32), &mut vec![0.0; ROWS * 4]);
}

#[test]
fn gradients_match_finite_differences_of_the_definition() {
    let inputs = [numbers(64, 1), numbers(32, 2), numbers(32, 3)];
    let d_output = numbers(64, 4);
    for window in [None, Some(1), Some(6), Some(70)] {
        let gradients = run::<f32>(window).gradients;
        let loss = |inputs: &[Vec<f32>; 3]| -> f64 {
            let output = reference(&segments(), window, inputs.each_ref().map(Vec::as_slice));
            output.iter().zip(&d_output).map(|(y, d)| y * f64::from(*d)).sum()
        };
        for (which, gradient) in gradients.iter().enumerate() {
            for index in (0..gradient.len()).step_by(gradient.len() / 23) {
                let moved = |delta: f32| {
                    let mut moved = inputs.clone();
                    moved[which][index] += delta;
                    loss(&moved)
                };
                let expected = (moved(5e-3) - moved(-5e-3)) / 1e-2;
                let got = f64::from(gradient[index]);
                assert!((got - expected).abs() < 2e-3, "{which} {index}: {got} {expected}");
            }
        }
    }
}

fn far_apart(got: &[f32], expected: &[f32]) -> f32 {
    let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

#[test]
fn outputs_and_gradients_in_bf16_are_those_of_f32_up_to_rounding() {
    for window in [None, Some(5), Some(70)] {
        let (got, expected) = (run::<Bf16>(window), run::<f32>(window));
        assert!(far_apart(&got.output, &expected.output) < 0.01, "{window:?}");
        assert!(far_apart(&got.log_sums, &expected.log_sums) < 1e-4, "{window:?}");
        for (got, expected) in got.gradients.iter().zip(&expected.gradients) {
            assert!(far_apart(got, expected) < 0.015, "{window:?} {}", far_apart(got, expected));
        }
    }
}

#[test]
fn attention_has_the_same_bits_on_one_and_on_two_threads() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| [run::<Bf16>(None), run::<f32>(None)])
    };
    assert!(on(1) == on(2));
}

#[test]
fn no_segment_has_more_before_it_than_its_window_shows() {
    let segment =
        |rows: Range<usize>, prefix: Vec<Range<usize>>, own: Range<usize>| Segment { rows, prefix, own };
    let long = segment(10..210, vec![0..2, 30..40], 300..500);
    assert_eq!(long.in_windows(None), std::slice::from_ref(&long));
    assert_eq!(long.in_windows(Some(212)), std::slice::from_ref(&long));
    let pieces = [
        segment(10..138, vec![0..2, 30..40], 300..428),
        segment(138..210, std::iter::once(329..428).collect(), 428..500),
    ];
    assert_eq!(long.in_windows(Some(100)), pieces);
    let pieces = [
        segment(10..74, std::iter::once(36..40).collect(), 300..364),
        segment(74..138, std::iter::once(360..364).collect(), 364..428),
        segment(138..202, std::iter::once(424..428).collect(), 428..492),
        segment(202..210, std::iter::once(488..492).collect(), 492..500),
    ];
    assert_eq!(long.in_windows(Some(5)), pieces);
    assert!(long.in_windows(Some(1)).iter().all(|piece| piece.prefix.is_empty()));
}

#[test]
fn a_single_row_has_the_same_bits_however_what_it_sees_is_strewn() {
    let inputs = [numbers(64, 1), numbers(32, 2), numbers(32, 3)];
    let run = |prefix: &[Range<usize>]| {
        let mut case = Case::<Bf16>::new(Some(90), inputs.each_ref().map(Vec::as_slice));
        case.segments = vec![Segment { rows: 0..1, prefix: prefix.to_vec(), own: 140..141 }];
        let (mut output, mut log_sums) = (Matrix::zeroed(1, 64), vec![0.0; 4]);
        let queries = case.inputs[0].view().rows(0..1);
        attention(Inputs { queries, ..case.inputs() }, &mut output, &mut log_sums);
        (output.data().to_vec(), log_sums)
    };
    assert!(run(std::slice::from_ref(&(0..100))) == run(&[0..1, 1..37, 37..64, 64..100]));
}
