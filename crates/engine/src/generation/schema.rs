//! Where in a JSON schema something is wrong: the smallest part of it that fails for the same reason.

use serde_json::{Map, Value, json};

/// What is wrong with a schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// JSON pointer of the part.
    pub(super) place: String,
    pub(super) reason: String,
}

/// How llguidance begins to say that nothing satisfies a schema.
const UNSATISFIABLE: &str = "Unsatisfiable schema: ";

/// A schema that refers to itself has no smallest part.
const MOST_STEPS: usize = 100;

/// The schema with the wish that what satisfies it is written in one line: free white space lets a model
/// go on forever.
pub(super) fn in_one_line(schema: &Value) -> Value {
    let mut schema = if schema == &Value::Bool(true) { json!({}) } else { schema.clone() };
    if let Some(object) = schema.as_object_mut() {
        let style = json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " });
        object.insert("x-guidance".to_owned(), style);
    }
    schema
}

/// Finds what makes `root` fail with `reason`. `fails` says why a schema fails, if it does.
pub(super) fn locate(root: &Value, reason: String, fails: &dyn Fn(&Value) -> Option<String>) -> Fault {
    let mut fault = Fault { place: String::new(), reason };
    let mut part = root;
    let mut steps = 0;
    loop {
        let inside = parts(part).find_map(|(place, child)| {
            let reason = fails(&with_definitions(child, root))?;
            is_same(&reason, &fault.reason).then(|| (fault.place.clone() + &place, child, reason))
        });
        let referred = || {
            let place = part.get("$ref")?.as_str()?.strip_prefix('#')?;
            Some((place.to_owned(), root.pointer(place)?, fault.reason.clone()))
        };
        let Some((place, child, reason)) = inside.or_else(referred).filter(|_| steps < MOST_STEPS) else {
            break;
        };
        fault = Fault { place, reason };
        part = child;
        steps += 1;
    }
    Fault {
        place: if fault.place.is_empty() { "its root".to_owned() } else { fault.place },
        reason: in_words(&fault.reason),
    }
}

fn is_same(reason: &str, whole: &str) -> bool {
    reason == whole || reason.starts_with(UNSATISFIABLE) && whole.starts_with(UNSATISFIABLE)
}

/// The schemas directly inside a schema, with their places. An optional property that nothing satisfies
/// makes nothing fail, so those that are required come first.
fn parts(schema: &Value) -> impl Iterator<Item = (String, &Value)> {
    let of_map = |keyword: &'static str| {
        let map = schema.get(keyword).and_then(Value::as_object).into_iter().flatten();
        map.map(move |(name, part)| (format!("/{keyword}/{}", escaped(name)), part))
    };
    let of_list = |keyword: &'static str| {
        let list = schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
        list.enumerate().map(move |(index, part)| (format!("/{keyword}/{index}"), part))
    };
    let of_one = |keyword: &'static str| {
        let part = schema.get(keyword).filter(|part| part.is_object() || part.is_boolean());
        part.map(|part| (format!("/{keyword}"), part))
    };
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut properties: Vec<_> = of_map("properties").collect();
    properties.sort_by_key(|(place, _)| {
        !required.iter().any(|name| name.as_str().is_some_and(|name| place.ends_with(&escaped(name))))
    });
    let maps = ["patternProperties", "$defs", "definitions"].into_iter().flat_map(of_map);
    let lists = ["prefixItems", "allOf", "anyOf", "oneOf", "items"].into_iter().flat_map(of_list);
    let ones = ["items", "additionalProperties"].into_iter().filter_map(of_one);
    properties.into_iter().chain(lists).chain(ones).chain(maps).collect::<Vec<_>>().into_iter()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The part as a schema of its own, with the definitions that it may refer to.
fn with_definitions(part: &Value, root: &Value) -> Value {
    let Some(object) = part.as_object() else {
        return part.clone();
    };
    let definitions = ["$schema", "$defs", "definitions"].into_iter();
    let mut whole: Map<String, Value> =
        definitions.filter_map(|name| Some((name.to_owned(), root.get(name)?.clone()))).collect();
    whole.extend(object.clone());
    Value::Object(whole)
}

fn in_words(reason: &str) -> String {
    if reason.starts_with("oneOf constraints") {
        return "the alternatives of oneOf may overlap, which is not supported: use anyOf".to_owned();
    }
    if let Some(keywords) = reason.strip_prefix("Unimplemented keys: ") {
        return format!("unsupported keywords: {}", keywords.trim_matches(['[', ']']));
    }
    match reason.strip_prefix(UNSATISFIABLE) {
        Some(reason) => format!("nothing can satisfy it: {reason}"),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails where the schema or, below the definitions, a part of it has the keyword `bad`.
    fn fails(schema: &Value) -> Option<String> {
        let bad = |schema: &Value| schema.get("bad").is_some();
        let mut left = vec![schema];
        while let Some(schema) = left.pop() {
            if bad(schema) {
                return Some("Unimplemented keys: [\"bad\"]".to_owned());
            }
            left.extend(
                parts(schema).filter(|(place, _)| !place.starts_with("/$defs")).map(|(_, part)| part),
            );
        }
        None
    }

    fn place(schema: &Value) -> String {
        locate(schema, fails(schema).unwrap(), &fails).place
    }

    #[test]
    fn the_smallest_part_that_fails_is_named() {
        assert_eq!(place(&json!({ "bad": 1 })), "its root");
        let nested = json!({ "properties": { "a/b": { "items": { "anyOf": [{}, { "bad": 1 }] } } } });
        assert_eq!(place(&nested), "/properties/a~1b/items/anyOf/1");
    }

    #[test]
    fn reasons_are_in_words() {
        assert_eq!(in_words("Unimplemented keys: [\"not\"]"), "unsupported keywords: \"not\"");
        assert_eq!(in_words("Unsatisfiable schema: a > b"), "nothing can satisfy it: a > b");
    }
}
