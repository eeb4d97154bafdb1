//! PA-01 to PA-06 and PA-09 to PA-12: other ways to write a path.

use super::super::support::each;
use super::asking::Who::{Admin, Nobody, User};
use super::asking::ask;

#[test]
fn an_escaped_separator_is_no_separator() {
    let targets = [
        "/pub%2Fadmin",
        "/pub%2fadmin",
        "/pub%5cadmin",
        "/pub%5Cadmin",
        "/pub\\admin",
    ];
    each("PA-01", |world, seen| ask(world, seen, Nobody, &targets));
}

#[test]
fn no_escaped_separator_leads_out_of_a_prefix() {
    let targets = [
        "/pub/..%2fadmin",
        "/pub/..%5cadmin",
        "/pub/..%2Fadmin",
        "/pub/%2e%2e%2fadmin",
    ];
    each("PA-02", |world, seen| {
        ask(world, seen, Nobody, &targets);
        ask(world, seen, Admin, &targets);
    });
}

#[test]
fn a_dot_segment_is_decided_as_what_it_leads_to() {
    let targets = ["/pub/../admin", "/pub/./../admin", "/x/../../admin", "/.."];
    each("PA-03", |world, seen| {
        ask(world, seen, Nobody, &targets);
        ask(world, seen, User, &targets[..3]);
        ask(world, seen, Admin, &targets[..3]);
    });
}

#[test]
fn an_escaped_dot_segment_is_decided_as_what_it_leads_to() {
    let targets = [
        "/pub/%2e%2e/admin",
        "/pub/%2E./admin",
        "/pub/.%2e/admin",
        "/pub/%2e/%2E%2e/admin",
    ];
    each("PA-04", |world, seen| {
        ask(world, seen, Nobody, &targets);
        ask(world, seen, User, &targets);
        ask(world, seen, Admin, &targets);
    });
}

#[test]
fn slashes_side_by_side_make_no_authority_and_no_other_path() {
    let targets = ["//admin", "/pub//..//admin", "//admin//", "///admin"];
    each("PA-05", |world, seen| {
        ask(world, seen, Nobody, &["///", "//open.example.test/pub"]);
        ask(world, seen, Nobody, &targets);
        ask(world, seen, User, &targets);
        ask(world, seen, Admin, &targets);
    });
}

#[test]
fn a_dot_segment_with_parameters_never_has_the_policy_of_its_prefix() {
    let targets = [
        "/..;/admin",
        "/pub/..;a=1/admin",
        "/.;/x",
        "/pub/..%3b/admin",
        "/pub/%2e%2e;/admin",
    ];
    each("PA-06", |world, seen| {
        ask(world, seen, Nobody, &targets);
        ask(world, seen, Admin, &targets);
    });
}

#[test]
fn an_overlong_or_broken_character_is_no_dot_and_no_slash() {
    let targets = [
        "/pub/%c0%ae%c0%ae/admin",
        "/pub%c0%afadmin",
        "/pub/%ff",
        "/pub/%ed%a0%80",
        "/pub/%e0%80%ae%e0%80%ae/admin",
    ];
    each("PA-09", |world, seen| {
        ask(world, seen, Nobody, &targets);
        ask(
            world,
            seen,
            Nobody,
            &[
                &b"/pub/\xc0\xae\xc0\xae/admin"[..],
                b"/pub/\xff",
                "/pub/\u{e4}".as_bytes(),
            ],
        );
    });
}

#[test]
fn no_case_and_no_likeness_is_folded() {
    let targets = [
        "/ADMIN",
        "/Admin/x",
        "/%41dmin",
        "/%61dmin",
        "/admi%6e",
        "/pub%EF%BC%8Fadmin",
        "/pub/%EF%BC%8E%EF%BC%8E/admin",
        "/pub/%E2%80%A5/admin",
        "/%EF%BD%81dmin",
    ];
    each("PA-10", |world, seen| {
        ask(world, seen, Nobody, &targets);
        ask(world, seen, User, &targets);
    });
}

#[test]
fn what_is_escaped_twice_is_forwarded_escaped_twice() {
    let targets = [
        "/pub/%252e%252e%252fadmin",
        "/pub%252fadmin",
        "/%2561dmin",
        "/pub/%25252e",
    ];
    each("PA-11", |world, seen| ask(world, seen, Nobody, &targets));
}

#[test]
fn a_fragment_is_no_part_of_a_request() {
    each("PA-12", |world, seen| {
        ask(
            world,
            seen,
            Nobody,
            &["/pub#/admin", "/admin#", "/pub#", "/#/admin"],
        );
        ask(world, seen, Nobody, &["/pub/%23", "/pub/%23/admin"]);
    });
}
