//! The AMX instructions, which the standard library does not have yet. The compiler itself never uses
//! tiles in code for a processor without AMX, so between one instruction and the next they stay as they are.

use std::arch::asm;
use std::marker::PhantomData;

use super::TILE;
use crate::product::pack::Line;

/// The tile registers of this thread, configured: 0 to 3 for the sums of 2 x 2 tiles, 4 and 5 for the left
/// operand's two tiles, 6 and 7 for the right one's. Given back when it is dropped, as other code on this
/// thread expects them to be, and so that a change of threads need not save 8 KiB.
pub(super) struct Tiles {
    rows: usize,
    /// Registers belong to a thread.
    not_send: PhantomData<*const ()>,
}

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl Configuration {
    /// Tiles for blocks of up to 32 rows; one without rows stays unconfigured.
    fn for_rows(rows: usize) -> Self {
        let (upper, lower) = (rows.min(TILE) as u8, rows.saturating_sub(TILE).min(TILE) as u8);
        let mut heights = [0; 16];
        heights[..8].copy_from_slice(&[upper, upper, lower, lower, upper, lower, TILE as u8, TILE as u8]);
        let row_bytes = heights.map(|height| if height == 0 { 0 } else { size_of::<Line>() as u16 });
        Self { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows: heights }
    }
}

#[expect(unsafe_code, reason = "assembly")]
impl Tiles {
    /// Configures the tiles for blocks of `rows` rows.
    ///
    /// # Safety
    /// The processor must have AMX, and the system must have granted its use.
    pub(super) unsafe fn configure(rows: usize) -> Self {
        let mut tiles = Self { rows: 0, not_send: PhantomData };
        tiles.reshape(rows);
        tiles
    }

    /// Makes the tiles fit blocks of `rows` rows; what they held is lost unless they did already.
    pub(super) fn reshape(&mut self, rows: usize) {
        if self.rows != rows {
            let configuration = Configuration::for_rows(rows);
            // SAFETY: reads the 64 bytes of a valid configuration; whoever made `self` has AMX.
            unsafe {
                asm!("ldtilecfg [{}]", in(reg) &raw const configuration,
                    options(readonly, nostack, preserves_flags));
            }
            self.rows = rows;
        }
    }

    /// Sets a tile to zeros.
    #[inline(always)]
    pub(super) fn zero<const TILE: u8>(&mut self) {
        // SAFETY: changes a configured tile and nothing else.
        unsafe {
            asm!("tilezero tmm{}", const TILE, options(nomem, nostack, preserves_flags));
        }
    }

    /// Loads a tile whose rows are `stride` bytes apart.
    ///
    /// # Safety
    /// 64 bytes of each of the tile's rows must be readable.
    #[inline(always)]
    pub(super) unsafe fn load<const TILE: u8>(&mut self, start: *const Line, stride: usize) {
        // SAFETY: reads what the caller promised.
        unsafe {
            asm!("tileloadd tmm{tile}, [{start} + {stride}*1]",
                tile = const TILE, start = in(reg) start, stride = in(reg) stride,
                options(readonly, nostack, preserves_flags));
        }
    }

    /// Adds the product of two tiles of bf16 pairs, each pair multiplied with each and summed in f32.
    #[inline(always)]
    pub(super) fn multiply_add<const SUM: u8, const LEFT: u8, const RIGHT: u8>(&mut self) {
        // SAFETY: changes a configured tile and nothing else.
        unsafe {
            asm!("tdpbf16ps tmm{}, tmm{}, tmm{}", const SUM, const LEFT, const RIGHT,
                options(nomem, nostack, preserves_flags));
        }
    }

    /// Writes the rows of a tile, one line each.
    #[inline(always)]
    pub(super) fn store<const TILE: u8>(&mut self, to: &mut [Line; super::TILE]) {
        // SAFETY: a tile has at most as many rows as there are lines, of 64 bytes at most.
        unsafe {
            asm!("tilestored [{start} + {stride}*1], tmm{tile}",
                tile = const TILE, start = in(reg) to.as_mut_ptr(), stride = in(reg) size_of::<Line>(),
                options(nostack, preserves_flags));
        }
    }
}

#[expect(unsafe_code, reason = "assembly")]
impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: whoever made `self` has AMX.
        unsafe {
            asm!("tilerelease", options(nomem, nostack, preserves_flags));
        }
    }
}
