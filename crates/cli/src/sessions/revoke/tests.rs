use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use clap::Parser as _;
use portcullis_admin::protocol::{Refusal, State as SessionState};
use tempfile::TempDir;

use super::*;
use crate::args::{Arguments, Command, Sessions};

fn row(number: u128) -> Row {
    let time = "2026-11-01T10:00:00Z".parse().unwrap();
    Row {
        id: id(number),
        log_name: "2f6979adfef412c1".to_owned(),
        email: "ada@example.com".to_owned(),
        user_id: "id-of-ada".to_owned(),
        provider_id: "p1".to_owned(),
        state: SessionState::Live,
        issued_at: time,
        expires_at: time,
        refreshed_at: None,
    }
}

fn id(number: u128) -> SessionId {
    format!("{number:032x}").parse().unwrap()
}

type Script = Arc<Mutex<(Vec<RevokeAnswer>, Vec<RevokeRequest>)>>;

/// An instance that gives these answers, one after the other.
struct Scripted {
    _directory: TempDir,
    client: Client,
    script: Script,
}

impl Scripted {
    fn new(mut answers: Vec<RevokeAnswer>) -> Self {
        async fn answer(
            State(script): State<Script>,
            Json(asked): Json<RevokeRequest>,
        ) -> Json<RevokeAnswer> {
            let mut script = script.lock().unwrap();
            script.1.push(asked);
            Json(script.0.pop().unwrap())
        }
        answers.reverse();
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("admin.sock");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let script = Script::new(Mutex::new((answers, Vec::new())));
        let router = Router::new().route(protocol::SESSIONS_REVOKE, post(answer));
        let router = router.with_state(Arc::clone(&script));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self {
            _directory: directory,
            client: Client::new(socket),
            script,
        }
    }

    async fn revoke(&self, line: &str) -> (Result<(), Failure>, Telling) {
        let line = format!("portcullis sessions revoke {line}");
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        let Command::Sessions(Sessions::Revoke(arguments)) = arguments.command else {
            panic!("{line}");
        };
        let mut telling = Telling::default();
        let done = tell_all(&self.client, &arguments, &mut telling).await;
        (done, telling)
    }

    fn asked(&self) -> Vec<RevokeRequest> {
        self.script.lock().unwrap().1.clone()
    }
}

#[tokio::test]
async fn steps_are_followed_to_the_end_and_added_up() {
    let step = |next: Option<&str>| RevokeAnswer {
        revoked: vec![row(1), row(2)],
        unreadable: 1,
        next: next.map(str::to_owned),
        ..RevokeAnswer::default()
    };
    let instance = Scripted::new(vec![step(Some("a")), step(Some("b")), step(None)]);
    let (done, telling) = instance.revoke("--all").await;
    done.unwrap();
    assert_eq!((telling.revoked, telling.unreadable), (6, 3));
    assert_eq!(telling.last(), "revoked 6 sessions\n");
    assert_eq!(telling.code(), ExitCode::SUCCESS);
    let after: Vec<_> = instance.asked().into_iter().map(|asked| asked.after).collect();
    assert_eq!(after, [None, Some("a".to_owned()), Some("b".to_owned())]);
    assert!(instance.asked().iter().all(|asked| asked.all && !asked.dry_run));
}

#[tokio::test]
async fn what_was_done_before_a_failure_is_told() {
    let broken = RevokeAnswer {
        revoked: vec![row(1)],
        broke_off: Some(Refusal {
            code: "store_unavailable".to_owned(),
            message: "the store is unavailable: the disk is full".to_owned(),
        }),
        ..RevokeAnswer::default()
    };
    let instance = Scripted::new(vec![broken]);
    let (done, telling) = instance.revoke("--user ada@example.com").await;
    assert_eq!(
        done.unwrap_err().to_string(),
        "it broke off: the store is unavailable: the disk is full"
    );
    assert_eq!(telling.last(), "revoked 1 session\n");
}

#[tokio::test]
async fn one_that_is_not_there_or_not_meant_is_a_failure() {
    let [unknown, unmet] = [
        RevokeAnswer {
            unknown: vec![id(1)],
            ..RevokeAnswer::default()
        },
        RevokeAnswer {
            unmet: vec![id(1)],
            ..RevokeAnswer::default()
        },
    ];
    for answer in [unknown, unmet] {
        let instance = Scripted::new(vec![answer]);
        let (done, telling) = instance.revoke(&id(1).to_string()).await;
        done.unwrap();
        assert_eq!(telling.code(), ExitCode::FAILURE);
    }
}

#[tokio::test]
async fn many_ids_are_asked_for_in_parts() {
    let instance = Scripted::new(vec![RevokeAnswer::default(); 3]);
    let ids: Vec<String> = (0..2 * MAX_IDS as u128 + 1)
        .map(|number| id(number).to_string())
        .collect();
    let (done, _) = instance.revoke(&ids.join(" ")).await;
    done.unwrap();
    let parts: Vec<usize> = instance.asked().iter().map(|asked| asked.ids.len()).collect();
    assert_eq!(parts, [MAX_IDS, MAX_IDS, 1]);
}
