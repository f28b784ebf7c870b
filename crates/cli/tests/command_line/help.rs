//! Help that a user can start from.

use crate::gradus::Place;

/// The subcommands that a help text lists.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let place = Place::new();
    let mut commands = subcommands(&place.succeed("--help").stdout);
    assert!(commands.len() >= 11, "{commands:?}");
    let mut looked_at = 0;
    while let Some(command) = commands.pop() {
        let help = place.succeed(&format!("{command} --help")).stdout;
        looked_at += 1;
        assert!(help.contains(&format!("Usage: gradus {command}")), "{help}");
        let example = help.lines().skip_while(|line| !line.starts_with("Example")).nth(1).unwrap_or_default();
        assert!(example.trim().starts_with(&format!("gradus {command}")), "{command}: {help}");
        // Every option says what it is for.
        let bare = help.lines().filter(|line| line.trim_start().starts_with("--") && !line.contains("  "));
        assert_eq!(bare.count(), 0, "{help}");
        commands.extend(subcommands(&help).into_iter().map(|name| format!("{command} {name}")));
    }
    assert!(looked_at >= 17, "subcommands are looked at too: {looked_at}");
    assert_eq!(place.files(), [], "help writes nothing");
}

#[test]
fn a_command_that_does_not_exist_is_named_with_what_is_near() {
    Place::new().refuse("quikstart", &["quikstart", "quickstart", "--help"]);
    Place::new().refuse("train --dataset d.json", &["--output", "--help"]);
    Place::new().refuse("train --dataset d.json --output run --epoch 3", &["--epoch", "--epochs"]);
}

#[test]
fn the_version_is_told() {
    let version = Place::new().succeed("--version").stdout;
    assert_eq!(version.trim(), format!("gradus {}", env!("CARGO_PKG_VERSION")));
}
