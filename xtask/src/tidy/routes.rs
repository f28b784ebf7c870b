//! Routes are added to a router in one place, from the table that says who may use them.

use super::{Finding, Tree};

/// The file that builds the router.
const ROUTER: &str = "crates/web/src/routes/router.rs";

/// What adds routes past the table. Put together so that this file does not find itself.
const CALLS: &[&str] = &[
    concat!(".rou", "te("),
    concat!(".route_ser", "vice("),
    concat!(".nest_ser", "vice("),
    concat!(".ne", "st("),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter(|(path, _)| path.starts_with("crates/web/src/") && *path != ROUTER)
        .flat_map(|(path, text)| {
            (1..).zip(text.lines()).filter_map(move |(number, line)| {
                let call = CALLS.iter().find(|call| line.contains(**call))?;
                let message = format!("`{call}…)`: add a Route to the table instead, with its access");
                Some(Finding::new(path, number, message))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_past_the_table_are_found() {
        for call in CALLS {
            let text =
                format!("fn more(router: Router) -> Router {{\n    router{call}\"/x\", handler)\n}}\n");
            let found = check(&Tree::of(&[("crates/web/src/api/jobs.rs", &text)]));
            assert_eq!(found.len(), 1, "{call}");
            assert_eq!(found[0].line, 2);
            assert!(check(&Tree::of(&[(ROUTER, &text)])).is_empty());
        }
    }

    #[test]
    fn layers_of_routes_pass() {
        let text = "handler.route_layer(guard)";
        assert!(check(&Tree::of(&[("crates/web/src/guard/mod.rs", text)])).is_empty());
    }
}
