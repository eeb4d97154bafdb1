//! Events of one document to a tree, within a budget.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::scan_error;
use crate::error::{ALIAS, KEY, MERGE, TAG, YAML, excerpt};
use crate::node::given;
use crate::{Entry, Kind, Limits, Node, Scalar, Span, SyntaxError, Value, scalar};

/// A built subtree and what it would cost to copy it.
struct Built {
    node: Node,
    cost: Cost,
    /// An unquoted `<<`: a merge key where a key is expected.
    merge: bool,
}

#[derive(Clone, Copy)]
struct Cost {
    nodes: usize,
    bytes: usize,
    /// Levels of lists and maps in it.
    height: usize,
}

/// An anchor whose node is still being built has no subtree yet: an alias to it would be a cycle.
type Anchor = Option<(Node, Cost)>;

pub(super) struct Builder<'p, 'i> {
    parser: &'p mut Parser<'i, StrInput<'i>>,
    limits: &'p Limits,
    anchors: HashMap<usize, Anchor>,
    nodes: usize,
    copied_bytes: usize,
}

impl<'p, 'i> Builder<'p, 'i> {
    pub(super) fn new(parser: &'p mut Parser<'i, StrInput<'i>>, limits: &'p Limits) -> Self {
        Self {
            parser,
            limits,
            anchors: HashMap::new(),
            nodes: 0,
            copied_bytes: 0,
        }
    }

    pub(super) fn root(mut self, event: Event<'i>, span: &saphyr_parser::Span) -> Result<Node, SyntaxError> {
        self.node(event, span, 0).map(|built| built.node)
    }

    /// `depth` lists and maps stand around this node.
    fn node(
        &mut self,
        event: Event<'i>,
        span: &saphyr_parser::Span,
        depth: usize,
    ) -> Result<Built, SyntaxError> {
        let at = span_of(span);
        let (anchor, built) = match event {
            Event::Alias(anchor) => return self.alias(anchor, at, depth),
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(1, at)?;
                let merge = style == ScalarStyle::Plain && text == "<<" && tag.is_none();
                let scalar = read_scalar(text.into_owned(), style, tag.as_deref(), at)?;
                let cost = Cost {
                    nodes: 1,
                    bytes: scalar.text.len(),
                    height: 0,
                };
                (
                    anchor,
                    Built {
                        node: Node {
                            span: at,
                            value: Value::Scalar(scalar),
                        },
                        cost,
                        merge,
                    },
                )
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(anchor, tag.as_deref(), "seq", at, depth)?;
                (anchor, self.seq(at, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.open(anchor, tag.as_deref(), "map", at, depth)?;
                (anchor, self.map(at, depth)?)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(SyntaxError::new(at, YAML.syntax, "a value is missing here")),
        };
        if anchor != 0 {
            // The kept copy is paid for, else nested anchors could hold the tree many times over.
            self.copy(built.cost, at)?;
            self.anchors
                .insert(anchor, Some((built.node.clone(), built.cost)));
        }
        Ok(built)
    }

    fn open(
        &mut self,
        anchor: usize,
        tag: Option<&Tag>,
        expected: &str,
        at: Span,
        depth: usize,
    ) -> Result<(), SyntaxError> {
        if depth >= self.limits.max_depth {
            return Err(YAML.too_deep(at, self.limits));
        }
        if let Some(tag) = tag.filter(|tag| !is_non_specific(tag))
            && !(tag.is_yaml_core_schema() && tag.suffix == expected)
        {
            return Err(SyntaxError::new(
                at,
                TAG,
                format!("the tag `{}` does not fit here", excerpt(&tag.to_string())),
            ));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.spend(1, at)
    }

    fn seq(&mut self, at: Span, depth: usize) -> Result<Built, SyntaxError> {
        let mut items = Vec::new();
        let mut cost = Cost {
            nodes: 1,
            bytes: 0,
            height: 1,
        };
        loop {
            let (event, span) = self.next(at)?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Built {
                    node: Node {
                        span: at,
                        value: Value::Seq(items),
                    },
                    cost,
                    merge: false,
                });
            }
            let item = self.node(event, &span, depth.saturating_add(1))?;
            cost.add(item.cost);
            items.push(item.node);
        }
    }

    fn map(&mut self, at: Span, depth: usize) -> Result<Built, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Node> = Vec::new();
        let mut merge_span = None;
        let mut index: HashMap<String, Span> = HashMap::new();
        let mut cost = Cost {
            nodes: 1,
            bytes: 0,
            height: 1,
        };
        let below = depth.saturating_add(1);
        loop {
            let (event, span) = self.next(at)?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let Built {
                node: key_node,
                cost: key_cost,
                merge,
            } = self.node(event, &span, below)?;
            let key_span = span_of(&span);
            let key = string_key(key_node, key_span)?;
            let same = merge_span.filter(|_| key == "<<");
            let first = same.or_else(|| given(&entries, &mut index, &key, key_span));
            if first.is_some() {
                return Err(YAML.twice(key_span, &key, first));
            }
            let (event, span) = self.next(at)?;
            let value = self.node(event, &span, below)?;
            cost.bytes = cost.bytes.saturating_add(key_cost.bytes);
            cost.add(value.cost);
            if merge {
                merge_span = Some(key_span);
                merged.push(value.node);
            } else {
                entries.push(Entry {
                    key,
                    key_span,
                    value: value.node,
                });
            }
        }
        for node in merged {
            merge_into(&mut entries, node)?;
        }
        Ok(Built {
            node: Node {
                span: at,
                value: Value::Map(entries),
            },
            cost,
            merge: false,
        })
    }

    fn alias(&mut self, anchor: usize, at: Span, depth: usize) -> Result<Built, SyntaxError> {
        let cost = match self.anchors.get(&anchor) {
            Some(Some((_, cost))) => *cost,
            Some(None) => {
                return Err(SyntaxError::new(
                    at,
                    ALIAS,
                    "the alias stands inside the anchor that it names",
                ));
            }
            None => {
                return Err(SyntaxError::new(
                    at,
                    ALIAS,
                    "the alias names no anchor that stands before it",
                ));
            }
        };
        if depth.saturating_add(cost.height) > self.limits.max_depth {
            return Err(YAML.too_deep(at, self.limits));
        }
        self.copy(cost, at)?;
        match self.anchors.get(&anchor) {
            Some(Some((node, cost))) => Ok(Built {
                node: node.clone(),
                cost: *cost,
                merge: false,
            }),
            Some(None) | None => Err(SyntaxError::new(at, ALIAS, "the alias names no anchor")),
        }
    }

    fn next(&mut self, at: Span) -> Result<(Event<'i>, saphyr_parser::Span), SyntaxError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(scan_error(&error)),
            None => Err(SyntaxError::new(
                at,
                YAML.syntax,
                "the text ends inside this value",
            )),
        }
    }

    fn spend(&mut self, nodes: usize, at: Span) -> Result<(), SyntaxError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.limits.max_nodes {
            return Err(YAML.too_many(at, self.limits));
        }
        Ok(())
    }

    fn copy(&mut self, cost: Cost, at: Span) -> Result<(), SyntaxError> {
        self.spend(cost.nodes, at)?;
        self.copied_bytes = self.copied_bytes.saturating_add(cost.bytes);
        if self.copied_bytes > self.limits.max_bytes {
            let message = format!("the aliases copy more than {} bytes", self.limits.max_bytes);
            return Err(SyntaxError::new(at, YAML.too_large, message));
        }
        Ok(())
    }
}

impl Cost {
    fn add(&mut self, child: Self) {
        self.nodes = self.nodes.saturating_add(child.nodes);
        self.bytes = self.bytes.saturating_add(child.bytes);
        self.height = self.height.max(child.height.saturating_add(1));
    }
}

fn read_scalar(text: String, style: ScalarStyle, tag: Option<&Tag>, at: Span) -> Result<Scalar, SyntaxError> {
    if text.contains('\0') {
        return Err(YAML.nul(at));
    }
    let quoted = style != ScalarStyle::Plain;
    let Some(tag) = tag else {
        let kind = if quoted { Kind::Str } else { scalar::resolve(&text) };
        return Ok(Scalar { text, kind });
    };
    let found = scalar::resolve(&text);
    let kind = match tag.suffix.as_str() {
        _ if is_non_specific(tag) => Some(Kind::Str),
        _ if !tag.is_yaml_core_schema() => None,
        "str" => Some(Kind::Str),
        "float" => matches!(found, Kind::Int | Kind::Float).then_some(Kind::Float),
        "int" => (found == Kind::Int).then_some(found),
        "bool" => matches!(found, Kind::Bool(_)).then_some(found),
        "null" => (found == Kind::Null).then_some(found),
        "timestamp" => (found == Kind::Timestamp).then_some(found),
        _ => None,
    };
    match kind {
        Some(kind) => Ok(Scalar { text, kind }),
        None => Err(SyntaxError::new(
            at,
            TAG,
            format!("the tag `{}` does not fit here", excerpt(&tag.to_string())),
        )),
    }
}

/// The tag `!` alone, which only says "not what the plain text looks like".
fn is_non_specific(tag: &Tag) -> bool {
    (tag.handle == "!" && tag.suffix.is_empty()) || (tag.handle.is_empty() && tag.suffix == "!")
}

fn string_key(node: Node, at: Span) -> Result<String, SyntaxError> {
    match node.value {
        Value::Scalar(Scalar {
            text,
            kind: Kind::Str,
        }) => Ok(text),
        Value::Scalar(Scalar { text, .. }) => Err(SyntaxError::new(
            at,
            KEY,
            format!("the key `{}` is not a string; put it in quotes", excerpt(&text)),
        )),
        Value::Seq(_) | Value::Map(_) => Err(SyntaxError::new(at, KEY, "a list or a map cannot be a key")),
    }
}

/// What is written in the map itself wins, then the maps of the list from first to last.
fn merge_into(entries: &mut Vec<Entry>, node: Node) -> Result<(), SyntaxError> {
    let at = node.span;
    let maps = match node.value {
        Value::Map(map) => vec![map],
        Value::Seq(items) => items
            .into_iter()
            .map(|item| match item.value {
                Value::Map(map) => Ok(map),
                Value::Scalar(_) | Value::Seq(_) => Err(bad_merge(item.span)),
            })
            .collect::<Result<_, _>>()?,
        Value::Scalar(_) => return Err(bad_merge(at)),
    };
    let mut present: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    for entry in maps.into_iter().flatten() {
        if present.insert(entry.key.clone()) {
            entries.push(entry);
        }
    }
    Ok(())
}

fn bad_merge(at: Span) -> SyntaxError {
    SyntaxError::new(at, MERGE, "a merge key `<<` takes a map or a list of maps")
}

pub(super) fn span_of(span: &saphyr_parser::Span) -> Span {
    span_at(span.start)
}

pub(super) fn span_at(marker: Marker) -> Span {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span {
        line: number(marker.line()).max(1),
        column: number(marker.col()).saturating_add(1),
    }
}
