//! The tree of a page, as the HTML standard's parser builds it, in one flat list of nodes.

use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{ParseOpts, QualName, parse_document};

use super::sink::Sink;
use crate::error::Failure;

/// Deepest nesting of elements. Each new element looks through those that are open, so that deeper pages
/// would take time without measure.
const MAX_DEPTH: usize = 1000;
/// The parser is asked how deep it is after each piece of this many bytes.
const PIECE: usize = 4096;

/// Place of a node in its tree.
pub(super) type NodeId = usize;

/// A parsed page. Node 0 is the document.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

/// A node and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<NodeId>,
    /// How many nodes stood above it when it was put in its place.
    pub(super) depth: usize,
    pub(super) children: Vec<NodeId>,
    /// Name of an element; empty for other nodes.
    pub(super) name: QualName,
    pub(super) attributes: Vec<(String, String)>,
    /// What a text node says; `None` for other nodes.
    pub(super) text: Option<String>,
}

/// A step of the way through a tree.
pub(super) enum Step {
    Open(NodeId),
    Close(NodeId),
}

impl Tree {
    /// Parses a page; every text is one, unless it nests too deep.
    pub(super) fn parse(html: &str) -> Result<Self, Failure> {
        let mut parser = parse_document(Sink::default(), ParseOpts::default());
        let mut rest = html;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE));
            parser.process(StrTendril::from_slice(piece));
            if parser.tokenizer.sink.sink.depth() > MAX_DEPTH {
                return Err(Failure::TooDeep { limit: MAX_DEPTH });
            }
            rest = behind;
        }
        Ok(parser.finish())
    }

    /// All nodes of the subtree at `root` in document order, each opened and closed.
    pub(super) fn steps(&self, root: NodeId) -> impl Iterator<Item = Step> {
        let mut pending = vec![Step::Open(root)];
        std::iter::from_fn(move || {
            let step = pending.pop()?;
            if let Step::Open(id) = step {
                pending.push(Step::Close(id));
                pending.extend(self.nodes[id].children.iter().rev().map(|&child| Step::Open(child)));
            }
            Some(step)
        })
    }

    /// The element at `id`; `None` where there is another kind of node.
    pub(super) fn element(&self, id: NodeId) -> Option<Element<'_>> {
        (!self.nodes[id].name.local.is_empty()).then_some(Element { tree: self, id })
    }
}

/// An element in its tree.
#[derive(Clone, Copy)]
pub(super) struct Element<'t> {
    tree: &'t Tree,
    id: NodeId,
}

impl<'t> Element<'t> {
    /// Its tag, in lower case.
    pub(super) fn name(self) -> &'t str {
        &self.tree.nodes[self.id].name.local
    }

    pub(super) fn attribute(self, name: &str) -> Option<&'t str> {
        let attributes = &self.tree.nodes[self.id].attributes;
        attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The texts in it, however deep.
    pub(super) fn texts(self) -> impl Iterator<Item = &'t str> {
        self.within().filter_map(|id| self.tree.nodes[id].text.as_deref())
    }

    /// The elements in it, however deep, and itself.
    pub(super) fn elements(self) -> impl Iterator<Item = Element<'t>> {
        self.within().filter_map(|id| self.tree.element(id))
    }

    fn within(self) -> impl Iterator<Item = NodeId> {
        self.tree.steps(self.id).filter_map(|step| match step {
            Step::Open(id) => Some(id),
            Step::Close(_) => None,
        })
    }
}
