//! The reader's tree to ours.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::TOML;
use crate::lines::Lines;
use crate::scalar::resolve;
use crate::{Entry, Kind, Limits, Node, Scalar, Span, SyntaxError, Value};

pub(super) fn root(
    table: DeTable<'_>,
    text: &str,
    lines: &Lines<'_>,
    limits: &Limits,
) -> Result<Node, SyntaxError> {
    let builder = Builder { text, lines, limits };
    Ok(Node {
        span: Span::START,
        value: Value::Map(builder.table(table, Span::START, 0)?),
    })
}

struct Builder<'t> {
    text: &'t str,
    lines: &'t Lines<'t>,
    limits: &'t Limits,
}

impl Builder<'_> {
    /// `depth` tables and arrays stand around this value.
    fn node(&self, value: Spanned<DeValue<'_>>, depth: usize) -> Result<Node, SyntaxError> {
        let range = value.span();
        let span = self.lines.span(range.start);
        let written = self.text.get(range).unwrap_or_default();
        let value = match value.into_inner() {
            DeValue::Table(table) => Value::Map(self.table(table, span, depth)?),
            DeValue::Array(items) => {
                self.open(span, depth)?;
                let below = depth.saturating_add(1);
                let items: Result<_, _> = items.into_iter().map(|item| self.node(item, below)).collect();
                Value::Seq(items?)
            }
            DeValue::String(text) if text.contains('\0') => return Err(TOML.nul(span)),
            DeValue::String(text) => Value::Scalar(Scalar::string(text)),
            DeValue::Boolean(value) => Value::Scalar(Scalar {
                text: value.to_string(),
                kind: Kind::Bool(value),
            }),
            DeValue::Datetime(time) => Value::Scalar(Scalar {
                text: time.to_string(),
                kind: Kind::Timestamp,
            }),
            DeValue::Integer(_) => Value::Scalar(self.number(written, Kind::Int, span)?),
            DeValue::Float(_) => Value::Scalar(self.number(written, Kind::Float, span)?),
        };
        Ok(Node { span, value })
    }

    fn table(&self, table: DeTable<'_>, span: Span, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        self.open(span, depth)?;
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let key_span = self.lines.span(key.span().start);
            let key = key.into_inner().into_owned();
            if key.contains('\0') {
                return Err(TOML.nul(key_span));
            }
            let value = self.node(value, depth.saturating_add(1))?;
            entries.push(Entry { key, key_span, value });
        }
        // The reader sorts by name.
        entries.sort_by_key(|entry| entry.key_span);
        Ok(entries)
    }

    fn open(&self, span: Span, depth: usize) -> Result<(), SyntaxError> {
        if depth >= self.limits.max_depth {
            return Err(TOML.too_deep(span, self.limits));
        }
        Ok(())
    }

    /// A number as YAML writes it, which is as TOML does but for what is none: `inf`, `nan`.
    fn number(&self, written: &str, kind: Kind, span: Span) -> Result<Scalar, SyntaxError> {
        let text = match written {
            "inf" | "+inf" => ".inf",
            "-inf" => "-.inf",
            "nan" | "+nan" | "-nan" => ".nan",
            number => number,
        };
        let fits = match resolve(text) {
            Kind::Int => true,
            found => found == kind,
        };
        if !fits {
            return Err(SyntaxError::new(span, TOML.syntax, "the number is too large"));
        }
        Ok(Scalar {
            text: text.to_owned(),
            kind,
        })
    }
}
