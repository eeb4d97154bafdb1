//! What a TOML text would cost, before a tree is built of it.

use toml_parser::decoder::Encoding;
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, ParseError, Source, Span};

use crate::error::TOML;
use crate::lines::Lines;
use crate::{Limits, SyntaxError};

/// Refuses a text with too many keys and values, or nested so deeply that even to drop its tree would be
/// a danger. Mistakes are for the reader to find.
pub(super) fn check(text: &str, lines: &Lines<'_>, limits: &Limits) -> Result<(), SyntaxError> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut meter = Meter {
        limits,
        nodes: 0,
        path: 0,
        open: Vec::new(),
        over: None,
    };
    parse_document(&tokens, &mut meter, &mut Deaf);
    match meter.over {
        None => Ok(()),
        Some((at, Over::Nodes)) => Err(TOML.too_many(lines.span(at), limits)),
        Some((at, Over::Depth)) => Err(TOML.too_deep(lines.span(at), limits)),
    }
}

struct Meter<'l> {
    limits: &'l Limits,
    nodes: usize,
    /// Keys of the dotted key that is being read, or was read last.
    path: usize,
    /// Levels at which each open bracket stands.
    open: Vec<usize>,
    over: Option<(usize, Over)>,
}

enum Over {
    Nodes,
    Depth,
}

impl Meter<'_> {
    fn spend(&mut self, at: usize) {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > self.limits.max_nodes {
            self.over.get_or_insert((at, Over::Nodes));
        }
    }

    fn around(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    fn nest(&mut self, at: usize) {
        if self.around().saturating_add(self.path) > self.limits.max_depth {
            self.over.get_or_insert((at, Over::Depth));
        }
    }

    /// Whether the parser, which recurses, may go into a bracket.
    fn open(&mut self, at: usize) -> bool {
        self.spend(at);
        self.open.push(self.around().saturating_add(self.path.max(1)));
        self.path = 0;
        self.nest(at);
        self.over.is_none()
    }

    fn close(&mut self) {
        self.open.pop();
        self.path = 0;
    }
}

impl EventReceiver for Meter<'_> {
    fn std_table_open(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.path = 0;
    }

    fn array_table_open(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.path = 0;
    }

    fn newline(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.path = 0;
    }

    fn value_sep(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.path = 0;
    }

    fn simple_key(&mut self, span: Span, _kind: Option<Encoding>, _error: &mut dyn ErrorSink) {
        self.path = self.path.saturating_add(1);
        self.spend(span.start());
        self.nest(span.start());
    }

    fn scalar(&mut self, span: Span, _kind: Option<Encoding>, _error: &mut dyn ErrorSink) {
        self.spend(span.start());
    }

    fn inline_table_open(&mut self, span: Span, _error: &mut dyn ErrorSink) -> bool {
        self.open(span.start())
    }

    fn inline_table_close(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.close();
    }

    fn array_open(&mut self, span: Span, _error: &mut dyn ErrorSink) -> bool {
        self.open(span.start())
    }

    fn array_close(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.close();
    }
}

/// Hears no error.
struct Deaf;

impl ErrorSink for Deaf {
    fn report_error(&mut self, _error: ParseError) {}
}
