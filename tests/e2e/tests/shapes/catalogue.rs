//! What the tables must be, and the document that is made of them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use portcullis_harness::repository;

use super::{Case, GROUPS};

const DOCUMENT: &str = "docs/security/three-shapes.md";

/// Every id of the four groups.
const IDS: [(&str, u8); 4] = [("PA", 21), ("HO", 12), ("HD", 17), ("XA", 16)];

const BEGIN: &str = "# Security in three shapes

Portcullis decides; an Envoy carries the traffic. That Envoy may be ours, one that Istio
configures, or one that somebody else configures and that has nothing but Envoy's own
defaults. Each attack below is tried in all three, against a real Envoy, a real identity
provider and an application that records every byte:

| shape | Envoy | who chooses the route |
|---|---|---|
| ours | configured by our xDS: paths are normalised, slashes merged, escaped ones and names with `_` refused | Envoy; it names the route in the check |
| Istio | connection manager, filter order and the shadow RBAC pair of [`examples/istio/envoy.yaml`](../../examples/istio/envoy.yaml): dot segments are resolved, escaped slashes and `_` kept | our server, by host and path |
| bare | [`examples/plain-envoy/envoy.yaml`](../../examples/plain-envoy/envoy.yaml): nothing is normalised, no header of a client's removed | our server, by host and path |

The hosts and routes are the same in all of them (`ROUTES` in
`tests/e2e/tests/shapes/support.rs`): below `/pub` is public, `/admin` is for one address,
the rest of `app` for whoever is signed in. The other two Envoys have one route for everything,
so that nothing but our server keeps anybody out.

After every case these are held against all that it caused, whatever the table says:

| | invariant | how it is looked at |
|---|---|---|
| I1 | nothing reaches the application that was not allowed | each request there, even one whose body never ended, has an allow in the decision log with the same request id, the same route and, byte for byte, the same path; beside another's Envoy its access log says the same, and behind ours, which keeps none, the decision is of the route that Envoy named |
| I2 | what the application is told of the user is the session's, or nothing | the assertion is verified, the headers are compared with the session of the decision; no cookie, no token of ours, no alias with `_`, nothing twice |
| I3 | nothing breaks | no 5xx of our server (but where the case is about one), no panic, the same Envoy and the same server as before |
| I4 | a denial gives no session | no session cookie with any answer that is not the application's |
| I5 | no log tells a secret | the secrets of the file, the session cookies that were given out, id tokens and assertions are in no log and no metric |
| I6 | nothing piles up | memory and open descriptors of our server stay near where they were at the start |

`tests/e2e/tests/shapes/support/broken.rs` breaks them on purpose, and looks whether it is seen.

How to read the cells: ``400 `ambiguous_request` `` is a refusal of ours by its code,
`400 Envoy` one of Envoy's own, `302 login` the way to the provider, `200 upstream` the
application (``200 as `/x` ``: what it was asked for; `200 unchanged`: what was sent), `closed`
a connection and `reset` a stream that ended without an answer. Several in one cell are
those of several inputs, or of both protocols, HTTP/1.1 and HTTP/2. A test fails when
anything else is seen, or one of them no more.

```console
cargo test --profile ci -p portcullis-e2e --test shapes              # all of them
cargo test --profile ci -p portcullis-e2e --test shapes paths::      # one group
UPDATE_DOCS=1 cargo test --profile ci -p portcullis-e2e --test shapes catalogue   # this page
```
";

fn cases() -> impl Iterator<Item = &'static Case> {
    GROUPS.iter().flat_map(|(_, cases)| cases.iter())
}

#[test]
fn every_id_is_there_once_and_names_its_tests() {
    let expected: Vec<String> = IDS
        .iter()
        .flat_map(|(group, last)| (1..=*last).map(move |n| format!("{group}-{n:02}")))
        .collect();
    let ids: Vec<&str> = cases().map(|case| case.id).collect();
    assert_eq!(ids, expected);
    for case in cases() {
        let Case {
            id,
            tried,
            must,
            apart,
            ..
        } = case;
        assert!(!tried.is_empty() && !must.is_empty(), "{id} says too little");
        assert!(!case.tests.is_empty(), "{id} has no test");
        let empty = [case.ours, case.istio, case.bare]
            .iter()
            .any(|seen| seen.is_empty());
        assert!(
            !empty || !apart.is_empty(),
            "{id} does not say why a cell is empty"
        );
        for (file, function) in case.tests {
            let path = repository::root().join(file);
            let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{id}: `{file}`: {e}"));
            let (_, before) = text
                .split_once(&format!("fn {function}()"))
                .map(|(before, after)| (after, before))
                .unwrap_or_else(|| panic!("{id}: `{file}` has no function `{function}`"));
            let attributes = before.rsplit("\n\n").next().unwrap_or_default();
            assert!(
                attributes.contains("#[test]") || attributes.contains("#[tokio::test]"),
                "{id}: `{function}` in `{file}` is no test"
            );
        }
    }
}

/// A case of these files that no id names would be judged and not told.
#[test]
fn every_test_here_is_named() {
    let named: BTreeSet<(String, &str)> = cases()
        .flat_map(|case| case.tests)
        .map(|(file, function)| ((*file).to_owned(), *function))
        .collect();
    let root = repository::root();
    let mut directories = vec![root.join("tests/e2e/tests/shapes")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let file = path.strip_prefix(&root).unwrap().display().to_string();
            if file.ends_with("/catalogue.rs") || file.contains("/support") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for after in text.split("#[test]\n").skip(1) {
                let function = after.split_once("fn ").unwrap().1.split('(').next().unwrap();
                assert!(
                    named.contains(&(file.clone(), function)),
                    "`{function}` in `{file}` is in no case"
                );
            }
        }
    }
}

#[test]
fn the_document_is_what_the_catalogue_says() {
    let path = repository::root().join(DOCUMENT);
    let text = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{DOCUMENT} is not what the catalogue says: run with UPDATE_DOCS=1"
    );
}

fn document() -> String {
    let mut text = BEGIN.to_owned();
    for (title, cases) in GROUPS {
        write!(
            text,
            "\n## {title}\n\n| id | tried | must happen | ours | Istio | bare |\n|---|---|---|---|---|---|\n"
        )
        .unwrap();
        for case in cases {
            let Case { id, tried, must, .. } = case;
            let [ours, istio, bare] = [case.ours, case.istio, case.bare].map(cell);
            let (tried, must) = (escaped(tried), escaped(must));
            writeln!(text, "| {id} | {tried} | {must} | {ours} | {istio} | {bare} |").unwrap();
        }
        let apart: Vec<&Case> = cases.iter().filter(|case| !case.apart.is_empty()).collect();
        if !apart.is_empty() {
            text.push_str("\nWhat the table does not show:\n\n");
            for case in apart {
                writeln!(text, "- {}: {}", case.id, case.apart).unwrap();
            }
        }
        text.push_str("\n<details><summary>Where each is tried</summary>\n\n| id | test |\n|---|---|\n");
        for case in cases {
            let tests: Vec<String> = case.tests.iter().map(link).collect();
            writeln!(text, "| {} | {} |", case.id, tests.join("<br>")).unwrap();
        }
        text.push_str("\n</details>\n");
    }
    text
}

fn link((file, function): &(&str, &str)) -> String {
    let name = file.strip_prefix("tests/e2e/tests/").unwrap_or(file);
    format!("[`{name}`](../../{file}) `{function}`")
}

fn cell(seen: &[&str]) -> String {
    match seen {
        [] => "—".to_owned(),
        seen => escaped(&seen.join("<br>")),
    }
}

/// A bar would end a cell, even within code.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
