//! The reader: one value at a time, with the position of each.

use std::collections::HashMap;

use crate::error::JSON;
use crate::node::given;
use crate::{Entry, Kind, Limits, Node, Scalar, Span, SyntaxError, Value};

pub(super) struct Reader<'t> {
    rest: &'t str,
    at: Span,
    nodes: usize,
    limits: &'t Limits,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, limits: &'t Limits) -> Self {
        Self {
            rest: text,
            at: Span::START,
            nodes: 0,
            limits,
        }
    }

    pub(super) fn document(mut self) -> Result<Option<Node>, SyntaxError> {
        self.space();
        if self.rest.is_empty() {
            return Ok(None);
        }
        let root = self.value(0)?;
        self.space();
        match self.peek() {
            None => Ok(Some(root)),
            Some(_) => Err(self.expected("the end of the text")),
        }
    }

    /// `depth` arrays and objects stand around this value.
    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        let span = self.at;
        self.spend()?;
        let value = match self.peek() {
            Some('{') => Value::Map(self.object(depth)?),
            Some('[') => Value::Seq(self.array(depth)?),
            Some('"') => Value::Scalar(Scalar::string(self.string()?)),
            Some('-' | '0'..='9') => Value::Scalar(self.number()?),
            Some('a'..='z') => Value::Scalar(self.word()?),
            _ => return Err(self.expected("a value")),
        };
        Ok(Node { span, value })
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node>, SyntaxError> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.take(']') {
            return Ok(items);
        }
        loop {
            self.space();
            items.push(self.value(depth.saturating_add(1))?);
            self.space();
            if self.take(']') {
                return Ok(items);
            }
            if !self.take(',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        self.open(depth)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut index = HashMap::new();
        if self.take('}') {
            return Ok(entries);
        }
        loop {
            self.space();
            if self.peek() != Some('"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key_span = self.at;
            self.spend()?;
            let key = self.string()?;
            let first = given(&entries, &mut index, &key, key_span);
            if first.is_some() {
                return Err(JSON.twice(key_span, &key, first));
            }
            self.space();
            if !self.take(':') {
                return Err(self.expected("`:`"));
            }
            self.space();
            let value = self.value(depth.saturating_add(1))?;
            entries.push(Entry { key, key_span, value });
            self.space();
            if self.take('}') {
                return Ok(entries);
            }
            if !self.take(',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    /// Past the bracket that opens a list or a map, and the space behind it.
    fn open(&mut self, depth: usize) -> Result<(), SyntaxError> {
        if depth >= self.limits.max_depth {
            return Err(JSON.too_deep(self.at, self.limits));
        }
        self.next();
        self.space();
        Ok(())
    }

    /// The text between two quotes; the first is next.
    fn string(&mut self) -> Result<String, SyntaxError> {
        let begin = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let at = self.at;
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => match self.escape(at)? {
                    '\0' => return Err(JSON.nul(begin)),
                    c => text.push(c),
                },
                Some(c) if c < ' ' => {
                    let message = format!("the character U+{:04X} in a string must be escaped", u32::from(c));
                    return Err(SyntaxError::new(at, JSON.syntax, message));
                }
                Some(c) => text.push(c),
                None => return Err(SyntaxError::new(begin, JSON.syntax, "the string does not end")),
            }
        }
    }

    /// What stands behind a backslash, which is at `at`.
    fn escape(&mut self, at: Span) -> Result<char, SyntaxError> {
        let wrong = |message: &str| SyntaxError::new(at, JSON.syntax, message);
        Ok(match self.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.hexadecimal(at)?;
                let code = if (0xd800..0xdc00).contains(&first) {
                    let second = if self.take('\\') && self.take('u') {
                        self.hexadecimal(at)?
                    } else {
                        0
                    };
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(wrong("half of a surrogate pair stands alone"));
                    }
                    0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| wrong("half of a surrogate pair stands alone"))?
            }
            _ => return Err(wrong("there is no such escape in JSON")),
        })
    }

    fn hexadecimal(&mut self, at: Span) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(SyntaxError::new(
                    at,
                    JSON.syntax,
                    "`\\u` takes four hexadecimal digits",
                ));
            };
            self.next();
            code = (code << 4) | digit;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Scalar, SyntaxError> {
        let (begin, text) = (self.at, self.rest);
        self.take('-');
        let whole = self.digits()?;
        if whole > 1 && text.trim_start_matches('-').starts_with('0') {
            return Err(SyntaxError::new(
                begin,
                JSON.syntax,
                "a number begins with no zero",
            ));
        }
        let mut fraction = false;
        if self.take('.') {
            self.digits()?;
            fraction = true;
        }
        if self.take('e') || self.take('E') {
            let _ = self.take('+') || self.take('-');
            self.digits()?;
            fraction = true;
        }
        let length = text.len().saturating_sub(self.rest.len());
        let text = text.get(..length).unwrap_or_default();
        // Minus zero is a float, there is no such integer.
        if !fraction && text != "-0" && (text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()) {
            return Ok(Scalar {
                text: text.to_owned(),
                kind: Kind::Int,
            });
        }
        if text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Ok(Scalar {
                text: text.to_owned(),
                kind: Kind::Float,
            });
        }
        Err(SyntaxError::new(begin, JSON.syntax, "the number is too large"))
    }

    /// How many digits there are; at least one.
    fn digits(&mut self) -> Result<usize, SyntaxError> {
        let mut count = 0_usize;
        while matches!(self.peek(), Some('0'..='9')) {
            self.next();
            count = count.saturating_add(1);
        }
        if count == 0 {
            return Err(self.expected("a digit"));
        }
        Ok(count)
    }

    fn word(&mut self) -> Result<Scalar, SyntaxError> {
        for (word, kind) in [
            ("null", Kind::Null),
            ("true", Kind::Bool(true)),
            ("false", Kind::Bool(false)),
        ] {
            if self.rest.starts_with(word) {
                word.chars().for_each(|_| {
                    self.next();
                });
                return Ok(Scalar {
                    text: word.to_owned(),
                    kind,
                });
            }
        }
        Err(self.expected("a value"))
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        self.at = if c == '\n' {
            Span {
                line: self.at.line.saturating_add(1),
                column: 1,
            }
        } else {
            Span {
                line: self.at.line,
                column: self.at.column.saturating_add(1),
            }
        };
        Some(c)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    fn spend(&mut self) -> Result<(), SyntaxError> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > self.limits.max_nodes {
            return Err(JSON.too_many(self.at, self.limits));
        }
        Ok(())
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let found = match self.peek() {
            None => "the text ends".to_owned(),
            Some(c) if c.is_control() => format!("there is the character U+{:04X}", u32::from(c)),
            Some(c) => format!("there is `{c}`"),
        };
        SyntaxError::new(
            self.at,
            JSON.syntax,
            format!("{what} is expected here, and {found}"),
        )
    }
}
