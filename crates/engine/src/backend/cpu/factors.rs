//! DoRA (Liu et al. 2024): what each row of an adapted weight W + s · B A is multiplied by to have its trained
//! length. The length that it has is ‖W‖² + 2 s · (A Wᵀ) · B + s² · (A Aᵀ B) · B, row by row, so the sum of the
//! two matrices never exists.

use std::collections::BTreeMap;

use gradus_kernels::product::{Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{Matrix, MatrixMut, Number};

use super::model::Model;
use crate::adapter::{Adapter, LoraPair, TargetModule, inverse_length};

/// The factors of one linear layer.
#[derive(Debug)]
pub(super) struct RowFactors {
    /// The trained length of each row over the length that it has, `[output]`.
    pub(super) factors: Vec<f32>,
    /// One over the length that it has, zero where it has none, `[output]`.
    pub(super) inverse_lengths: Vec<f32>,
}

/// Those of every adapted layer.
#[derive(Debug)]
pub(super) struct Factors(BTreeMap<(usize, TargetModule), RowFactors>);

impl Factors {
    /// For an adapter with magnitudes; `None` for others.
    pub(super) fn new<N: Number>(adapter: &Adapter, model: &Model<N>) -> Option<Self> {
        let of_pair = |pair: &LoraPair| {
            let magnitude = &adapter.parameters[pair.magnitude.clone()?];
            let inverse_lengths: Vec<f32> = lengths(adapter, pair, model).map(inverse_length).collect();
            let factors = magnitude.iter().zip(&inverse_lengths).map(|(m, inverse)| m * inverse).collect();
            Some(((pair.layer, pair.module), RowFactors { factors, inverse_lengths }))
        };
        let all: BTreeMap<_, _> = adapter.pairs().iter().filter_map(of_pair).collect();
        (!all.is_empty()).then_some(Self(all))
    }

    pub(super) fn of(&self, layer: usize, module: TargetModule) -> Option<&RowFactors> {
        self.0.get(&(layer, module))
    }
}

/// The length of each row of W + s · B A.
fn lengths<N: Number>(adapter: &Adapter, pair: &LoraPair, model: &Model<N>) -> impl Iterator<Item = f32> {
    let linear = model.layers[pair.layer].linear(pair.module);
    let rank = pair.rank;
    let a = Matrix::<N>::from_f32(&adapter.parameters[pair.a.clone()], rank, pair.input);
    let (mut across, mut gram) = (vec![0.0; rank * pair.output], vec![0.0; rank * rank]);
    let product = |into, cols, right| Product {
        target: Target::Overwrite(MatrixMut::new(into, rank, cols)),
        terms: vec![Term { left: Left::Rows(a.view()), right }],
    };
    let weight = linear.weight().view().by_rows();
    multiply(&mut [
        product(&mut across, pair.output, weight),
        product(&mut gram, rank, Right::Rows(a.view())),
    ]);

    let b = &adapter.parameters[pair.b.clone()];
    let (scale, squares) = (f64::from(pair.scale), linear.row_squares());
    let length = |row: usize| {
        let b = &b[row * rank..][..rank];
        let cross: f64 = (0..rank).map(|r| f64::from(b[r]) * f64::from(across[r * pair.output + row])).sum();
        let own = |r: usize| -> f64 {
            let column = gram[r * rank..][..rank].iter().zip(b);
            f64::from(b[r]) * column.map(|(g, b)| f64::from(*g) * f64::from(*b)).sum::<f64>()
        };
        let square: f64 = (0..rank).map(own).sum();
        (squares[row] + 2.0 * scale * cross + scale * scale * square).max(0.0).sqrt() as f32
    };
    (0..pair.output).map(length).collect::<Vec<_>>().into_iter()
}
