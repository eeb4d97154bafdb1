use portcullis_document::{Limits, parse_yaml};

use super::{Program, Programs};
use crate::{compile, parse};

fn program(text: &str) -> Program {
    compile(&parse(&parse_yaml(text, &Limits::default()).unwrap().unwrap()).unwrap()).unwrap()
}

#[test]
fn equal_programs_share_their_content_and_keep_their_places() {
    let mut programs = Programs::new();
    let one = programs.intern(program("allow: {or: [{email: a@b}]}"));
    let other = programs.intern(program("\n\nallow: {or: [{email: a@b}]}"));
    let different = programs.intern(program("deny: {or: [{email: a@b}]}"));
    assert_eq!(programs.len(), 2);
    assert_eq!(one.address(), other.address());
    assert_ne!(one.address(), different.address());
    let path = |program: &Program| program.tree().allow[0].path(crate::Action::Allow, Some(0));
    assert_eq!(one.span(path(&one)).unwrap().to_string(), "1:15");
    assert_eq!(other.span(path(&other)).unwrap().to_string(), "3:15");

    drop((one, different));
    assert_eq!(programs.len(), 1);
    drop(other);
    assert!(programs.is_empty());
}

#[test]
fn programs_that_are_gone_are_let_go() {
    let mut programs = Programs::new();
    let kept = programs.intern(program("allow: {or: [{user: kept}]}"));
    for at in 0..1_000 {
        drop(programs.intern(program(&format!("allow: {{or: [{{user: u{at}}}]}}"))));
    }
    assert!(programs.known.len() < 200, "{}", programs.known.len());
    assert_eq!(programs.len(), 1);
    let again = programs.intern(program("allow: {or: [{user: kept}]}"));
    assert_eq!(again.address(), kept.address());
}
