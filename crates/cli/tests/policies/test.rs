use super::program::{Ran, folder, portcullis, root};

const GOOD: &str = "cases: [{name: good, given: {policy: {allow: {or: [{accept: 1}]}}}, then: allow}]\n";
const WRONG: &str = "cases: [{name: wrong, given: {policy: {allow: {or: [{reject: 1}]}}}, then: allow}]\n";

fn last(ran: &Ran) -> &str {
    ran.out.lines().last().unwrap_or_default()
}

#[test]
fn the_example_passes_and_covers_its_configuration() {
    let ran = portcullis(&root(), &["test", "examples/policy-tests"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(last(&ran), "13 passed, 0 failed");
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("ok ")).count(), 13);
    assert!(
        ran.out
            .contains("ok examples/policy-tests/cases.yaml:20 colleagues read the wiki\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("but not from the guests' network"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("coverage: 3 of 3 policies asked, 5 of 5 rules held"),
        "{}",
        ran.out
    );
    let checked = portcullis(&root(), &["check", "-c", "examples/policy-tests/config.yaml"]);
    assert_eq!(checked.code, Some(0), "{}", checked.out);
    assert_eq!(checked.out, "0 errors, 0 warnings\n");
}

#[test]
fn our_own_cases_pass_on_the_command_line_too() {
    let ran = portcullis(&root(), &["test", "tests/conformance/policy/cases"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(last(&ran).ends_with(" passed, 0 failed"), "{}", last(&ran));
}

#[test]
fn a_failed_case_exits_with_1_and_says_why() {
    let files = folder(&[("a.yaml", GOOD), ("b.yml", WRONG)]);
    let ran = portcullis(files.path(), &["test", "a.yaml", "b.yml"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "ok a.yaml:1 good");
    assert_eq!(lines[1], "FAILED b.yml:1 wrong");
    assert_eq!(lines[2], "  outcome: expected allow, got deny:403");
    assert!(
        ran.out.contains("reject fails (reject)  [b.yml:1:54]"),
        "{}",
        ran.out
    );
    assert_eq!(last(&ran), "1 passed, 1 failed");
}

#[test]
fn a_case_that_cannot_be_run_has_failed() {
    let files = folder(&[("a.yaml", "cases:\n- {name: x, given: {policy: []}, than: deny}\n")]);
    let ran = portcullis(files.path(), &["test", "."]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.out.contains("  ./a.yaml:2:34: unknown key `than`"),
        "{}",
        ran.out
    );
    assert_eq!(last(&ran), "0 passed, 1 failed");
}

#[test]
fn folders_are_searched_in_order_and_links_end() {
    let files = folder(&[
        ("tests/b.yaml", GOOD),
        ("tests/a/c.yml", GOOD),
        ("tests/config.yaml", "routes: []\n"),
        ("tests/notes.txt", "cases: []"),
        ("elsewhere/d.yaml", GOOD),
    ]);
    std::os::unix::fs::symlink("..", files.path().join("tests/a/up")).unwrap();
    std::os::unix::fs::symlink("../../elsewhere", files.path().join("tests/a/over")).unwrap();
    std::os::unix::fs::symlink("nowhere", files.path().join("tests/gone.yaml")).unwrap();
    let ran = portcullis(files.path(), &["test", "tests"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let found: Vec<&str> = ran
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("ok "))
        .collect();
    assert_eq!(
        found,
        [
            "tests/a/c.yml:1 good",
            "tests/a/over/d.yaml:1 good",
            "tests/b.yaml:1 good"
        ],
        "{}",
        ran.out
    );
    let mut deep = String::from("deep");
    for _ in 0..40 {
        deep.push_str("/x");
    }
    std::fs::create_dir_all(files.path().join(deep)).unwrap();
    let ran = portcullis(files.path(), &["test", "deep"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("more than 32 folders deep"), "{}", ran.err);
}

#[test]
fn nothing_to_run_is_an_error() {
    let files = folder(&[("config.yaml", "routes: []\n"), ("empty.yaml", "cases: []\n")]);
    for path in [".", "empty.yaml"] {
        let ran = portcullis(files.path(), &["test", path]);
        assert_eq!(ran.code, Some(1), "{path}");
        assert!(ran.err.contains("no cases were found"), "{path}: {}", ran.err);
        assert_eq!(last(&ran), "0 passed, 0 failed", "{path}");
    }
    let ran = portcullis(files.path(), &["test", "none.yaml"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("none.yaml cannot be read"), "{}", ran.err);
}

#[test]
fn junit_is_written() {
    let files = folder(&[("a.yaml", GOOD), ("b.yaml", WRONG)]);
    let ran = portcullis(files.path(), &["test", ".", "--junit", "out.xml"]);
    assert_eq!(ran.code, Some(1));
    let document = std::fs::read_to_string(files.path().join("out.xml")).unwrap();
    assert!(document.contains("tests=\"2\" failures=\"1\""), "{document}");
    assert!(
        document.contains("<testcase classname=\"./b.yaml\" name=\"wrong\""),
        "{document}"
    );
    let ran = portcullis(files.path(), &["test", "a.yaml", "--junit", "no/such/folder.xml"]);
    assert_eq!(ran.code, Some(1), "what cannot be written is an error");
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let files = folder(&[("a.yaml", GOOD)]);
    for arguments in [
        &["test"][..],
        &["test", "a.yaml", "--vectors", "b.json"],
        &["test", "--vectors"],
        &["test", "--vectors", "b.json", "--junit", "c.xml"],
        &["test", "a.yaml", "--no-such-flag"],
    ] {
        let ran = portcullis(files.path(), arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn vectors_are_run_and_counted() {
    let ran = portcullis(
        &root(),
        &["test", "--vectors", "tests/conformance/policy/pomerium.json"],
    );
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(ran.out, "265 passed, 0 failed\n");

    let files = folder(&[(
        "v.json",
        r#"{"documented_only": [{"expect": {"allow": true}, "policy": "allow: {or: [{accept: 1}]}", "id": "d-1"}],
            "vectors": [{"id": "v-1", "policy": "[]", "expect": {"allow": true, "outcome": "deny:403"}},
                        {"id": "v-2", "policy": "[]", "expect": {"allow": false}, "what": 1}]}"#,
    )]);
    let ran = portcullis(files.path(), &["test", "--vectors", "v.json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "FAILED v-1: allow: expected true, got false");
    assert!(
        lines[1].starts_with("FAILED v-2: the vector cannot be run: unknown field `what`"),
        "{}",
        lines[1]
    );
    assert_eq!(lines[2..], ["1 passed, 2 failed"]);
}

#[test]
fn a_file_without_vectors_exits_with_1() {
    let files = folder(&[("none.json", "{\"vectors\": []}"), ("broken.json", "{")]);
    for (file, why) in [
        ("none.json", "it holds no vectors"),
        ("broken.json", "it is no JSON"),
        ("missing.json", "missing.json cannot be read"),
    ] {
        let ran = portcullis(files.path(), &["test", "--vectors", file]);
        assert_eq!(ran.code, Some(1), "{file}");
        assert!(ran.err.contains(why), "{file}: {}", ran.err);
        assert_eq!(last(&ran), "0 passed, 0 failed", "{file}");
    }
}
