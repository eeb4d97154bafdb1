//! Envoy's log lines as events of ours.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Envoy's `--log-format`: level, logger, text; escaped, so that an event is a line.
pub(super) const FORMAT: &str = "[%l][%n] %v";

/// The longest line that is kept, in bytes. The rest of it is dropped.
const MAX_LINE: usize = 4096;

/// Folds every line of `from` into our log until it ends.
pub(super) async fn fold(mut from: impl AsyncBufRead + Unpin) {
    let mut line = Vec::new();
    while let Ok(true) = read_line(&mut from, &mut line).await {
        emit(&String::from_utf8_lossy(&line));
    }
}

/// Reads a line without its end; of one that is too long the beginning.
async fn read_line(from: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let buffer = from.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        let (part, used) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (buffer.get(..end).unwrap_or_default(), end + 1),
            None => (buffer, buffer.len()),
        };
        let ended = used > part.len();
        let room = MAX_LINE.saturating_sub(line.len());
        line.extend_from_slice(part.get(..room).unwrap_or(part));
        from.consume(used);
        if ended {
            return Ok(true);
        }
    }
}

/// A line taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    level: tracing::Level,
    logger: &'a str,
    text: &'a str,
}

fn parse(line: &str) -> Line<'_> {
    // What follows `goo.gle/debugonly` is a resource as text: maybe a key.
    let line = line
        .split("goo.gle/debugonly")
        .next()
        .unwrap_or_default()
        .trim_end();
    let apart = || {
        let (level, rest) = line.strip_prefix('[')?.split_once("][")?;
        let (logger, text) = rest.split_once("] ")?;
        let level = match level {
            "trace" => tracing::Level::TRACE,
            // A start alone is a hundred lines of `info`, none about our work.
            "debug" | "info" => tracing::Level::DEBUG,
            "warning" => tracing::Level::WARN,
            "error" | "critical" => tracing::Level::ERROR,
            _ => return None,
        };
        Some(Line { level, logger, text })
    };
    apart().unwrap_or(Line {
        level: tracing::Level::INFO,
        logger: "",
        text: line,
    })
}

/// Takes back those of Envoy's escapes that only hinder reading: quotes, and a
/// line end at the end. The others stay, so that an event stays a line.
fn unescaped(text: &str) -> String {
    let mut text = text;
    while let Some(shorter) = text.strip_suffix("\\n") {
        text = shorter;
    }
    text.replace("\\'", "'").replace("\\\"", "\"")
}

fn emit(line: &str) {
    let Line { level, logger, text } = parse(line);
    let text = unescaped(text);
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(target: "envoy", $level, logger, "{text}")
        };
    }
    match level {
        tracing::Level::TRACE => event!(tracing::Level::TRACE),
        tracing::Level::DEBUG => event!(tracing::Level::DEBUG),
        tracing::Level::INFO => event!(tracing::Level::INFO),
        tracing::Level::WARN => event!(tracing::Level::WARN),
        tracing::Level::ERROR => event!(tracing::Level::ERROR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_map_and_other_lines_are_kept() {
        let parsed = parse("[warning][config] gRPC config rejected: [x] y");
        let expected = Line {
            level: tracing::Level::WARN,
            logger: "config",
            text: "gRPC config rejected: [x] y",
        };
        assert_eq!(parsed, expected);
        assert_eq!(parse("[critical][assert] a").level, tracing::Level::ERROR);
        assert_eq!(parse("[info][main] a").level, tracing::Level::DEBUG);
        let plain = parse("PARSE ERROR: no such argument");
        assert_eq!(
            plain,
            Line {
                level: tracing::Level::INFO,
                logger: "",
                text: "PARSE ERROR: no such argument"
            }
        );
        assert_eq!(parse("[nonsense][a] b").text, "[nonsense][a] b");
    }

    #[test]
    fn quotes_are_readable_and_a_line_stays_a_line() {
        let text = r#"lds: \'https\' rejected:\n cannot \"bind\"\n"#;
        assert_eq!(unescaped(text), r#"lds: 'https' rejected:\n cannot "bind""#);
    }

    #[test]
    fn a_resource_in_an_error_is_cut() {
        let parsed = parse(r"[warning][config] bad value: goo.gle/debugonly \nprivate_key: SECRET");
        assert_eq!(parsed.text, "bad value:");
    }

    #[tokio::test]
    async fn long_lines_are_cut_and_the_next_one_is_whole() {
        let text = format!("{}\nshort\n\nlast", "x".repeat(3 * MAX_LINE));
        let mut from = tokio::io::BufReader::with_capacity(1000, text.as_bytes());
        let mut line = Vec::new();
        let mut lengths = Vec::new();
        while read_line(&mut from, &mut line).await.unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [MAX_LINE, 5, 0, 4]);
    }
}
