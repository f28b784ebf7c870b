//! What tests look for in a page.

use quick_xml::Reader;
use quick_xml::events::Event;

pub(crate) fn has_section(html: &str, id: &str) -> bool {
    html.contains(&format!(r#"id="{id}""#))
}

/// The page's section of that name.
pub(crate) fn section<'a>(html: &'a str, id: &str) -> &'a str {
    let start = html.find(&format!(r#"<section id="{id}""#)).expect(id);
    html[start..].split("</section>").next().unwrap_or_default()
}

/// Leaves a file in the build's directory for temporary files, where a person can open it.
pub(crate) fn write_for_looking(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(path, text).expect("the build directory can be written");
}

/// That every chart is XML with a drawing and a name of its own; returns how many there are.
pub(crate) fn checked_charts(html: &str) -> usize {
    let charts: Vec<&str> =
        html.split("<svg").skip(1).map(|rest| rest.split("</svg>").next().unwrap_or_default()).collect();
    let mut names = std::collections::BTreeSet::new();
    for chart in &charts {
        let elements = read_xml(&format!("<svg{chart}</svg>"));
        assert!(elements.is_ok_and(|count| count > 10), "{chart}");
        assert!(chart.contains(r#"role="img""#));
        let id = chart.split(r#"<title id=""#).nth(1).and_then(|rest| rest.split('"').next());
        assert!(id.is_some_and(|id| names.insert(id)), "{id:?} occurs twice or is none");
    }
    charts.len()
}

/// Reads all of it; fails on an element that is not closed or an attribute that is not one.
fn read_xml(xml: &str) -> Result<usize, Box<dyn std::error::Error>> {
    let mut reader = Reader::from_str(xml);
    let mut elements = 0;
    loop {
        match reader.read_event()? {
            Event::Start(start) | Event::Empty(start) => {
                elements += 1;
                for attribute in start.attributes() {
                    attribute?;
                }
            }
            Event::Text(text) => drop(text.decode()?),
            Event::Eof => return Ok(elements),
            _ => {}
        }
    }
}

/// Where the page would reach out or run something; `None` where it does not.
pub(crate) fn reaching(html: &str) -> Option<&'static str> {
    let html = html.replace("http://www.w3.org/2000/svg", "");
    ["<script", "src=", "@import", "url(", "http://", "https://", "<iframe", " onload"]
        .into_iter()
        .find(|reaching| html.contains(reaching))
}
