//! Which instructions the kernels use: the best that the processor has, or a lower level asked for.
//! Does not read the environment: whoever starts the process decides.

mod amx;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::bf16::amx_agrees_with_reference;

/// Sets of vector instructions, each including those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// What every processor of the architecture has.
    Portable = 1,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
    /// AVX-512 with products of bf16 pairs.
    Avx512Bf16,
    /// Products of whole tiles of bf16 pairs, on Linux.
    Amx,
}

impl Level {
    /// All of them, the lowest first.
    pub const ALL: [Self; 5] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Bf16, Self::Amx];

    /// The name it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512-bf16",
            Self::Amx => "amx",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// Whether this processor can run it.
    pub fn is_supported(self) -> bool {
        self <= best()
    }
}

/// A level that this processor does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    /// What was asked for.
    pub asked: Level,
    /// The most that the processor has.
    pub best: Level,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (asked, best) = (self.asked.name(), self.best.name());
        write!(formatter, "this processor has no {asked} instructions; the most it has is {best}")
    }
}

impl std::error::Error for Unsupported {}

/// Zero until the level is known.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// Makes every kernel use that level. To be called once, before the first kernel: results differ in the
/// last bits from level to level.
///
/// # Errors
/// Where the processor lacks the instructions.
pub fn force(level: Level) -> Result<(), Unsupported> {
    if !level.is_supported() {
        return Err(Unsupported { asked: level, best: best() });
    }
    LEVEL.store(level as u8, Ordering::Relaxed);
    Ok(())
}

#[cfg(test)]
thread_local! {
    static TEST_LEVEL: std::cell::Cell<Option<Level>> = const { std::cell::Cell::new(None) };
}

/// Runs `body` at that level, alone in a pool of one thread, so that tests beside it keep theirs.
#[cfg(test)]
pub(crate) fn with_level<T: Send>(level: Level, body: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        TEST_LEVEL.set(Some(level));
        body()
    })
}

/// The level in use.
#[inline]
pub fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = TEST_LEVEL.get() {
        return level;
    }
    match LEVEL.load(Ordering::Relaxed) {
        0 => {
            let level = at_start();
            LEVEL.store(level as u8, Ordering::Relaxed);
            level
        }
        1 => Level::Portable,
        2 => Level::Avx2,
        3 => Level::Avx512,
        4 => Level::Avx512Bf16,
        _ => Level::Amx,
    }
}

#[cfg(not(test))]
fn at_start() -> Level {
    best()
}

/// These tests have no `main` that could ask for the level that `GRADUS_CPU` names.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests are told here what to run on")]
fn at_start() -> Level {
    let named = std::env::var("GRADUS_CPU").ok();
    let level = named.map_or_else(best, |name| Level::from_name(&name).unwrap());
    assert!(level.is_supported(), "this processor has no {} instructions", level.name());
    level
}

/// The most that this process can use: found out once, as it includes asking the system for AMX.
fn best() -> Level {
    static BEST: OnceLock<Level> = OnceLock::new();
    *BEST.get_or_init(|| {
        let vectors = best_vectors();
        let amx = vectors == Level::Avx512Bf16 && amx::is_granted() && amx_agrees_with_reference();
        if amx { Level::Amx } else { vectors }
    })
}

#[cfg(target_arch = "x86_64")]
fn best_vectors() -> Level {
    if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
        return Level::Portable;
    }
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx512, is_x86_feature_detected!("avx512bf16")) {
        (false, _) => Level::Avx2,
        (true, false) => Level::Avx512,
        (true, true) => Level::Avx512Bf16,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn best_vectors() -> Level {
    Level::Portable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_by_its_name() {
        for level in Level::ALL {
            assert_eq!(Level::from_name(level.name()), Some(level));
        }
        assert_eq!(Level::from_name("sse9"), None);
    }

    #[test]
    fn a_level_beyond_the_processor_is_refused_with_what_it_has() {
        let refusal = Unsupported { asked: Level::Avx512Bf16, best: Level::Avx2 };
        assert_eq!(
            refusal.to_string(),
            "this processor has no avx512-bf16 instructions; the most it has is avx2"
        );
        assert!(level().is_supported() && Level::Portable.is_supported());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_best_level_is_the_one_that_the_system_lists() {
        let listed = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let has = |flag| listed.split_whitespace().any(|word| word == flag);
        for (flags, level) in [
            (["amx_bf16", "amx_tile", "avx512_bf16"], Level::Amx),
            (["avx512_bf16", "avx512vl", "avx512dq"], Level::Avx512Bf16),
            (["avx512bw", "avx512vl", "avx512dq"], Level::Avx512),
        ] {
            assert_eq!(flags.into_iter().all(has), level.is_supported(), "{level:?}");
        }
    }
}
