//! The minimum of a smooth convex function by L-BFGS (Nocedal and Wright, Numerical Optimization, 2006,
//! algorithms 7.4 and 7.5) with a backtracking line search. One order of sums, so one result.

use std::collections::VecDeque;

use super::dense::{add, dot};

/// Past steps that curvature is estimated from.
const MEMORY: usize = 8;
const MAX_STEPS: usize = 200;
/// The search ends where a step no longer lowers the function by this share of it.
const TOLERANCE: f64 = 1e-7;
/// Share of the promised decrease that a step must keep (Armijo's condition).
const SUFFICIENT_DECREASE: f64 = 1e-4;

/// A step and the change of the gradient along it.
struct Correction {
    step: Vec<f64>,
    change: Vec<f64>,
    /// 1 / (step · change), above 0.
    inverse_curvature: f64,
}

/// The point where `value_and_gradient` is least, from `start`. The function writes its gradient.
pub(super) fn minimum(
    start: Vec<f64>,
    mut value_and_gradient: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut point = start;
    let mut gradient = vec![0.0; point.len()];
    let mut value = value_and_gradient(&point, &mut gradient);
    let mut past: VecDeque<Correction> = VecDeque::with_capacity(MEMORY);
    for _ in 0..MAX_STEPS {
        let direction = direction(&gradient, &past);
        let slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            break;
        }
        let mut length = if past.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt().max(1.0) } else { 1.0 };
        let mut next_gradient = vec![0.0; point.len()];
        let found = (0..30).find_map(|_| {
            let next: Vec<f64> = point.iter().zip(&direction).map(|(x, d)| x + length * d).collect();
            let next_value = value_and_gradient(&next, &mut next_gradient);
            let accepted = next_value <= value + SUFFICIENT_DECREASE * length * slope;
            length *= 0.5;
            accepted.then_some((next, next_value))
        });
        let Some((next, next_value)) = found else {
            break;
        };
        remember(&mut past, difference(&next, &point), difference(&next_gradient, &gradient));
        let decrease = value - next_value;
        (point, gradient, value) = (next, next_gradient, next_value);
        if decrease <= TOLERANCE * value.abs().max(1.0) {
            break;
        }
    }
    point
}

/// Keeps a correction where the function curves upwards along it.
fn remember(past: &mut VecDeque<Correction>, step: Vec<f64>, change: Vec<f64>) {
    let curvature = dot(&step, &change);
    if curvature <= 1e-12 * dot(&change, &change) {
        return;
    }
    if past.len() == MEMORY {
        past.pop_front();
    }
    past.push_back(Correction { step, change, inverse_curvature: 1.0 / curvature });
}

/// Minus the gradient, times the estimated inverse of the matrix of second derivatives.
fn direction(gradient: &[f64], past: &VecDeque<Correction>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(past.len());
    for correction in past.iter().rev() {
        let share = correction.inverse_curvature * dot(&correction.step, &direction);
        add(&mut direction, -share, &correction.change);
        shares.push(share);
    }
    if let Some(last) = past.back() {
        let scale = 1.0 / (last.inverse_curvature * dot(&last.change, &last.change));
        direction.iter_mut().for_each(|value| *value *= scale);
    }
    for (correction, share) in past.iter().zip(shares.into_iter().rev()) {
        let correct = correction.inverse_curvature * dot(&correction.change, &direction);
        add(&mut direction, share - correct, &correction.step);
    }
    direction
}

fn difference(one: &[f64], two: &[f64]) -> Vec<f64> {
    one.iter().zip(two).map(|(one, two)| one - two).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badly_scaled_quadratic_function_is_minimised() {
        let found = minimum(vec![0.0; 3], |point, gradient| {
            let (scales, centres) = ([1.0, 100.0, 0.1], [3.0, -1.0, 5.0]);
            let mut value = 0.0;
            for n in 0..3 {
                gradient[n] = scales[n] * (point[n] - centres[n]);
                value += 0.5 * gradient[n] * (point[n] - centres[n]);
            }
            value
        });
        for (found, expected) in found.iter().zip([3.0, -1.0, 5.0]) {
            assert!((found - expected).abs() < 0.01, "{found}, not {expected}");
        }
    }

    #[test]
    fn a_minimum_stays_where_it_is() {
        let found = minimum(vec![2.0], |point, gradient| {
            gradient[0] = point[0] - 2.0;
            0.5 * (point[0] - 2.0).powi(2)
        });
        assert_eq!(found, [2.0]);
    }
}
