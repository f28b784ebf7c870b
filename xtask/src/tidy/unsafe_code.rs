//! Only `kernels` holds unsafe code, so that what must be read with care lies in one place.
//! The compiler denies it everywhere; this finds where the denial was lifted.

use super::{Finding, Tree};

const HOME: &str = "crates/kernels/";

/// The keyword and the lint that guards it, put together so that this file does not find itself.
const KEYWORD: &str = concat!("un", "safe");
const LINT: &str = concat!("un", "safe_code");

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter(|(path, _)| !path.starts_with(HOME))
        .flat_map(|(path, text)| {
            let lines = (1..).zip(text.lines());
            lines.filter(|(_, line)| is_unsafe(line)).map(move |(number, _)| {
                let message = "unsafe code belongs in crates/kernels, behind a safe function";
                Finding::new(path, number, message)
            })
        })
        .collect()
}

fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let opens_block = code.split(KEYWORD).skip(1).any(|rest| {
        let next = rest.trim_start();
        ["{", "fn ", "impl", "extern ", "trait "].iter().any(|form| next.starts_with(form)) || rest.is_empty()
    });
    // As an attribute names it, on a line of its own or not: `#![expect(unsafe_code, ...)]`.
    let lifts_lint = code.split(LINT).skip(1).any(|rest| rest.starts_with([',', ')']));
    opens_block || lifts_lint
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(path: &str, line: &str) -> bool {
        let line = line.replace("UNSAFE", KEYWORD);
        !check(&Tree::of(&[(path, &line)])).is_empty()
    }

    #[test]
    fn unsafe_code_outside_kernels_is_found() {
        for line in [
            "UNSAFE { read(pointer) }",
            "let x = UNSAFE{ read(pointer) };",
            "pub UNSAFE fn read() {}",
            "UNSAFE impl Send for Buffer {}",
            "#![expect(UNSAFE_code, reason = \"fast\")]",
            "    UNSAFE_code,",
            "    UNSAFE",
        ] {
            assert!(is_found("crates/engine/src/lib.rs", line), "{line}");
        }
    }

    #[test]
    fn kernels_comments_and_prose_pass() {
        assert!(!is_found("crates/kernels/src/amx.rs", "UNSAFE { load() }"));
        assert!(!is_found("crates/engine/src/lib.rs", "// no UNSAFE { here"));
        assert!(!is_found("crates/engine/src/lib.rs", "\"an UNSAFE name\""));
        assert!(!is_found("xtask/src/tidy/mod.rs", "mod UNSAFE_code;"));
    }
}
