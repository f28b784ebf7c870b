//! The ZIP archive around a document: bounded reading of its parts.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::xml::{self, Element};
use crate::error::Failure;
use crate::limits::Limits;

/// An open document.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes that may still be unpacked.
    budget: u64,
    limits: &'a Limits,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, Failure> {
        let archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| Failure::damaged(format!("its ZIP archive cannot be opened ({error})")))?;
        if archive.len() > limits.max_archive_entries {
            return Err(Failure::TooManyEntries {
                entries: archive.len(),
                limit: limits.max_archive_entries,
            });
        }
        let limit = limits.max_expanded_bytes;
        if archive.decompressed_size().is_some_and(|size| size > u128::from(limit)) {
            return Err(Failure::Expands { limit });
        }
        Ok(Self { archive, budget: limit, limits })
    }

    /// A part's bytes; `None` where the package has no such part. What an archive declares about
    /// sizes can be a lie, so that unpacking itself counts.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let file = match self.archive.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(broken_part(name, &error)),
        };
        let mut bytes = Vec::new();
        let read = file.take(self.budget + 1).read_to_end(&mut bytes);
        if bytes.len() as u64 > self.budget {
            return Err(Failure::Expands { limit: self.limits.max_expanded_bytes });
        }
        read.map_err(|error| broken_part(name, &error))?;
        self.budget -= bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// A part as XML; `None` where the package has no such part.
    pub(super) fn xml(&mut self, name: &str) -> Result<Option<Element>, Failure> {
        let Some(bytes) = self.read(name)? else {
            return Ok(None);
        };
        xml::parse(&bytes, self.limits.max_depth).map(Some).map_err(|failure| match failure {
            Failure::Damaged { detail } => Failure::damaged(format!("its part `{name}` is broken: {detail}")),
            other => other,
        })
    }

    /// A part that the document can be read without: absent where it is missing or broken.
    pub(super) fn optional_xml(&mut self, name: &str) -> Option<Element> {
        self.xml(name).ok().flatten()
    }

    /// The name of the part that holds the body.
    pub(super) fn main_part(&mut self) -> String {
        self.optional_xml("_rels/.rels")
            .and_then(|relations| target(&relations, "/officeDocument"))
            .map_or_else(
                || "word/document.xml".to_owned(),
                |target| target.trim_start_matches('/').to_owned(),
            )
    }

    /// The names of the parts that start with `prefix`, in order.
    pub(super) fn parts_named(&self, prefix: &str) -> Vec<String> {
        let names = self.archive.file_names().filter_map(Result::ok);
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).map(Into::into).collect();
        names.sort();
        names
    }

    /// The names of the parts that `part` refers to, for each end of a relation type asked for.
    pub(super) fn related<const N: usize>(&mut self, part: &str, types: [&str; N]) -> [Option<String>; N] {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let relations = self.optional_xml(&format!("{folder}/_rels/{file}.rels"));
        types.map(|kind| {
            let target = target(relations.as_ref()?, kind)?;
            Some(match target.strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("{folder}/{target}"),
            })
        })
    }
}

/// The target of the relation whose type ends in `kind`.
fn target(relations: &Element, kind: &str) -> Option<String> {
    relations
        .children_named("Relationship")
        .find(|relation| relation.attribute("Type").is_some_and(|found| found.ends_with(kind)))
        .and_then(|relation| relation.attribute("Target"))
        .map(str::to_owned)
}

fn broken_part(name: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::damaged(format!("its part `{name}` cannot be unpacked ({error})"))
}
