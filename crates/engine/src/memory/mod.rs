//! The memory of this process and of the machine, as Linux tells it; other systems say nothing here.

mod control_group;

/// The most memory that this process ever held, in bytes.
pub fn peak_bytes() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

/// The memory that this process holds now, in bytes.
pub fn held_bytes() -> Option<u64> {
    field("/proc/self/status", "VmRSS:")
}

/// The memory that this process may still take, in bytes: what the machine has left, or the control group that it runs in
/// (a container, a service with a limit), whichever is less.
pub fn available_bytes() -> Option<u64> {
    let machine = field("/proc/meminfo", "MemAvailable:");
    machine.into_iter().chain(control_group::available_bytes()).min()
}

fn field(file: &str, name: &str) -> Option<u64> {
    kibibytes(&std::fs::read_to_string(file).ok()?, name).map(|kibibytes| kibibytes * 1024)
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::kibibytes;

    #[test]
    fn a_field_is_read_by_its_name() {
        let text = "VmPeak:\t   7 kB\nVmHWM:\t  812 kB\nThreads:\t2\n";
        assert_eq!(kibibytes(text, "VmHWM:"), Some(812));
        assert_eq!(kibibytes(text, "Threads:"), None);
        assert_eq!(kibibytes(text, "VmRSS:"), None);
    }
}
