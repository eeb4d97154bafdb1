use bytes::Bytes;

use super::*;
use crate::Resource;

const CDS: TypeUrl = "cluster";
const SDS: TypeUrl = "secret";
const LDS: TypeUrl = "listener";
const RDS: TypeUrl = "route";

const ORDER: [Stage; 4] = [
    Stage {
        type_url: CDS,
        wildcard: true,
        leaf: false,
        lingers: false,
    },
    Stage {
        type_url: SDS,
        wildcard: false,
        leaf: true,
        lingers: false,
    },
    Stage {
        type_url: LDS,
        wildcard: true,
        leaf: false,
        lingers: false,
    },
    Stage {
        type_url: RDS,
        wildcard: false,
        leaf: false,
        lingers: false,
    },
];

fn served(version: &str, all: &[(TypeUrl, &str, &str)]) -> Arc<Served> {
    let mut out = Served {
        version: version.to_owned(),
        ..Served::default()
    };
    for (kind, name, version) in all {
        let resource = Resource {
            version: (*version).to_owned(),
            bytes: Bytes::from((*name).to_owned()),
        };
        out.resources
            .entry(kind)
            .or_default()
            .insert((*name).to_owned(), resource);
    }
    Arc::new(out)
}

fn first(kind: TypeUrl, names: &[&str]) -> DeltaRequest {
    let subscribe = names.iter().map(|n| (*n).to_owned()).collect();
    DeltaRequest {
        type_url: kind.to_owned(),
        subscribe,
        ..DeltaRequest::default()
    }
}

fn ack(response: &DeltaResponse) -> DeltaRequest {
    DeltaRequest {
        type_url: response.type_url.to_owned(),
        nonce: response.nonce.clone(),
        ..DeltaRequest::default()
    }
}

fn nack(response: &DeltaResponse, error: &str) -> DeltaRequest {
    DeltaRequest {
        error: Some(error.to_owned()),
        ..ack(response)
    }
}

/// `type name@version … -removed`, one text a response.
fn shown(responses: &[DeltaResponse]) -> Vec<String> {
    let show = |r: &DeltaResponse| {
        let mut text = r.type_url.to_owned();
        for (name, version, bytes) in &r.resources {
            assert_eq!(bytes, name.as_bytes());
            text += &format!(" {name}@{version}");
        }
        for name in &r.removed {
            text += &format!(" -{name}");
        }
        text
    };
    responses.iter().map(show).collect()
}

fn stream() -> DeltaStream {
    DeltaStream::new(&ORDER, Limits::default())
}

impl DeltaStream {
    fn say(&mut self, request: DeltaRequest) -> Vec<DeltaResponse> {
        self.on_request(request).unwrap().responses
    }
}

/// A client that has taken `c1`, `cert`, `l` and `main`, all of version 1.
fn connected() -> DeltaStream {
    let mut s = stream();
    assert!(
        s.on_change(served(
            "s1",
            &[
                (CDS, "c1", "1"),
                (SDS, "cert", "1"),
                (LDS, "l", "1"),
                (RDS, "main", "1")
            ]
        ))
        .is_empty()
    );
    let cds = s.say(first(CDS, &[]));
    assert_eq!(shown(&cds), ["cluster c1@1"]);
    assert!(
        s.say(first(LDS, &[])).is_empty(),
        "listeners wait for the clusters' ACK"
    );
    let lds = s.say(ack(&cds[0]));
    assert_eq!(shown(&lds), ["listener l@1"]);
    let sds = s.say(first(SDS, &["cert"]));
    assert_eq!(
        shown(&sds),
        ["secret cert@1"],
        "a listener waits for its secret: never held back"
    );
    assert!(s.say(first(RDS, &["main"])).is_empty());
    assert!(s.say(ack(&sds[0])).is_empty());
    let rds = s.say(ack(&lds[0]));
    assert_eq!(shown(&rds), ["route main@1"]);
    assert!(!s.settled());
    assert!(s.say(ack(&rds[0])).is_empty());
    assert_eq!(s.acknowledged(), Some("s1"));
    s
}

#[test]
fn nothing_leaves_before_there_is_something_to_serve() {
    let mut s = stream();
    assert!(s.say(first(CDS, &[])).is_empty());
    assert!(!s.settled());
    assert_eq!(
        shown(&s.on_change(served("s1", &[(CDS, "c", "1")]))),
        ["cluster c@1"]
    );
}

#[test]
fn an_empty_wildcard_type_is_answered_once() {
    let mut s = stream();
    assert!(s.on_change(served("s1", &[])).is_empty());
    let cds = s.say(first(CDS, &[]));
    assert_eq!(shown(&cds), ["cluster"]);
    assert!(s.say(ack(&cds[0])).is_empty());
    assert!(s.settled());
}

#[test]
fn a_first_subscription_settles_in_order() {
    connected();
}

#[test]
fn an_update_goes_type_by_type_and_removals_last_in_reverse() {
    let mut s = connected();
    let target = [
        (CDS, "c2", "1"),
        (SDS, "cert", "2"),
        (LDS, "l2", "1"),
        (RDS, "main", "2"),
    ];
    let cds = s.on_change(served("s2", &target));
    assert_eq!(shown(&cds), ["cluster c2@1"]);
    assert!(!s.settled());
    let sds = s.say(ack(&cds[0]));
    assert_eq!(shown(&sds), ["secret cert@2"]);
    let lds = s.say(ack(&sds[0]));
    assert_eq!(shown(&lds), ["listener l2@1"]);
    let rds = s.say(ack(&lds[0]));
    assert_eq!(shown(&rds), ["route main@2"]);
    let gone = s.say(ack(&rds[0]));
    assert_eq!(shown(&gone), ["listener -l"]);
    let gone = s.say(ack(&gone[0]));
    assert_eq!(shown(&gone), ["cluster -c1"]);
    assert!(!s.settled());
    assert!(s.say(ack(&gone[0])).is_empty());
    assert_eq!(s.acknowledged(), Some("s2"));
}

#[test]
fn an_unchanged_state_sends_nothing_and_is_acknowledged_at_once() {
    let mut s = connected();
    let same = [
        (CDS, "c1", "1"),
        (SDS, "cert", "1"),
        (LDS, "l", "1"),
        (RDS, "main", "1"),
    ];
    assert!(s.on_change(served("s2", &same)).is_empty());
    assert_eq!(s.acknowledged(), Some("s2"));
}

#[test]
fn a_refused_version_is_kept_back_until_it_changes_and_its_clusters_stay() {
    let mut s = connected();
    let base = |route| {
        [
            (CDS, "c2", "1"),
            (SDS, "cert", "1"),
            (LDS, "l", "1"),
            (RDS, "main", route),
        ]
    };
    let cds = s.on_change(served("s2", &base("2")));
    let rds = s.say(ack(&cds[0]));
    assert_eq!(shown(&rds), ["route main@2"]);
    let reaction = s.on_request(nack(&rds[0], "missing ]: [\nkey: secret")).unwrap();
    assert_eq!(
        reaction,
        Reaction {
            responses: vec![],
            refused: Some(RDS)
        }
    );
    // main@1 still names c1: it is not removed.
    assert!(s.settled());
    let expected = Rejection {
        type_url: RDS,
        name: "main".to_owned(),
        refused_version: "2".to_owned(),
        held_version: Some("1".to_owned()),
        reason: "missing ]: [".to_owned(),
    };
    assert_eq!(s.rejections(), [expected]);
    assert!(s.on_change(served("s3", &base("2"))).is_empty(), "not sent again");
    let rds = s.on_change(served("s4", &base("3")));
    assert_eq!(shown(&rds), ["route main@3"]);
    assert_eq!(shown(&s.say(ack(&rds[0]))), ["cluster -c1"]);
    assert!(s.rejections().is_empty());
}

/// How many responses eight clusters take of which `c5` is refused with `error`.
fn search(error: &str) -> usize {
    let mut s = stream();
    let all: Vec<(TypeUrl, String)> = (0..8).map(|n| (CDS, format!("c{n}"))).collect();
    let all: Vec<(TypeUrl, &str, &str)> = all.iter().map(|(t, n)| (*t, n.as_str(), "1")).collect();
    assert!(s.on_change(served("s1", &all)).is_empty());
    let mut next = s.say(first(CDS, &[]));
    let mut sent = 0;
    while let Some(response) = next.pop() {
        sent += 1;
        assert!(next.is_empty(), "one response of a type at a time");
        let bad = response.resources.iter().any(|(name, ..)| name == "c5");
        next = s.say(if bad {
            nack(&response, error)
        } else {
            ack(&response)
        });
    }
    assert!(s.settled());
    let refused = s.rejections();
    assert_eq!(
        refused.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(),
        ["c5"]
    );
    sent
}

#[test]
fn one_bad_resource_among_many_is_found_by_halving() {
    assert_eq!(search("missing ]: ["), 7);
}

#[test]
fn a_culprit_that_is_named_is_tried_after_all_the_others() {
    assert_eq!(search("Error adding/updating cluster(s) c5: bad"), 3);
    assert_eq!(search("c1, c2: both are good"), 7, "words that mislead");
}

#[test]
fn who_was_not_alone_in_a_refused_response_is_not_convicted() {
    let mut s = stream();
    let both = [(SDS, "a", "1"), (SDS, "b", "1")];
    assert!(s.on_change(served("s1", &both)).is_empty());
    let sds = s.say(first(SDS, &["a", "b"]));
    let mut request = first(SDS, &[]);
    request.unsubscribe = vec!["b".to_owned()];
    assert!(s.say(request).is_empty());
    let alone = s.say(nack(&sds[0], "no"));
    assert_eq!(shown(&alone), ["secret a@1"]);
    assert!(s.say(ack(&alone[0])).is_empty());
    assert!(s.rejections().is_empty());
}

#[test]
fn what_is_wanted_no_more_is_not_among_the_refused() {
    let mut s = stream();
    assert!(s.on_change(served("s1", &[(SDS, "a", "1")])).is_empty());
    let sds = s.say(first(SDS, &["a"]));
    let mut request = nack(&sds[0], "no");
    request.nonce.clear();
    request.error = None;
    request.unsubscribe = vec!["a".to_owned()];
    assert!(s.say(request).is_empty());
    assert!(s.say(nack(&sds[0], "no")).is_empty());
    assert!(s.rejections().is_empty());
}

#[test]
fn new_names_of_a_leaf_are_searched_while_the_types_before_wait_for_them() {
    let mut s = stream();
    let all = [
        (CDS, "c1", "1"),
        (SDS, "a", "1"),
        (SDS, "b", "1"),
        (SDS, "c", "1"),
    ];
    assert!(s.on_change(served("s1", &all)).is_empty());
    let cds = s.say(first(CDS, &[]));
    assert_eq!(cds.len(), 1, "it is warming until it has its secrets");
    let mut next = s.say(first(SDS, &["a", "b", "c"]));
    let mut sent = 0;
    while let Some(response) = next.pop() {
        sent += 1;
        let bad = response.resources.iter().any(|(name, ..)| name == "b");
        next = s.say(if bad {
            nack(&response, "no")
        } else {
            ack(&response)
        });
    }
    assert_eq!(sent, 5);
    assert_eq!(s.rejections().len(), 1);
    assert!(s.say(ack(&cds[0])).is_empty());
    assert!(s.settled());
}

#[test]
fn the_search_ends_with_a_client_that_refuses_everything() {
    let mut s = stream();
    let all: Vec<String> = (0..2000).map(|n| format!("c{n}")).collect();
    let all: Vec<(TypeUrl, &str, &str)> = all.iter().map(|n| (CDS, n.as_str(), "1")).collect();
    assert!(s.on_change(served("s1", &all)).is_empty());
    let mut next = s.say(first(CDS, &[]));
    let mut sent = 0;
    while let Some(response) = next.pop() {
        sent += 1;
        next = s.say(nack(&response, "no"));
    }
    assert!(s.settled());
    assert_eq!(s.rejections().len(), 2000);
    assert!(sent < 600, "{sent} responses");
}

#[test]
fn a_name_that_does_not_exist_is_answered_once_and_sent_when_it_appears() {
    let mut s = connected();
    let answer = s.say(first(SDS, &["other", "cert"]));
    assert_eq!(
        shown(&answer),
        ["secret cert@1 -other"],
        "asking again for a known name gets it again"
    );
    assert!(s.say(ack(&answer[0])).is_empty());
    assert!(s.settled());
    let target = [
        (CDS, "c1", "1"),
        (SDS, "cert", "1"),
        (SDS, "other", "1"),
        (LDS, "l", "1"),
        (RDS, "main", "1"),
    ];
    let sds = s.on_change(served("s2", &target));
    assert_eq!(shown(&sds), ["secret other@1"]);
    assert!(s.say(ack(&sds[0])).is_empty());
    let sds = s.on_change(served(
        "s3",
        &[
            (CDS, "c1", "1"),
            (SDS, "cert", "1"),
            (LDS, "l", "1"),
            (RDS, "main", "1"),
        ],
    ));
    assert_eq!(shown(&sds), ["secret -other"]);
    assert!(s.say(ack(&sds[0])).is_empty(), "and not twice");
}

#[test]
fn a_stale_nonce_is_ignored_but_its_subscription_counts() {
    let mut s = connected();
    let target = [
        (CDS, "c1", "2"),
        (SDS, "cert", "1"),
        (LDS, "l", "1"),
        (RDS, "main", "2"),
    ];
    let cds = s.on_change(served("s2", &target));
    let mut stale = nack(&cds[0], "no");
    stale.nonce = "1".to_owned();
    let nothing = Reaction {
        responses: vec![],
        refused: None,
    };
    assert_eq!(s.on_request(stale.clone()).unwrap(), nothing);
    stale.nonce = "made up".to_owned();
    stale.error = None;
    stale.subscribe = vec!["nope".to_owned()];
    assert!(s.say(stale).is_empty(), "held while an answer is outstanding");
    let next = s.say(ack(&cds[0]));
    assert_eq!(shown(&next), ["cluster -nope"]);
    assert_eq!(shown(&s.say(ack(&next[0]))), ["route main@2"]);
}

#[test]
fn an_unsubscribed_name_is_not_sent_and_a_new_subscription_gets_it_again() {
    let mut s = connected();
    let mut request = first(SDS, &[]);
    request.unsubscribe = vec!["cert".to_owned()];
    assert!(s.say(request).is_empty());
    let target = [
        (CDS, "c1", "1"),
        (SDS, "cert", "2"),
        (LDS, "l", "1"),
        (RDS, "main", "1"),
    ];
    assert!(s.on_change(served("s2", &target)).is_empty());
    assert!(s.settled());
    assert_eq!(shown(&s.say(first(SDS, &["cert"]))), ["secret cert@2"]);
}

#[test]
fn a_name_given_up_under_a_wildcard_is_told_again() {
    let mut s = connected();
    let answer = s.say(first(CDS, &["c1", "nope"]));
    assert_eq!(shown(&answer), ["cluster c1@1 -nope"]);
    s.say(ack(&answer[0]));
    let mut request = first(CDS, &[]);
    request.unsubscribe = vec!["c1".to_owned(), "nope".to_owned()];
    assert_eq!(shown(&s.say(request)), ["cluster c1@1 -nope"]);
}

#[test]
fn a_reconnected_client_gets_what_it_lacks_and_loses_nothing_too_early() {
    let mut s = stream();
    let target = [(CDS, "c2", "1"), (LDS, "l", "1"), (RDS, "main", "2")];
    assert!(s.on_change(served("s2", &target)).is_empty());
    let with = |kind, names: &[&str], held: &[(&str, &str)]| DeltaRequest {
        initial_versions: held
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        ..first(kind, names)
    };
    let cds = s.say(with(CDS, &[], &[("c1", "1")]));
    assert_eq!(shown(&cds), ["cluster c2@1"]);
    assert!(
        s.say(ack(&cds[0])).is_empty(),
        "c1 stays while the old route may name it"
    );
    let lds = s.say(with(LDS, &[], &[("l", "1")]));
    assert_eq!(shown(&lds), ["listener"], "up to date: an empty answer");
    assert!(s.say(ack(&lds[0])).is_empty());
    let rds = s.say(with(RDS, &["main"], &[("main", "1")]));
    assert_eq!(shown(&rds), ["route main@2"]);
    assert_eq!(shown(&s.say(ack(&rds[0]))), ["cluster -c1"]);
}

#[test]
fn only_wildcard_types_may_be_had_whole() {
    let mut s = connected();
    let mut request = first(SDS, &["*"]);
    assert!(s.say(request.clone()).is_empty());
    request.type_url = "route".to_owned();
    assert!(s.say(request).is_empty());
}

#[test]
fn what_passes_a_limit_ends_the_stream() {
    let limits = Limits {
        names_per_request: 3,
        subscriptions: 4,
        name_bytes: 5,
    };
    let mut s = DeltaStream::new(&ORDER, limits);
    let err = |s: &mut DeltaStream, request| s.on_request(request).unwrap_err();
    assert_eq!(
        err(&mut s, first(SDS, &["a", "b", "c", "d"])),
        StreamError::TooManyNames { found: 4, limit: 3 }
    );
    assert_eq!(
        err(&mut s, first(SDS, &["abcdef"])),
        StreamError::NameTooLong { found: 6, limit: 5 }
    );
    assert_eq!(
        err(&mut s, first("nope\n", &[])),
        StreamError::UnknownType("nope\u{fffd}".to_owned())
    );
    assert!(s.say(first(SDS, &["a", "b", "c"])).is_empty());
    assert_eq!(
        err(&mut s, first(SDS, &["d", "e"])),
        StreamError::TooManySubscriptions {
            type_url: SDS,
            limit: 4
        }
    );
    let mut s = DeltaStream::new(&ORDER, limits);
    let initial_versions = vec![("a".to_owned(), "123456".to_owned())];
    assert_eq!(
        err(
            &mut s,
            DeltaRequest {
                initial_versions,
                ..first(CDS, &[])
            }
        ),
        StreamError::NameTooLong { found: 6, limit: 5 }
    );
}

#[test]
fn no_content_is_shown_by_debug() {
    let mut s = stream();
    let _ = s.on_change(served("s1", &[(CDS, "SECRET", "1")]));
    let DeltaResponse { resources, .. } = s.say(first(CDS, &[])).remove(0);
    let (name, version, bytes) = resources[0].clone();
    assert_eq!(bytes, "SECRET");
    let shown = format!(
        "{:?}",
        Resource {
            version: version.clone(),
            bytes: bytes.clone()
        }
    );
    assert_eq!(shown, "Resource { version: \"1\", bytes: 6 }");
    let response = DeltaResponse {
        type_url: CDS,
        nonce: "1".to_owned(),
        system_version: "v".to_owned(),
        resources: vec![("n".to_owned(), version, bytes)],
        removed: Vec::new(),
    };
    assert_eq!(name, "SECRET");
    assert!(!format!("{response:?}").contains("SECRET"));
}
