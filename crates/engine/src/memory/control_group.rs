//! What the control groups of this process let it take: the limit that containers and service managers set on memory, in
//! both versions of the interface (`Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst` of Linux).

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Where control groups are shown.
const ROOT: &str = "/sys/fs/cgroup";

/// How a version names what is asked of it, in files of each group.
struct Names {
    limit: &'static str,
    used: &'static str,
    /// In `memory.stat`: pages of files, which make room without a loss. A model that was read twice is among those in use,
    /// and stays there as long as nothing else wants the room.
    reclaimable: [&'static str; 2],
}

const SECOND: Names =
    Names { limit: "memory.max", used: "memory.current", reclaimable: ["inactive_file ", "active_file "] };
const FIRST: Names = Names {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: ["total_inactive_file ", "total_active_file "],
};

/// The least that a group around this process has left, in bytes; `None` where none is limited.
pub(super) fn available_bytes() -> Option<u64> {
    least_left(&read_to_string("/proc/self/cgroup").ok()?, Path::new(ROOT))
}

/// As [`available_bytes`], for a process whose groups are `membership` (the content of `/proc/PID/cgroup`).
fn least_left(membership: &str, root: &Path) -> Option<u64> {
    membership
        .lines()
        .filter_map(|line| place(line, root))
        .filter_map(|(place, names)| left_within(&place, &names))
        .min()
}

/// Where a line of the membership says that groups with memory are, and how those name things.
fn place(line: &str, root: &Path) -> Option<((PathBuf, PathBuf), Names)> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, group) = (parts.next()?, parts.next()?.trim_start_matches('/'));
    let (root, names) = match controllers {
        "" => (root.to_owned(), SECOND),
        v1 if v1.split(',').any(|controller| controller == "memory") => (root.join("memory"), FIRST),
        _ => return None,
    };
    // In a container the path is the one outside of it, and what is shown is the group itself.
    let group = Some(root.join(group)).filter(|group| group.is_dir()).unwrap_or_else(|| root.clone());
    Some(((root, group), names))
}

/// The least that a group or one around it has left.
fn left_within((root, group): &(PathBuf, PathBuf), names: &Names) -> Option<u64> {
    let groups = group.ancestors().take_while(|group| group.starts_with(root));
    groups.filter_map(|group| left(group, names)).min()
}

fn left(group: &Path, names: &Names) -> Option<u64> {
    let number = |file: &str| read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
    // `max` where there is no limit; the first version says a number beyond any memory.
    let limit = number(names.limit)?;
    let statistics = read_to_string(group.join("memory.stat")).unwrap_or_default();
    let pages =
        |name: &str| statistics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let reclaimable: u64 = names.reclaimable.into_iter().filter_map(pages).sum();
    let used = number(names.used)?.saturating_sub(reclaimable);
    Some(limit.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(place: &Path, files: &[(&str, &str)]) {
        std::fs::create_dir_all(place).unwrap();
        for (name, content) in files {
            std::fs::write(place.join(name), content).unwrap();
        }
    }

    #[test]
    fn the_tightest_group_around_a_process_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let inner = root.join("system.slice/gradus.service");
        group(&inner, &[("memory.max", "max\n"), ("memory.current", "900\n")]);
        assert_eq!(least_left("0::/system.slice/gradus.service\n", root), None);
        let stat = "anon 7\ninactive_file 300\nactive_file 5\n";
        group(
            &root.join("system.slice"),
            &[("memory.max", "2000\n"), ("memory.current", "1500\n"), ("memory.stat", stat)],
        );
        assert_eq!(least_left("0::/system.slice/gradus.service\n", root), Some(805));
        group(&inner, &[("memory.max", "1000\n")]);
        assert_eq!(least_left("0::/system.slice/gradus.service\n", root), Some(100));
        group(&inner, &[("memory.current", "1200\n")]);
        assert_eq!(least_left("0::/system.slice/gradus.service\n", root), Some(0));
    }

    #[test]
    fn a_container_that_sees_its_own_group_alone_is_limited_by_it() {
        let root = tempfile::tempdir().unwrap();
        group(root.path(), &[("memory.max", "500"), ("memory.current", "200")]);
        assert_eq!(least_left("0::/docker/4f1c\n", root.path()), Some(300));
        assert_eq!(least_left("0::/\n", root.path()), Some(300));
    }

    #[test]
    fn the_first_version_is_read_too() {
        let root = tempfile::tempdir().unwrap();
        let memory = root.path().join("memory/jobs/7");
        let stat = "inactive_file 1\ntotal_inactive_file 50\ntotal_active_file 20\n";
        group(
            &memory,
            &[("memory.limit_in_bytes", "700"), ("memory.usage_in_bytes", "150"), ("memory.stat", stat)],
        );
        let membership = "9:name=systemd:/\n4:cpu,memory:/jobs/7\n3:cpuset:/jobs/7\n0::/\n";
        assert_eq!(least_left(membership, root.path()), Some(620));
        assert_eq!(least_left("3:cpuset:/jobs/7\n", root.path()), None);
        assert_eq!(least_left("nothing of the kind", root.path()), None);
    }
}
