//! Gated linear units (Shazeer 2020), activation(gate) · up, computed in f32. Both activations are x · σ(s(x)):
//! SiLU with s(x) = x, and GELU in the tanh approximation (Hendrycks and Gimpel 2016), where
//! (1 + tanh(y)) / 2 = σ(2 y), so s(x) = 2 √(2/π) (x + 0.044715 x³).

use rayon::prelude::*;

use crate::number::Number;
use crate::simd::{exp, vectorised};

const CHUNK: usize = 1 << 14;

/// `output = silu(gate) * up`, element by element.
pub fn swiglu<N: Number>(gate: &[N], up: &[N], output: &mut [N]) {
    gated::<N, Silu>(gate, up, output);
}

/// Gradients of [`swiglu`], written over `gate` and `up`. Also writes the output of [`swiglu`] over its
/// gradient `d_output`.
pub fn swiglu_backward<N: Number>(gate: &mut [N], up: &mut [N], d_output: &mut [N]) {
    gated_backward::<N, Silu>(gate, up, d_output);
}

/// `output = gelu(gate) * up`, element by element, with the tanh approximation of GELU.
pub fn geglu<N: Number>(gate: &[N], up: &[N], output: &mut [N]) {
    gated::<N, TanhGelu>(gate, up, output);
}

/// As [`swiglu_backward`] for [`geglu`].
pub fn geglu_backward<N: Number>(gate: &mut [N], up: &mut [N], d_output: &mut [N]) {
    gated_backward::<N, TanhGelu>(gate, up, d_output);
}

/// An activation x · σ(s(x)).
trait Activation {
    /// s(x).
    fn inner(x: f32) -> f32;

    /// The derivative of s.
    fn slope(x: f32) -> f32;
}

struct Silu;

impl Activation for Silu {
    #[inline(always)]
    fn inner(x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn slope(_: f32) -> f32 {
        1.0
    }
}

struct TanhGelu;

/// 2 √(2/π).
const GELU_FACTOR: f32 = 1.595_769;
const GELU_CUBIC: f32 = 0.044_715;

impl Activation for TanhGelu {
    #[inline(always)]
    fn inner(x: f32) -> f32 {
        GELU_FACTOR * (x + GELU_CUBIC * (x * x * x))
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        GELU_FACTOR * (1.0 + 3.0 * GELU_CUBIC * (x * x))
    }
}

fn gated<N: Number, A: Activation>(gate: &[N], up: &[N], output: &mut [N]) {
    assert_eq!((gate.len(), up.len()), (output.len(), output.len()), "as many elements");
    output
        .par_chunks_mut(CHUNK)
        .zip(gate.par_chunks(CHUNK).zip(up.par_chunks(CHUNK)))
        .for_each(|(output, (gate, up))| forward::<N, A>(gate, up, output));
}

fn gated_backward<N: Number, A: Activation>(gate: &mut [N], up: &mut [N], d_output: &mut [N]) {
    assert_eq!((gate.len(), up.len()), (d_output.len(), d_output.len()), "as many elements");
    gate.par_chunks_mut(CHUNK)
        .zip(up.par_chunks_mut(CHUNK))
        .zip(d_output.par_chunks_mut(CHUNK))
        .for_each(|((gate, up), d_output)| backward::<N, A>(gate, up, d_output));
}

vectorised! {
    fn forward<N: Number, A: Activation>(gate: &[N], up: &[N], output: &mut [N]) {
        for ((y, g), u) in output.iter_mut().zip(gate).zip(up) {
            let g = g.to_f32();
            *y = N::from_f32(g / (1.0 + exp(-A::inner(g))) * u.to_f32());
        }
    }

    fn backward<N: Number, A: Activation>(gate: &mut [N], up: &mut [N], d_output: &mut [N]) {
        for ((gate, up), d_output) in gate.iter_mut().zip(up).zip(d_output) {
            let (g, u, d) = (gate.to_f32(), up.to_f32(), d_output.to_f32());
            let sigmoid = 1.0 / (1.0 + exp(-A::inner(g)));
            let activated = g * sigmoid;
            *gate = N::from_f32(d * u * sigmoid * (1.0 + g * A::slope(g) * (1.0 - sigmoid)));
            *up = N::from_f32(d * activated);
            *d_output = N::from_f32(activated * u);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Bf16;

    fn rounding<A: Activation>() {
        let round = |values: &[f32]| -> Vec<Bf16> { values.iter().map(|v| Bf16::from_f32(*v)).collect() };
        let gate: Vec<f32> = (0..50).map(|i| (i as f32 - 25.0) / 4.0).collect();
        let up: Vec<f32> = (0..50).map(|i| (i * 7 % 11) as f32 / 4.0 - 1.0).collect();
        let (mut output, mut d_gate, mut d_up) = (vec![0.5; 50], gate.clone(), up.clone());
        gated_backward::<f32, A>(&mut d_gate, &mut d_up, &mut output);
        let (mut g, mut u, mut d) = (round(&gate), round(&up), round(&[0.5; 50]));
        let mut forward = vec![Bf16::default(); 50];
        gated::<Bf16, A>(&g, &u, &mut forward);
        gated_backward::<Bf16, A>(&mut g, &mut u, &mut d);
        for i in 0..50 {
            for (got, expected) in
                [(forward[i], output[i]), (d[i], output[i]), (g[i], d_gate[i]), (u[i], d_up[i])]
            {
                assert!((got.to_f32() - expected).abs() <= 0.004 * expected.abs() + 1e-6, "{i}");
            }
        }
    }

    #[test]
    fn bf16_gives_what_f32_gives_up_to_rounding() {
        rounding::<Silu>();
        rounding::<TanhGelu>();
    }

    fn gradients<A: Activation>() {
        let gate: Vec<f32> = (0..40).map(|i| (i as f32 - 20.0) / 4.0).collect();
        let up: Vec<f32> = (0..40).map(|i| (i * 7 % 11) as f32 / 5.0 - 1.0).collect();
        let value = |g: f32, u: f32| {
            let mut y = [0.0];
            gated::<f32, A>(&[g], &[u], &mut y);
            f64::from(y[0])
        };
        let (mut d_gate, mut d_up, mut output) = (gate.clone(), up.clone(), [1.0; 40]);
        gated_backward::<f32, A>(&mut d_gate, &mut d_up, &mut output);
        for i in 0..40 {
            let (g, u) = (gate[i], up[i]);
            let by_gate = (value(g + 1e-2, u) - value(g - 1e-2, u)) / 2e-2;
            let by_up = (value(g, u + 1e-2) - value(g, u - 1e-2)) / 2e-2;
            assert!((f64::from(d_gate[i]) - by_gate).abs() < 1e-3, "gate {g}");
            assert!((f64::from(d_up[i]) - by_up).abs() < 1e-3, "up {u}");
            assert!((f64::from(output[i]) - value(g, u)).abs() < 1e-6, "output {g}");
        }
    }

    #[test]
    fn the_gradients_match_finite_differences() {
        gradients::<Silu>();
        gradients::<TanhGelu>();
    }

    #[test]
    fn the_gelu_is_the_one_with_tanh() {
        for i in -400..=400 {
            let x = i as f32 / 40.0;
            let mut y = [0.0];
            geglu(&[x], &[1.0], &mut y);
            let wide = f64::from(x);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
            let expected = 0.5 * wide * (1.0 + inner.tanh());
            assert!(
                (f64::from(y[0]) - expected).abs() < 1e-6 * (1.0 + wide.abs()),
                "{x}: {} {expected}",
                y[0]
            );
        }
    }
}
