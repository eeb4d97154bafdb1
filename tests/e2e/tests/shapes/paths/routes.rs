//! PA-07, PA-15 to PA-17, PA-19 and PA-20: which route a path meets, and where a route
//! sends it.

use portcullis_harness::shapes::Shape::{Bare, Istio, Ours};

use super::super::support::{ROUTES, begin, each, one_of};
use super::asking::Who::{Admin, Nobody, User};
use super::asking::ask;

const PARAMETERS: [&str; 6] = [
    "/admin;x",
    "/admin;x/y",
    "/ad;v=1min",
    "/pub;x/y",
    "/pub/x;y",
    // Another route where the parameter is taken away.
    "/exact;x",
];

#[test]
fn a_parameter_leads_to_no_looser_route() {
    each("PA-07", |world, seen| {
        for who in [Nobody, User, Admin] {
            ask(world, seen, who, &PARAMETERS);
        }
    });
}

/// The choice that is not the mode's own.
#[test]
fn parameters_are_allowed_or_refused_as_the_file_says() {
    for (shape, choice) in [(Ours, "reject"), (Istio, "allow"), (Bare, "allow")] {
        let world = begin(shape, &format!("path_parameters: {choice}"), ROUTES);
        one_of("PA-07", world, |world, seen| {
            seen.within(&format!("`{choice}`: "));
            for who in [Nobody, User, Admin] {
                ask(world, seen, who, &PARAMETERS);
            }
        });
    }
}

#[test]
fn a_query_is_no_part_of_the_path() {
    let targets = [
        "/admin?x=/pub.css",
        "/admin?/pub/",
        "/admin?a=1?b",
        "/admin?a=1;a=2&a=3",
        "/admin?",
    ];
    each("PA-15", |world, seen| {
        ask(world, seen, User, &targets);
        ask(world, seen, Admin, &targets);
        ask(
            world,
            seen,
            Nobody,
            &["/pub?x=/../admin", "/pub?a=1;a=2&a=3", "/pub?%zz", "/exact?/x"],
        );
        ask(world, seen, Nobody, &["/exact/?x", "/x?/exact"]);
    });
}

#[test]
fn a_prefix_takes_every_path_that_begins_with_it() {
    let targets = [
        "/admin",
        "/admin/",
        "/admin.",
        "/administrator",
        "/admin%20",
        "/admin%2e",
        "/admin-x/y",
    ];
    each("PA-16", |world, seen| {
        for who in [Nobody, User, Admin] {
            ask(world, seen, who, &targets);
        }
    });
}

#[test]
fn an_expression_takes_whole_paths_alone() {
    each("PA-17", |world, seen| {
        ask(world, seen, Nobody, &["/re/x.txt"]);
        ask(
            world,
            seen,
            Nobody,
            &[
                "/re/x%0a.txt",
                "/re/x.txt%0a",
                "/re/x.txt%0a/y",
                "/re/xxtxt",
                "/re/x.txt.",
                "/re/x.txt/",
                "/re/x.txtx",
                "/re/X.txt",
                "/x/re/x.txt",
                "/re/.txt",
                "/re/x%2etxt",
            ],
        );
    });
}

#[test]
fn no_rewrite_leads_elsewhere_than_was_decided() {
    each("PA-19", |world, seen| {
        ask(world, seen, Nobody, &["/rw", "/rw/x", "/go/x"]);
        ask(
            world,
            seen,
            Nobody,
            &[
                "/rw../x",
                "/rw..",
                "/rw%2e%2e/x",
                "/rw..;/x",
                "/rw/../admin",
                "/rw//x",
                "/rw/%2e%2e/%2e%2e/x",
                "/rw%2f..%2fx",
            ],
        );
        ask(
            world,
            seen,
            Nobody,
            &[
                "/go//evil.example/",
                "/go\\\\evil.example",
                "/go/%2f%2fevil.example",
                "/go@evil.example/",
                "/go.evil.example/",
                "/go/https://evil.example/",
            ],
        );
    });
}

#[test]
fn what_means_something_in_an_expression_means_itself_in_a_path() {
    each("PA-20", |world, seen| {
        ask(world, seen, Nobody, &["/odd/*", "/odd/*/x", "/odd/x", "/odd/"]);
        ask(
            world,
            seen,
            Nobody,
            &[
                "/pub/*",
                "/pub/{x}",
                "/pub/[a-z]+",
                "/pub/(x|y)",
                "/pub/{x=**}",
                "/pub/%2A%7B",
            ],
        );
        ask(
            world,
            seen,
            Nobody,
            &[
                "/*",
                "/p*b/x",
                "/{pub}",
                "/[p]ub",
                "/re/[a-z]+.txt",
                "/(pub)",
                "/.*",
            ],
        );
    });
}
