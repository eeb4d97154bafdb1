//! JUnit XML, as build servers read it.

use crate::suite::{CaseResult, Verdict};

/// A document with one suite a file of cases. It holds no times: tests of policy
/// take none worth telling, and equal runs give equal documents.
#[must_use]
pub fn junit(results: &[CaseResult]) -> String {
    let failed = results.iter().filter(|result| !result.passed()).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<testsuites name=\"portcullis\" tests=\"{}\" failures=\"{failed}\" errors=\"0\">\n",
        results.len()
    ));
    for suite in results.chunk_by(|a, b| a.file == b.file) {
        let file = suite.first().map_or("", |first| &first.file);
        let failed = suite.iter().filter(|result| !result.passed()).count();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\">\n",
            escaped(file),
            suite.len()
        ));
        for result in suite {
            out.push_str(&format!(
                "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
                escaped(file),
                escaped(&result.name),
                escaped(file),
                result.span.line
            ));
            match &result.verdict {
                Verdict::Passed => out.push_str("/>\n"),
                Verdict::Failed { differences, trace } => {
                    let message = differences.join("; ");
                    let text = trace.as_deref().unwrap_or(&message);
                    failure(&mut out, &message, text);
                }
                Verdict::Broken(problems) => failure(&mut out, &problems.join("; "), &problems.join("\n")),
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn failure(out: &mut String, message: &str, text: &str) {
    out.push_str(&format!(
        ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
        escaped(message),
        escaped(text)
    ));
}

/// Text for XML 1.0. Line ends and tabs in attributes would become spaces, so they
/// are written as references; what XML cannot hold at all becomes a question mark.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            c if u32::from(c) < 0x20 => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_document::Span;

    #[test]
    fn nothing_breaks_out_of_the_document() {
        let case = |name: &str, verdict| CaseResult {
            file: "a<b>.yaml".into(),
            span: Span { line: 3, column: 1 },
            name: name.to_owned(),
            verdict,
        };
        let document = junit(&[
            case("fine", Verdict::Passed),
            case(
                "\"quoted\" & <cut>\u{1}",
                Verdict::Failed {
                    differences: vec!["outcome: expected allow, got deny:403".to_owned()],
                    trace: Some("line 1\n]]>".to_owned()),
                },
            ),
            case("broken", Verdict::Broken(vec!["a\tb".to_owned()])),
        ]);
        assert!(document.contains("tests=\"3\" failures=\"2\""), "{document}");
        assert!(
            document.contains("name=\"&quot;quoted&quot; &amp; &lt;cut&gt;?\""),
            "{document}"
        );
        assert!(document.contains("line 1&#10;]]&gt;</failure>"), "{document}");
        assert!(document.contains("message=\"a&#9;b\""), "{document}");
        assert_eq!(document.matches('<').count(), document.matches('>').count());
    }
}
