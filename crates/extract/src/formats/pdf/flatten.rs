//! Rewrites a page to the operators that place text and lines, with its forms written out in place.
//!
//! The glyph reader panics on colour spaces, graphics states and images it does not know, ignores the
//! matrix of forms and the operators `'` and `"`. Text needs none of the former and all of the latter.

use pdf_extract::content::{Content, Operation};
use pdf_extract::{Dictionary, Document, Object, ObjectId, Stream};

use super::document::{dictionary, resolve};

/// Forms inside forms deeper than this are left out.
const MAX_FORM_DEPTH: usize = 12;
/// A page of more operators than this is a drawing, or an attack.
const MAX_OPERATIONS: usize = 2_000_000;

/// What a page holds besides text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageContent {
    pub(super) has_image: bool,
}

/// Rewrites page `page` of `document` in place.
///
/// # Errors
/// In words, where the content cannot be read.
pub(super) fn flatten(document: &mut Document, page: ObjectId) -> Result<PageContent, String> {
    let (operations, fonts, content) = {
        let mut flattener = Flattener {
            document,
            operations: Vec::new(),
            fonts: Dictionary::new(),
            content: PageContent::default(),
        };
        let bytes = document.get_page_content(page).map_err(|error| error.to_string())?;
        let empty = Dictionary::new();
        let resources = inherited(document, page, b"Resources")
            .and_then(|resources| resources.as_dict().ok())
            .unwrap_or(&empty);
        flattener.append(&bytes, resources, 0)?;
        (flattener.operations, flattener.fonts, flattener.content)
    };
    let media_box = inherited(document, page, b"MediaBox").map(|object| media_box(document, object));
    let bytes = Content { operations }.encode().map_err(|error| error.to_string())?;
    let contents = document.add_object(Stream::new(Dictionary::new(), bytes));
    let mut resources = Dictionary::new();
    resources.set("Font", fonts);
    let page = document.get_dictionary_mut(page).map_err(|error| error.to_string())?;
    page.set("Contents", contents);
    page.set("Resources", resources);
    page.set("MediaBox", media_box.unwrap_or_else(letter));
    page.remove(b"ArtBox");
    Ok(content)
}

struct Flattener<'a> {
    document: &'a Document,
    operations: Vec<Operation>,
    fonts: Dictionary,
    content: PageContent,
}

impl Flattener<'_> {
    fn append(&mut self, bytes: &[u8], resources: &Dictionary, depth: usize) -> Result<(), String> {
        let content = Content::decode(bytes).map_err(|error| error.to_string())?;
        for operation in content.operations {
            if self.operations.len() > MAX_OPERATIONS {
                return Err(format!("it has more than {MAX_OPERATIONS} drawing operators"));
            }
            self.operation(operation, resources, depth)?;
        }
        Ok(())
    }

    fn operation(
        &mut self,
        operation: Operation,
        resources: &Dictionary,
        depth: usize,
    ) -> Result<(), String> {
        let operands = &operation.operands;
        let numbers = operands.iter().filter(|operand| operand.as_float().is_ok()).count();
        match (operation.operator.as_str(), operands.len()) {
            ("BT" | "ET" | "T*" | "q" | "Q" | "h" | "S" | "f" | "n", 0) => self.operations.push(operation),
            ("Tc" | "Tw" | "Tz" | "TL" | "Ts", 1)
            | ("Td" | "TD" | "m" | "l", 2)
            | ("re" | "v" | "y", 4)
            | ("Tm" | "cm" | "c", 6)
                if numbers == operands.len() =>
            {
                self.operations.push(operation);
            }
            ("F" | "f*" | "B" | "B*" | "b" | "b*", 0) => self.push("f", Vec::new()),
            ("s", 0) => self.push("S", Vec::new()),
            ("Tj", 1) if operands[0].as_str().is_ok() => self.operations.push(operation),
            ("TJ", 1) if operands[0].as_array().is_ok() => self.operations.push(operation),
            ("'", 1) if operands[0].as_str().is_ok() => {
                self.push("T*", Vec::new());
                self.push("Tj", operation.operands);
            }
            ("\"", 3) if numbers == 2 && operands[2].as_str().is_ok() => {
                self.push("Tw", vec![operands[0].clone()]);
                self.push("Tc", vec![operands[1].clone()]);
                self.push("T*", Vec::new());
                self.push("Tj", vec![operands[2].clone()]);
            }
            ("Tf", 2) => self.select_font(operands, resources, depth),
            ("Do", 1) => self.external_object(operands, resources, depth)?,
            ("BI", _) => self.content.has_image = true,
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, operator: &str, operands: Vec<Object>) {
        self.operations.push(Operation::new(operator, operands));
    }

    /// Forms have fonts of their own under names that other fonts of the page may have too.
    fn select_font(&mut self, operands: &[Object], resources: &Dictionary, depth: usize) {
        let (Ok(name), Ok(_)) = (operands[0].as_name(), operands[1].as_float()) else {
            return;
        };
        let font = dictionary(self.document, resources, b"Font").and_then(|fonts| fonts.get(name).ok());
        let Some(font) = font else {
            return;
        };
        let unique = match font.as_reference() {
            Ok((number, generation)) => format!("F{number}-{generation}").into_bytes(),
            Err(_) => [format!("D{depth}-").as_bytes(), name].concat(),
        };
        self.fonts.set(unique.clone(), font.clone());
        self.push("Tf", vec![Object::Name(unique), operands[1].clone()]);
    }

    fn external_object(
        &mut self,
        operands: &[Object],
        resources: &Dictionary,
        depth: usize,
    ) -> Result<(), String> {
        let document = self.document;
        let found = operands[0]
            .as_name()
            .ok()
            .and_then(|name| dictionary(document, resources, b"XObject")?.get(name).ok())
            .and_then(|object| resolve(document, object).as_stream().ok());
        let Some(stream) = found else {
            return Ok(());
        };
        match stream.dict.get(b"Subtype").and_then(Object::as_name) {
            Ok(b"Image") => self.content.has_image = true,
            Ok(b"Form") if depth < MAX_FORM_DEPTH => self.form(stream, resources, depth)?,
            _ => {}
        }
        Ok(())
    }

    fn form(&mut self, stream: &Stream, outer: &Dictionary, depth: usize) -> Result<(), String> {
        let document = self.document;
        let resources = dictionary(document, &stream.dict, b"Resources").unwrap_or(outer);
        let bytes = stream.get_plain_content().map_err(|error| error.to_string())?;
        self.push("q", Vec::new());
        let matrix =
            stream.dict.get(b"Matrix").ok().and_then(|matrix| resolve(document, matrix).as_array().ok());
        if let Some(matrix) = matrix.filter(|matrix| matrix.len() == 6) {
            self.push("cm", matrix.iter().map(|number| resolve(document, number).clone()).collect());
        }
        self.append(&bytes, resources, depth + 1)?;
        self.push("Q", Vec::new());
        Ok(())
    }
}

/// A page's entry, or that of the nearest node above it that has one.
fn inherited<'a>(document: &'a Document, page: ObjectId, key: &[u8]) -> Option<&'a Object> {
    let mut node = document.get_dictionary(page).ok()?;
    // The depth of the page tree is bounded, so that a cycle ends.
    for _ in 0..64 {
        if let Ok(object) = node.get(key) {
            return Some(resolve(document, object));
        }
        node = dictionary(document, node, b"Parent")?;
    }
    None
}

fn media_box(document: &Document, object: &Object) -> Object {
    let numbers: Option<Vec<Object>> = object.as_array().ok().map(|array| {
        array
            .iter()
            .filter_map(|number| resolve(document, number).as_float().ok())
            .map(Object::Real)
            .collect()
    });
    numbers.filter(|numbers| numbers.len() == 4).map_or_else(letter, Object::Array)
}

/// US Letter in points, the size that viewers assume.
fn letter() -> Object {
    Object::Array([0.0, 0.0, 612.0, 792.0].map(Object::Real).to_vec())
}
