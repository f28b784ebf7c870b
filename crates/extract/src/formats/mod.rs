//! The formats that are read. A new one is a folder here and a line in [`formats`].

mod docx;
mod html;
mod json;
mod md;
mod pdf;
mod rtf;
mod txt;

use crate::format::Format;

/// Every format, the more specific before the more general.
pub fn formats() -> &'static [&'static dyn Format] {
    &[&docx::Docx, &pdf::Pdf, &rtf::Rtf, &html::Html, &json::Json, &md::Markdown, &txt::PlainText]
}
