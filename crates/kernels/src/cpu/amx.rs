//! Whether this process may use AMX: the processor has it, the system keeps its registers when it switches
//! threads, and has granted them to the process. Linux does so since 5.16; elsewhere AMX is left alone.

/// Asks for AMX, once a process: what is granted holds for all its threads, and is not taken back.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(super) fn is_granted() -> bool {
    linux::processor_has_it() && linux::system_keeps_it() && linux::request_permission()
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub(super) fn is_granted() -> bool {
    false
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod linux {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    /// Number of the extended state that holds the tiles (Intel SDM volume 1, 13.1).
    const TILE_DATA: u64 = 18;
    /// Number of the extended state that holds their configuration.
    const TILE_CONFIGURATION: u64 = 17;

    /// Eight tiles of sixteen rows of 64 bytes, and products of bf16 (Intel SDM volume 2, CPUID leaves 07H
    /// and 1DH).
    pub(super) fn processor_has_it() -> bool {
        let (bf16, tiles) = (1 << 22, 1 << 24);
        if __cpuid(0).eax < 0x1D || __cpuid_count(7, 0).edx & (bf16 | tiles) != bf16 | tiles {
            return false;
        }
        let palette = __cpuid_count(0x1D, 1);
        let (row_bytes, names, rows) = (palette.ebx & 0xFFFF, palette.ebx >> 16, palette.ecx & 0xFFFF);
        __cpuid_count(0x1D, 0).eax >= 1 && row_bytes == 64 && names >= 8 && rows == 16
    }

    /// The system has switched on both parts of the tiles' state.
    pub(super) fn system_keeps_it() -> bool {
        const KEEPS_EXTENDED_STATES: u32 = 1 << 27;
        if __cpuid(1).ecx & KEEPS_EXTENDED_STATES == 0 {
            return false;
        }
        let both = 1 << TILE_DATA | 1 << TILE_CONFIGURATION;
        // SAFETY: the system uses extended states, so the instruction that reads them is there.
        #[expect(unsafe_code, reason = "reads a control register")]
        let kept = unsafe { _xgetbv(0) };
        kept & both == both
    }

    /// `arch_prctl(ARCH_REQ_XCOMP_PERM, 18)` (Linux, Documentation/x86/xstate.rst): zero where it is granted.
    pub(super) fn request_permission() -> bool {
        const ARCH_PRCTL: u64 = 158;
        const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
        let result: i64;
        // SAFETY: this call takes two numbers and changes no memory of ours; a system that does not know
        // it returns an error.
        #[expect(unsafe_code, reason = "calls the system")]
        unsafe {
            asm!("syscall",
                inlateout("rax") ARCH_PRCTL => result,
                in("rdi") ARCH_REQ_XCOMP_PERM, in("rsi") TILE_DATA,
                lateout("rcx") _, lateout("r11") _,
                options(nostack));
        }
        result == 0
    }
}
