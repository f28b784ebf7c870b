//! The innermost loops: some rows of the left operand times one packed panel, summed in registers over
//! the whole inner dimension. One file an instruction set; each result is a fixed order of sums.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(target_arch = "x86_64", test))]
mod check;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::dot::as_bf16;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::fused::store as store_avx512;

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
            Level::Amx => amx::multiply_strip(strip),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Bf16 => avx512::dot::multiply_strip(strip),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512::fused::multiply_strip(strip),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2::multiply_strip(strip),
            _ => portable::multiply_strip(strip),
        }
    }
}

/// Rows that a task should have a multiple of, so that its tiles are whole.
pub(super) fn row_unit() -> usize {
    if level() == Level::Amx { 32 } else { 12 }
}

/// Whether AMX gives what the reference gives. Only to be asked where the process may use it.
pub(crate) fn amx_agrees_with_reference() -> bool {
    #[cfg(target_arch = "x86_64")]
    return check::agrees_with_reference(amx::multiply_strip);
    #[cfg(not(target_arch = "x86_64"))]
    false
}
