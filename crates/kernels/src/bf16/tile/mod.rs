//! The innermost loops: some rows of the left operand times one packed panel, summed in registers over
//! the whole inner dimension. One file an instruction set; each result is a fixed order of sums.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_bf16;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::store as store_avx512;

use crate::cpu::{Level, level};
use crate::product::strip::Strip;

/// Computes a strip.
///
/// # Safety
/// Every cell of `rows` rows of each left operand must be readable, `rows x width` elements of the
/// destination writable and in nobody else's use, and the panel as long as the terms' cells ask for.
#[expect(unsafe_code, reason = "works on pointers")]
pub(super) unsafe fn multiply_strip(strip: Strip<'_>) {
    // SAFETY: promised by the caller; the level says that the processor has the instructions.
    unsafe {
        match level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Bf16 => avx512_bf16::multiply_strip(strip),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512::multiply_strip(strip),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2::multiply_strip(strip),
            _ => portable::multiply_strip(strip),
        }
    }
}
