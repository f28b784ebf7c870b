//! Limits that a process sets on itself before it reads a file that may be hostile. There is no way back.

use anyhow::Context;

/// Memory, files and time of a process that reads one document.
#[cfg(unix)]
pub(crate) fn to_one_document() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    /// The extractors' own limits allow 256 MiB unpacked and a stack as large; parsers keep some copies.
    const ADDRESS_SPACE_BYTES: u64 = 2 << 30;
    const PROCESSOR_SECONDS: u64 = 60;
    const OPEN_FILES: u64 = 64;
    const FILE_BYTES: u64 = 256 << 20;
    let limits = [
        (Resource::As, ADDRESS_SPACE_BYTES),
        (Resource::Cpu, PROCESSOR_SECONDS),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Fsize, FILE_BYTES),
        // A crash is expected, and its memory image is nobody's business.
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit)
            .with_context(|| format!("this process cannot be limited ({resource:?})"))?;
    }
    Ok(())
}

/// Elsewhere the time limit of the caller has to do.
#[cfg(not(unix))]
pub(crate) fn to_one_document() -> anyhow::Result<()> {
    Ok(())
}
