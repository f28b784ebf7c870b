//! Dropout on the input of an adapter. The mask is a pure function of its key and the element's index,
//! so the backward pass makes it again instead of storing it. Every backend drops the same features.

use gradus_kernels::DropoutMask;

use super::Dropout;
use crate::adapter::TargetModule;
use crate::random::Random;

/// The mask of one linear layer in one batch.
pub(super) fn mask(dropout: Dropout, layer: usize, module: TargetModule) -> DropoutMask {
    let key = Random::new(&[dropout.key, layer as u64, module as u64]).next_u64();
    DropoutMask::new(key, dropout.probability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_modules_and_batches_drop_different_features() {
        let kept = |key, layer, module| -> Vec<bool> {
            let mask = mask(Dropout { key, probability: 0.25 }, layer, module);
            (0..1000).map(|index| mask.keeps(index)).collect()
        };
        let one = kept(5, 3, TargetModule::UpProj);
        assert_eq!(one, kept(5, 3, TargetModule::UpProj));
        let others = [
            kept(6, 3, TargetModule::UpProj),
            kept(5, 4, TargetModule::UpProj),
            kept(5, 3, TargetModule::QProj),
        ];
        for other in others {
            let same = one.iter().zip(&other).filter(|(a, b)| a == b).count();
            assert!((560..690).contains(&same), "{same} of 1000 alike; 625 by chance");
        }
    }
}
