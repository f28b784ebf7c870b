//! What a run will need, in words.

use gradus_engine::adapter::Method;
use gradus_engine::backend::Device;
use gradus_engine::memory;
use gradus_engine::preflight::{MemoryEstimate, Preflight};
use gradus_engine::training::TrainingPlan;

/// One sentence on what a run will need.
pub fn describe(needs: &Preflight, plan: &TrainingPlan, device: Device) -> String {
    let time = duration(needs.estimated_seconds);
    let time = match device {
        Device::Cpu => format!("{time} on {}", device.describe()),
        gpu => format!("{time} if it were for the CPU; it is for {}", gpu.describe()),
    };
    format!(
        "{} training examples of {} to {} tokens ({:.0} % saved by shared prefixes), {} to validate with; {} steps in {} epochs; about {:.2} GiB of memory and {time}",
        needs.train.sequences,
        needs.train.shortest,
        needs.train.longest,
        needs.shared_share * 100.0,
        needs.validation.sequences,
        needs.total_steps,
        plan.epochs,
        gibibytes(needs.memory.total),
    )
}

/// What to lower where the run needs more memory than the machine can give now; `None` where it fits.
pub fn warning(needs: &Preflight, plan: &TrainingPlan, device: Device) -> Option<String> {
    let available = memory::available_bytes().filter(|_| device == Device::Cpu)?;
    // What the process holds already, the weights above all, is no longer available.
    let missing = (needs.memory.total.saturating_sub(memory::held_bytes()?)).checked_sub(available)?;
    let advice = advice(&needs.memory, plan);
    (missing > 0).then(|| {
        format!(
            "training will need about {:.2} GiB of memory, {:.2} GiB more than this machine has free: {advice}, or close other programs",
            gibibytes(needs.memory.total),
            gibibytes(missing),
        )
    })
}

/// What takes most can be lowered most.
fn advice(memory: &MemoryEstimate, plan: &TrainingPlan) -> String {
    let MemoryEstimate { weights, adapter, activations, .. } = *memory;
    if activations >= weights.max(adapter) {
        let rows = plan.micro_batch_rows;
        return format!(
            "compute fewer tokens at once (--micro-batch-rows, now {rows}), or shorten the longest examples"
        );
    }
    match plan.method {
        Method::Full => "train an adapter rather than every weight (--method lora)".to_owned(),
        Method::Lora(ref config) if adapter > weights => {
            format!("lower the adapter's rank (--lora-rank, now {})", config.rank)
        }
        Method::Lora(_) => {
            "keep the base weights in fewer bits (--base-weights q4), or take a smaller model".to_owned()
        }
    }
}

/// The peak that this process had beside what was foretold; `None` where the system does not tell.
pub fn peak_beside(estimate: u64) -> Option<String> {
    let peak = gibibytes(memory::peak_bytes()?);
    Some(format!("{peak:.2} GiB of memory at the peak, {:.2} GiB foretold", gibibytes(estimate)))
}

/// Bytes in GiB.
pub fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// "42 s", "3 min 20 s", "1 h 5 min".
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        assert_eq!(duration(41.6), "42 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(3900.0), "1 h 5 min");
    }

    #[test]
    fn advice_is_about_what_takes_most() {
        let advised = |plan: TrainingPlan, weights, adapter, activations| {
            advice(&MemoryEstimate { weights, adapter, activations, process: 0, total: 0 }, &plan)
        };
        let plan = TrainingPlan::default;
        assert!(advised(plan(), 1, 2, 3).contains("--micro-batch-rows, now 1024"));
        assert!(advised(plan(), 3, 2, 1).contains("--base-weights q4"));
        assert!(advised(plan(), 2, 3, 1).contains("--lora-rank, now 64"));
        assert!(advised(plan().full(), 2, 3, 1).contains("--method lora"));
    }
}
