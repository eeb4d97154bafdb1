use super::*;
use crate::asked::Asked;
use crate::routes::Paths;
use crate::upstream::Seen;

fn route(name: &str, path: &str, rewrite: Rewrite, open: bool) -> Route {
    Route {
        name: name.to_owned(),
        host: "app.test".to_owned(),
        port: None,
        paths: Paths::Prefix(path.to_owned()),
        rewrite,
        open,
    }
}

fn routes() -> [Route; 3] {
    [
        route("pub", "/pub", Rewrite::None, true),
        route("in", "/in/", Rewrite::Matched("/out/".to_owned()), true),
        route("closed", "/closed", Rewrite::None, false),
    ]
}

/// A request for `target` that route `place` served, as everybody tells it.
fn told(place: usize, target: &str) -> Case {
    let route = &routes()[place];
    Case {
        asked: Asked {
            target: target.into(),
            authority: "app.test".into(),
            ..Asked::last()
        },
        answer: Answer::Status(Some(200)),
        seen: vec![Seen {
            route: place,
            line: format!("GET {} HTTP/1.1", route.sent(target)).into(),
            mark: "m1".to_owned(),
            request_id: "id".to_owned(),
        }],
        access: vec![Access {
            mark: "m1".to_owned(),
            request_id: "id".to_owned(),
            route: route.name.clone(),
            status: 200,
            method: "GET".to_owned(),
            path: route.sent(target),
            original_path: target.to_owned(),
            ..Access::default()
        }],
        decisions: vec![Decision {
            request_id: "id".to_owned(),
            route_name: route.name.clone(),
            method: "GET".to_owned(),
            host: "app.test".to_owned(),
            path: without_query(target).to_owned(),
            outcome: "allowed".to_owned(),
            ..Decision::default()
        }],
    }
}

fn judged(case: Case) -> Verdict {
    let reference = Reference {
        routes: &routes(),
        order: &[0, 1, 2],
        is_ours: false,
        authenticate_port: 443,
    };
    judge(&reference, Kind::Bare, case).verdict
}

/// Whether the run would tell of it, in these words.
#[track_caller]
fn is_told_of(case: Case, words: &str) {
    match judged(case) {
        Verdict::Disagreed(what) => assert!(what.contains(words), "{what}"),
        other => panic!("{other:?}: nobody notices that {words}"),
    }
}

#[test]
fn who_says_the_same_agrees() {
    assert_eq!(judged(told(0, "/pub/x?y=z")), Verdict::Agreed);
    assert_eq!(judged(told(1, "/in/x?y=/in/")), Verdict::Agreed);
}

#[test]
fn every_difference_is_a_disagreement() {
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = told(0, "/pub/x");
        change(&mut case);
        case
    };
    is_told_of(with(&|c| c.decisions.clear()), "without decision");
    is_told_of(with(&|c| c.access.clear()), "without line of Envoy's");
    is_told_of(with(&|c| c.seen.push(c.seen[0].clone())), "more than one arrival");
    is_told_of(
        with(&|c| c.decisions.push(c.decisions[0].clone())),
        "more than one decision",
    );
    is_told_of(
        with(&|c| c.decisions[0].outcome = "policy_denied".to_owned()),
        "the decision was",
    );
    is_told_of(
        with(&|c| c.decisions[0].route_name = "in".to_owned()),
        "Envoy chose `pub`",
    );
    is_told_of(with(&|c| c.access[0].route = "in".to_owned()), "Envoy chose `in`");
    is_told_of(with(&|c| c.seen[0].route = 1), "served as in");
    is_told_of(with(&|c| c.seen[0].request_id = "other".to_owned()), "request id");
    is_told_of(
        with(&|c| c.decisions[0].path = "/pub/y".to_owned()),
        "another path",
    );
    is_told_of(
        with(&|c| c.seen[0].line = b"GET /pub/y HTTP/1.1".to_vec()),
        "should have arrived",
    );
    is_told_of(with(&|c| c.asked.method = b"HEAD".to_vec()), "another method");
    is_told_of(
        with(&|c| c.access[0].method = "HEAD".to_owned()),
        "should have arrived",
    );
    is_told_of(
        with(&|c| c.decisions[0].host = "other.test".to_owned()),
        "meets Nothing",
    );
    is_told_of(
        with(&|c| c.asked.authority = b"other.test".to_vec()),
        "another host",
    );
    is_told_of(with(&|c| c.asked.target = b"/pub/y".to_vec()), "another path");
    is_told_of(told(2, "/closed"), "closed to everybody");
    // All four say the same, and are wrong together.
    let wrong = with(&|c| {
        c.asked.hostile = true;
        c.decisions[0].path = "/in/x".to_owned();
        c.access[0].path = "/in/x".to_owned();
        c.seen[0].line = b"GET /in/x HTTP/1.1".to_vec();
    });
    is_told_of(wrong, "meets Route(1)");
}

#[test]
fn what_did_not_arrive_was_refused_by_somebody() {
    let denied = |outcome: &str| {
        let mut case = told(0, "/pub/x");
        case.seen.clear();
        case.decisions[0].outcome = outcome.to_owned();
        case
    };
    let Verdict::Refused(why) = judged(denied("policy_denied")) else {
        panic!()
    };
    assert_eq!(why, "Portcullis: policy_denied");
    is_told_of(denied("allowed"), "did not arrive");
    let mut other = denied("policy_denied");
    other.decisions[0].route_name = "in".to_owned();
    is_told_of(other, "Envoy chose `pub`");
    let mut late = denied("policy_denied");
    late.answer = Answer::TimedOut;
    is_told_of(late, "no answer");
    let mut failed = denied("policy_denied");
    failed.access[0].status = 503;
    is_told_of(failed, "answered with 503");
    let mut unknown = denied("policy_denied");
    unknown.decisions.clear();
    unknown.access.clear();
    is_told_of(unknown.clone(), "nobody knows of it");
    unknown.answer = Answer::Ended;
    assert_eq!(
        judged(unknown),
        Verdict::Refused("Envoy: ended before it was read".to_owned())
    );
}
