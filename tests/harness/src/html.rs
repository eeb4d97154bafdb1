//! Just enough HTML to fill in a form without a browser.

/// A form of a page.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Where it is sent, as written (empty: the page's own URL).
    pub action: String,
    /// Whether it is sent by POST.
    pub post: bool,
    /// Its inputs: name, type and preset value.
    pub inputs: Vec<Input>,
}

/// An input of a form.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Its name; inputs without one are left out.
    pub name: String,
    /// Its type, lower case (`text` when not given).
    pub kind: String,
    /// The preset value.
    pub value: String,
}

impl Form {
    /// The first input of one of these types.
    #[must_use]
    pub fn input(&self, kinds: &[&str]) -> Option<&Input> {
        self.inputs
            .iter()
            .find(|input| kinds.contains(&input.kind.as_str()))
    }
}

/// The forms of a page, in order.
#[must_use]
pub fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let (name, rest) = tag
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((tag, ""));
        match name.to_ascii_lowercase().as_str() {
            "form" => {
                open = true;
                forms.push(Form {
                    action: attribute(rest, "action").unwrap_or_default(),
                    post: attribute(rest, "method").is_some_and(|m| m.eq_ignore_ascii_case("post")),
                    inputs: Vec::new(),
                });
            }
            "/form" => open = false,
            "input" if open => {
                if let (Some(form), Some(name)) = (forms.last_mut(), attribute(rest, "name")) {
                    let kind = attribute(rest, "type")
                        .unwrap_or_else(|| "text".to_owned())
                        .to_ascii_lowercase();
                    form.inputs.push(Input {
                        name,
                        kind,
                        value: attribute(rest, "value").unwrap_or_default(),
                    });
                }
            }
            _ => {}
        }
    }
    forms
}

fn attribute(tag: &str, wanted: &str) -> Option<String> {
    let mut rest = tag.trim_start();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c == '=' || c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let after = after.trim_start();
        let Some(after) = after.strip_prefix('=') else {
            if name.eq_ignore_ascii_case(wanted) {
                return Some(String::new());
            }
            rest = if after.len() < rest.len() { after } else { "" };
            continue;
        };
        let after = after.trim_start();
        let (value, left) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
            _ => after.split_at(
                after
                    .find(|c: char| c.is_ascii_whitespace())
                    .unwrap_or(after.len()),
            ),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(unescape(value));
        }
        rest = left.trim_start();
    }
    None
}

/// Undoes the escapes that templates make.
#[must_use]
pub fn unescape(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (escape, plain)| {
        text.replace(escape, plain)
    })
}

#[cfg(test)]
mod tests {
    use super::forms;

    #[test]
    fn reads_forms_as_templates_write_them() {
        let page = r#"<form id="x" method="post" action="/a?b=1&amp;c=2"><input type=hidden name='t' value="&quot;v&quot;">
            <input required type="password" name="password" autofocus></form><input name="outside"><form><input name=q></form>"#;
        let found = forms(page);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].action, "/a?b=1&c=2");
        assert!(found[0].post && !found[1].post);
        assert_eq!(found[0].inputs[0].value, "\"v\"");
        assert_eq!(
            found[0].input(&["password"]).map(|i| i.name.as_str()),
            Some("password")
        );
        assert_eq!(found[1].inputs[0].kind, "text");
        assert_eq!(found[0].inputs.len(), 2);
    }
}
