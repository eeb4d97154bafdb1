//! How cases are read, run and counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::HashMap;
use std::path::Path;

use portcullis_cases::{CaseResult, Files, Suite, Verdict, is_case_file, junit};

/// Files by name.
struct Memory(HashMap<&'static str, &'static str>);

impl Files for Memory {
    fn text(&self, path: &Path) -> Result<String, String> {
        let text = self.0.get(path.to_str().unwrap());
        text.map(|text| (*text).to_owned())
            .ok_or_else(|| format!("{} is not there", path.display()))
    }
}

const CONFIG: &str = "\
authenticate_service_url: https://login.example.com
idp_provider: oidc
idp_provider_url: https://id.example.com
idp_client_id: x
idp_client_secret: y
routes:
- name: wiki
  from: https://wiki.example.com
  to: http://wiki
  policy:
  - allow:
      or:
      - email:
          is: mona@corp.example
      - claim/role: admin
  - deny:
      and:
      - source_ip: 10.0.0.0/8
- name: other
  from: https://other.example.com
  to: http://other
  allow_any_authenticated_user: true
";

fn run(text: &str) -> (Vec<CaseResult>, String) {
    let files = Memory(HashMap::from([
        ("folder/config.yaml", CONFIG),
        (
            "folder/strict.yaml",
            "path_parameters: reject\nroutes:\n- from: https://a.example.com\n  to: http://a\n  \
             allow_public_unauthenticated_access: true\n",
        ),
        ("folder/bad.yaml", "address: nowhere:x\nroutes: []\n"),
        ("folder/text.pem", "no certificate"),
    ]));
    let mut suite = Suite::new(&files);
    let results = suite.run("folder/cases.yaml", text);
    (results, suite.coverage().to_string())
}

/// The problems of the one case, or of the file.
fn problems(text: &str) -> String {
    match run(text).0.as_slice() {
        [
            CaseResult {
                verdict: Verdict::Broken(problems),
                ..
            },
        ] => problems.join("\n"),
        other => panic!("{other:?} for {text}"),
    }
}

fn differences(then: &str) -> Vec<String> {
    let text =
        format!("cases: [{{given: {{policy: {{allow: {{and: [{{http_method: POST}}]}}}}}}, then: {then}}}]");
    match run(&text).0.remove(0).verdict {
        Verdict::Passed => Vec::new(),
        Verdict::Failed { differences, .. } => differences,
        Verdict::Broken(problems) => panic!("{problems:?}"),
    }
}

#[test]
fn a_case_of_a_path_that_the_configuration_refuses_is_no_case_of_a_policy() {
    for (path, then) in [("/a;x", "ambiguous_request"), ("/a", "allow")] {
        let (results, _) = run(&format!(
            "cases: [{{given: {{config: strict.yaml}}, when: {{url: 'https://a.example.com{path}'}}, then: {then}}}]"
        ));
        assert_eq!(results.len(), 1);
        assert!(matches!(results[0].verdict, Verdict::Passed), "{results:?}");
    }
}

#[test]
fn every_field_of_then_is_compared() {
    for (then, expected) in [
        ("deny", None),
        ("deny:403", None),
        (
            "{status: 403, allow: false, deny: false, reasons: [http-method-unauthorized]}",
            None,
        ),
        (
            "{allow_reasons: [http-method-unauthorized], deny_reasons: []}",
            None,
        ),
        ("{decided_by: 'allow[0].and[0]'}", None),
        ("allow", Some("outcome: expected allow, got deny:403")),
        ("deny:450", Some("outcome: expected deny:450, got deny:403")),
        ("{status: 404}", Some("status: expected 404, got 403")),
        ("{allow: true}", Some("allow: expected true, got false")),
        ("{deny: true}", Some("deny: expected true, got false")),
        (
            "{reasons: []}",
            Some("reasons: expected [], got [http-method-unauthorized]"),
        ),
        (
            "{allow_reasons: [accept]}",
            Some("allow_reasons: expected [accept], got [http-method-unauthorized]"),
        ),
        (
            "{deny_reasons: [accept]}",
            Some("deny_reasons: expected [accept], got []"),
        ),
        (
            "{decided_by: 'allow[0].and[1]'}",
            Some("decided_by: expected allow[0].and[1], got allow[0].and[0]"),
        ),
        ("{route: wiki}", Some("route: expected wiki, got nothing")),
        (
            "{device_type: any}",
            Some("device_type: expected any, got nothing"),
        ),
        ("{code: x}", Some("code: expected x, got nothing")),
    ] {
        let expected: Vec<&str> = expected.into_iter().collect();
        assert_eq!(differences(then), expected, "{then}");
    }
}

#[test]
fn what_is_not_known_is_told_with_its_place() {
    let case = |body: &str| format!("cases:\n- given: {{policy: []}}\n  {body}\n");
    for (text, expected) in [
        ("", "folder/cases.yaml:1:1: the file is empty".to_owned()),
        (
            "[]",
            "folder/cases.yaml:1:1: found a list in `a file of cases`".to_owned(),
        ),
        ("given: {}", "there are no `cases`".to_owned()),
        (
            "cases: {}",
            "folder/cases.yaml:1:8: found a map in `cases`".to_owned(),
        ),
        (
            "cases: []\ncase: []",
            "folder/cases.yaml:2:1: unknown key `case`".to_owned(),
        ),
        (
            "given: {polcy: 1}\ncases: []",
            "folder/cases.yaml:1:9: unknown key `polcy`".to_owned(),
        ),
        ("cases: [{then: allow}]", "nothing is `given`".to_owned()),
        ("cases: [\n", "folder/cases.yaml:".to_owned()),
    ] {
        assert!(problems(text).contains(&expected), "{text}: {}", problems(text));
    }
    for (body, expected) in [
        ("when: {}", "the case has no `then`"),
        ("then: {}", "folder/cases.yaml:3:9: `then` says nothing"),
        (
            "then: perhaps",
            "folder/cases.yaml:3:9: `perhaps` in `outcome` is no outcome",
        ),
        ("then: deny:418", "`deny:418` in `outcome` is no outcome"),
        (
            "then: {reasons: [acept]}",
            "folder/cases.yaml:3:20: no criterion gives the reason `acept`",
        ),
        ("then: {status: 7}", "`status` is no HTTP status"),
        ("{then: allow, than: deny}", "folder/cases.yaml:"),
        (
            "then: allow\n  when: {mothod: GET}",
            "folder/cases.yaml:4:10: unknown key `mothod` in `when`",
        ),
        (
            "then: allow\n  when: {url: x, path: /}",
            "`url` stands for `host` and `path`",
        ),
        (
            "then: allow\n  when: {url: nonsense}",
            "folder/cases.yaml:4:15: `nonsense` is not a URL",
        ),
        (
            "then: allow\n  when: {path: /a%2fb}",
            "is refused before any route",
        ),
        (
            "then: allow\n  when: {user: mona}",
            "`mona` is neither an e-mail address nor one of `given.users`",
        ),
        (
            "then: allow\n  when: {user: {mail: x}}",
            "unknown key `mail` in `user`",
        ),
        (
            "then: allow\n  when: {claims: {a: b}}",
            "`claims` without a `user`",
        ),
        ("then: allow\n  when: {groups: [a]}", "`groups` without a `user`"),
        (
            "then: allow\n  when: {session: none, user: a@b.c}",
            "exclude each other",
        ),
        (
            "then: allow\n  when: {source_ip: here}",
            "`here` in `source_ip` is no IP address",
        ),
        ("then: allow\n  when: {time: noon}", "`noon` in `time` is no time"),
        (
            "then: allow\n  when: {certificate: mine}",
            "a certificate is `none`, `missing`, PEM",
        ),
        (
            "then: allow\n  when: {certificate: {file: text.pem}}",
            "the certificate is no PEM",
        ),
        (
            "then: allow\n  when: {certificate: {file: none.pem}}",
            "folder/none.pem is not there",
        ),
        (
            "then: allow\n  when: {ssh: {key: x, file: y}}",
            "exclude each other",
        ),
        ("then: allow\n  when: {ssh: {key: nonsense}}", "the SSH key"),
        (
            "then: allow\n  when: {records: [{type: x}]}",
            "the record has no `id`",
        ),
        (
            "then: allow\n  when: {user: a@b.c, devices: [{standing: lost}]}",
            "`lost` in `standing` is no standing",
        ),
        (
            "then: allow\n  when: {method: [GET]}",
            "found a list in `method`, expected a text",
        ),
        (
            "then: allow\n  when: {headers: {a: 1}}",
            "found a number in `headers`, expected a text",
        ),
    ] {
        let text = case(body);
        let found = problems(&text);
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn a_problem_of_one_case_is_no_problem_of_the_others() {
    let (results, _) = run("given: {policy: {allow: {or: [{accept: 1}]}}}
cases:
- {name: good, then: allow}
- {name: bad, thin: allow}
- {name: wrong, then: deny}
");
    let verdicts: Vec<_> = results
        .iter()
        .map(|result| (result.name.as_str(), result.span.line, &result.verdict))
        .collect();
    assert!(
        matches!(verdicts[0], ("good", 3, Verdict::Passed)),
        "{verdicts:?}"
    );
    assert!(
        matches!(verdicts[1], ("bad", 4, Verdict::Broken(_))),
        "{verdicts:?}"
    );
    assert!(
        matches!(verdicts[2], ("wrong", 5, Verdict::Failed { trace: Some(_), .. })),
        "{verdicts:?}"
    );
}

#[test]
fn a_configuration_that_cannot_be_asked_is_a_problem_where_it_is_named() {
    let with = |config: &str| {
        problems(&format!(
            "given: {{config: {config}}}\ncases: [{{when: {{url: 'https://a.b/'}}, then: allow}}]"
        ))
    };
    assert!(with("none.yaml").starts_with("folder/cases.yaml:1:17: folder/none.yaml is not there"));
    let bad = with("bad.yaml");
    assert!(
        bad.contains("error: address_invalid: folder/bad.yaml:1:10"),
        "{bad}"
    );
    let without = problems("given: {config: config.yaml}\ncases: [{then: allow}]");
    assert!(without.contains("needs a `url`"), "{without}");
}

#[test]
fn a_failed_case_shows_where_the_configuration_decided() {
    let (results, _) = run("given: {config: config.yaml}
cases:
- {when: {url: 'https://wiki.example.com/', user: mona@corp.example, source_ip: 10.1.1.1}, then: allow}
");
    let Verdict::Failed { differences, trace } = &results[0].verdict else {
        panic!("{results:?}")
    };
    assert_eq!(differences, &["outcome: expected allow, got deny:403"]);
    let trace = trace.as_deref().unwrap();
    let decided = trace.lines().find(|line| line.contains("source_ip")).unwrap();
    assert!(
        decided.starts_with('>') && decided.contains("[folder/config.yaml:18:9]"),
        "{trace}"
    );
    assert!(trace.contains("[folder/config.yaml:13:9]"), "{trace}");
}

#[test]
fn what_no_case_exercises_is_named() {
    let (_, coverage) = run("given: {config: config.yaml}
cases:
- {when: {url: 'https://wiki.example.com/', user: mona@corp.example}, then: allow}
- {when: {url: 'https://wiki.example.com/', user: otto@corp.example}, then: deny}
");
    let lines: Vec<&str> = coverage.lines().collect();
    assert_eq!(lines.len(), 5, "{coverage}");
    assert!(
        lines[0].starts_with("not covered: folder/config.yaml:17:7: "),
        "{coverage}"
    );
    assert!(lines[0].ends_with("deny[1] never holds"), "{coverage}");
    assert!(
        lines[1].contains("config.yaml:15:9: allow[0].or[1] never holds: claim/role"),
        "{coverage}"
    );
    assert!(
        lines[2].contains("config.yaml:18:9: deny[1].and[0] never holds: source_ip"),
        "{coverage}"
    );
    assert!(
        lines[3].contains("config.yaml:19:3: no case asks the route `other`"),
        "{coverage}"
    );
    assert_eq!(
        lines[4],
        "coverage: 1 of 2 policies asked, 1 of 2 rules held, 1 of 3 criteria seen to hold and to fail"
    );
    // A policy that one case has for itself is not counted, one for all cases is.
    let policy = "{policy: {allow: {or: [{accept: 1}]}}}";
    assert_eq!(run(&format!("cases: [{{given: {policy}, then: allow}}]")).1, "");
    let counted = run(&format!("given: {policy}\ncases: [{{then: allow}}]")).1;
    assert!(
        counted.contains("never fails: accept") && counted.contains("1 of 1 policies"),
        "{counted}"
    );
}

#[test]
fn what_is_a_file_of_cases() {
    assert!(is_case_file("cases: []"));
    assert!(
        is_case_file("given: [\ncases:\n- name: x"),
        "one with a mistake is one"
    );
    assert!(!is_case_file("routes: []"));
    assert!(!is_case_file("- cases: []"));
    assert!(!is_case_file(""));
    assert!(!is_case_file("- [\n"));
}

#[test]
fn results_are_junit_too() {
    let (results, _) = run("cases:
- {name: 'a \"good\" <one>', given: {policy: {allow: {or: [{accept: 1}]}}}, then: allow}
- {name: wrong, given: {policy: []}, then: allow}
");
    let document = junit(&results);
    assert!(
        document.contains("<testsuite name=\"folder/cases.yaml\" tests=\"2\" failures=\"1\""),
        "{document}"
    );
    assert!(
        document.contains("name=\"a &quot;good&quot; &lt;one&gt;\""),
        "{document}"
    );
    assert!(
        document.contains("<failure message=\"outcome: expected allow, got deny:403\">"),
        "{document}"
    );
}

/// The server refuses such a route too.
#[test]
fn fields_that_exclude_each_other_are_refused() {
    let public = "allow_public_unauthenticated_access: true";
    let any = "allow_any_authenticated_user: true";
    let is_refused = |fields: &[&str]| {
        let fields = fields.join(", ");
        let text = format!(
            "cases:\n- name: a\n  given:\n    route: {{{fields}}}\n  then: {{outcome: refused, code: policy_conflict}}\n"
        );
        let (results, _) = run(&text);
        match &results[0].verdict {
            Verdict::Passed => true,
            Verdict::Failed { .. } => false,
            Verdict::Broken(problems) => panic!("{problems:?}"),
        }
    };
    let (users, domains) = ("allowed_users: [a@b.c]", "allowed_domains: [b.c]");
    for refused in [
        [public, any],
        [public, users],
        [public, domains],
        [any, users],
        [domains, any],
    ] {
        assert!(is_refused(&refused), "{refused:?}");
    }
    for taken in [
        [public, "allowed_idp_claims: {a: [b]}"],
        [any, "allowed_idp_claims: {a: b}"],
        [any, "allowed_users: []"],
        [users, domains],
        ["allow_any_authenticated_user: false", users],
        [public, "cors_allow_preflight: true"],
    ] {
        assert!(!is_refused(&taken), "{taken:?}");
    }
}
