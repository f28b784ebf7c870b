//! The innermost loops in f32, one file an instruction set; each result is a fixed order of sums.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::cpu::{Level, level};
use crate::product::strip::Strip;

/// Lines side by side in a panel: as many as a tile has.
pub(super) fn panel_lines() -> usize {
    match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx512Bf16 | Level::Amx => avx512::PANEL_LINES,
        // A block of quantised columns fills two lines.
        _ => 2,
    }
}

/// Computes a strip.
///
/// # Safety
/// As [`crate::number::Cells::multiply_strip`].
#[expect(unsafe_code, reason = "works on pointers")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    // SAFETY: promised by the caller; the level says that the processor has the instructions.
    unsafe {
        match level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Avx512Bf16 | Level::Amx => avx512::multiply_strip(strip),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2::multiply_strip(strip),
            _ => portable::multiply_strip(strip),
        }
    }
}
