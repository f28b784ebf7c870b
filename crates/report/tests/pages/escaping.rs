//! No string of a report can become markup, whichever field it stands in.

use gradus_report::{BenchmarkReport, render_benchmark_html, render_html, to_json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::sample;

/// Ends an attribute, an element and a script, opens others, and holds an entity of its own.
const HOSTILE: &str =
    r#""'></title></style></text></svg></td><script>alert(1)</script><img src=x onerror=alert(2)>&lt;"#;

/// The report with the hostile text in front of every string that is free text.
fn spoiled<R: Serialize + DeserializeOwned>(report: &R) -> R {
    let mut json = serde_json::to_value(report).expect("a report is JSON");
    let replaced = spoil(&mut json, "");
    assert!(replaced > 30, "{replaced} strings were spoiled");
    serde_json::from_value(json).expect("strings stayed strings")
}

/// Spoils every string but blanks (which the page shows differently), the closed vocabularies and the
/// date; returns how many.
fn spoil(value: &mut Value, key: &str) -> usize {
    const CLOSED: [&str; 5] = ["generated_at", "severity", "verdict", "scale", "kind"];
    match value {
        // The kind of a benchmark's part is free text, that of an attack a word.
        Value::String(text) if !text.is_empty() && (!CLOSED.contains(&key) || text.contains(' ')) => {
            *text = format!("{HOSTILE}{text}");
            1
        }
        Value::Array(items) => items.iter_mut().map(|item| spoil(item, key)).sum(),
        Value::Object(fields) => fields.iter_mut().map(|(key, field)| spoil(field, key)).sum(),
        _ => 0,
    }
}

/// That the spoiled page has the elements of the plain one and no others.
fn assert_same_markup(html: &str, plain: &str) {
    for markup in ["<script", "<img", "</title></style>", "<svg></td>"] {
        assert!(!html.contains(markup), "{markup}");
    }
    for tag in ["<p", "<td", "<tr", "<svg", "<text", "<title", "<style", "<div", "<li", "</"] {
        let count = |page: &str| page.matches(tag).count();
        assert_eq!(count(html), count(plain), "{tag}");
    }
    let quotes = |page: &str| page.matches('"').count();
    assert_eq!(quotes(html), quotes(plain), "a quote reached the page as it is");
}

#[test]
fn no_field_can_add_an_element_to_the_page() {
    let report = sample::report();
    let html = render_html(&spoiled(&report)).unwrap();
    assert_same_markup(&html, &render_html(&report).unwrap());
}

#[test]
fn no_field_can_add_an_element_to_a_benchmarks_page() {
    let report: BenchmarkReport = sample::benchmark::report();
    let html = render_benchmark_html(&spoiled(&report)).unwrap();
    assert_same_markup(&html, &render_benchmark_html(&report).unwrap());
}

#[test]
fn an_escaped_text_is_shown_as_written() {
    let html = render_html(&spoiled(&sample::report())).unwrap();
    assert!(html.contains("&#60;script&#62;alert(1)"), "by the templates");
    assert!(html.contains("&lt;script&gt;alert(1)"), "by the charts");
    assert!(html.contains("&#38;lt;") && html.contains("&amp;lt;"), "an entity stays text");
}

#[test]
fn json_holds_hostile_text_unchanged() {
    let report = spoiled(&sample::report());
    let json: Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
    assert_eq!(json["title"], Value::String(report.title));
}
