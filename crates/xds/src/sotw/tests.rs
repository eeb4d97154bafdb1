use super::*;
use crate::Resource;

const CDS: TypeUrl = "cluster";
const SDS: TypeUrl = "secret";
const LDS: TypeUrl = "listener";
const RDS: TypeUrl = "route";

const fn stage(type_url: TypeUrl, wildcard: bool, leaf: bool) -> Stage {
    Stage {
        type_url,
        wildcard,
        leaf,
        lingers: false,
    }
}

const ORDER: [Stage; 4] = [
    stage(CDS, true, false),
    stage(SDS, false, true),
    stage(LDS, true, false),
    stage(RDS, false, false),
];

/// Resources as `type name@version`; the content says the same.
fn served(version: &str, all: &[&str]) -> Arc<Served> {
    let mut out = Served {
        version: version.to_owned(),
        ..Served::default()
    };
    for text in all {
        let (kind, rest) = text.split_once(' ').unwrap();
        let (name, version) = rest.split_once('@').unwrap();
        let kind = ORDER.iter().find(|s| s.type_url == kind).unwrap().type_url;
        let resource = Resource {
            version: version.to_owned(),
            bytes: Bytes::from(rest.to_owned()),
        };
        let of_kind = out.resources.entry(kind).or_default();
        of_kind.insert(name.to_owned(), resource);
    }
    Arc::new(out)
}

fn first(kind: TypeUrl, names: &[&str]) -> SotwRequest {
    SotwRequest {
        type_url: kind.to_owned(),
        names: names.iter().map(|n| (*n).to_owned()).collect(),
        ..SotwRequest::default()
    }
}

fn ack(response: &SotwResponse, names: &[&str]) -> SotwRequest {
    SotwRequest {
        version: response.version.clone(),
        nonce: response.nonce.clone(),
        ..first(response.type_url, names)
    }
}

fn nack(response: &SotwResponse, names: &[&str], error: &str) -> SotwRequest {
    SotwRequest {
        version: String::new(),
        error: Some(error.to_owned()),
        ..ack(response, names)
    }
}

/// `type version: name@version …`, one text a response.
fn shown(responses: &[SotwResponse]) -> Vec<String> {
    let show = |r: &SotwResponse| {
        let mut text = format!("{} {}:", r.type_url, r.version);
        for (name, bytes) in &r.resources {
            let content = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(content.starts_with(&format!("{name}@")));
            text += &format!(" {content}");
        }
        text
    };
    responses.iter().map(show).collect()
}

fn stream() -> SotwStream {
    SotwStream::new(&ORDER, Limits::default())
}

impl SotwStream {
    fn say(&mut self, request: SotwRequest) -> Vec<SotwResponse> {
        self.on_request(request).unwrap().responses
    }
}

const STATE: [&str; 4] = ["cluster c1@1", "secret cert@1", "listener l@1", "route main@1"];

/// A client that has taken [`STATE`].
fn connected() -> SotwStream {
    let mut s = stream();
    assert!(s.on_change(served("s1", &STATE)).is_empty());
    let cds = s.say(first(CDS, &[]));
    assert_eq!(shown(&cds), ["cluster s1: c1@1"]);
    assert!(
        s.say(first(LDS, &[])).is_empty(),
        "listeners wait for the clusters"
    );
    let lds = s.say(ack(&cds[0], &[]));
    assert_eq!(shown(&lds), ["listener s1: l@1"]);
    let sds = s.say(first(SDS, &["cert"]));
    assert_eq!(shown(&sds), ["secret s1: cert@1"], "a leaf is never held back");
    assert!(s.say(first(RDS, &["main"])).is_empty());
    assert!(s.say(ack(&sds[0], &["cert"])).is_empty());
    let rds = s.say(ack(&lds[0], &[]));
    assert_eq!(shown(&rds), ["route s1: main@1"]);
    assert!(!s.settled());
    assert!(s.say(ack(&rds[0], &["main"])).is_empty());
    assert_eq!(s.acknowledged(), Some("s1"));
    s
}

#[test]
fn a_first_subscription_settles_in_order() {
    connected();
}

#[test]
fn an_empty_wildcard_type_is_answered_once() {
    let mut s = stream();
    assert!(s.on_change(served("s1", &[])).is_empty());
    let cds = s.say(first(CDS, &[]));
    assert_eq!(shown(&cds), ["cluster s1:"]);
    assert!(s.say(ack(&cds[0], &[])).is_empty());
    assert!(s.settled());
}

#[test]
fn a_set_first_holds_what_goes_and_is_said_without_it_last() {
    let mut s = connected();
    let target = ["cluster c2@1", "secret cert@2", "listener l2@1", "route main@2"];
    let cds = s.on_change(served("s2", &target));
    assert_eq!(shown(&cds), ["cluster s2.0.5: c1@1 c2@1"]);
    let sds = s.say(ack(&cds[0], &[]));
    assert_eq!(shown(&sds), ["secret s2: cert@2"]);
    let lds = s.say(ack(&sds[0], &["cert"]));
    assert_eq!(shown(&lds), ["listener s2.0.7: l@1 l2@1"]);
    let rds = s.say(ack(&lds[0], &[]));
    assert_eq!(shown(&rds), ["route s2: main@2"]);
    let gone = s.say(ack(&rds[0], &["main"]));
    assert_eq!(shown(&gone), ["listener s2: l2@1"]);
    let gone = s.say(ack(&gone[0], &[]));
    assert_eq!(shown(&gone), ["cluster s2: c2@1"]);
    assert!(!s.settled());
    assert!(s.say(ack(&gone[0], &[])).is_empty());
    assert_eq!(s.acknowledged(), Some("s2"));
}

#[test]
fn in_place_of_a_refused_version_stands_the_last_good_one() {
    let mut s = connected();
    let bad = [
        "cluster c1@2",
        "cluster c2@1",
        "secret cert@1",
        "listener l@1",
        "route main@1",
    ];
    let cds = s.on_change(served("s2", &bad));
    assert_eq!(shown(&cds), ["cluster s2: c1@2 c2@1"]);
    let error = "Error adding/updating cluster(s) c1: malformed";
    let reaction = s.on_request(nack(&cds[0], &[], error)).unwrap();
    assert_eq!(reaction.refused, Some(CDS));
    assert_eq!(shown(&reaction.responses), ["cluster s2.0.6: c1@1 c2@1"]);
    let cds = s.say(ack(&reaction.responses[0], &[]));
    assert_eq!(shown(&cds), ["cluster s2: c1@2 c2@1"], "the suspect, on top");
    assert!(s.say(nack(&cds[0], &[], error)).is_empty());
    assert!(s.settled());
    let expected = Rejection {
        type_url: CDS,
        name: "c1".to_owned(),
        refused_version: "2".to_owned(),
        held_version: Some("1".to_owned()),
        reason: error.to_owned(),
    };
    assert_eq!(s.rejections(), [expected]);

    let mut more = bad.to_vec();
    more.push("cluster c3@1");
    let cds = s.on_change(served("s3", &more));
    assert_eq!(shown(&cds), ["cluster s3.0.8: c1@1 c2@1 c3@1"], "not sent again");
    assert!(s.say(ack(&cds[0], &[])).is_empty());
    more[0] = "cluster c1@3";
    let cds = s.on_change(served("s4", &more));
    assert_eq!(shown(&cds), ["cluster s4: c1@3 c2@1 c3@1"]);
    assert!(s.say(ack(&cds[0], &[])).is_empty());
    assert!(s.rejections().is_empty());
}

#[test]
fn the_clusters_of_a_refused_route_table_stay() {
    let mut s = connected();
    let target = ["cluster c2@1", "secret cert@1", "listener l@1", "route main@2"];
    let cds = s.on_change(served("s2", &target));
    let rds = s.say(ack(&cds[0], &[]));
    assert_eq!(shown(&rds), ["route s2: main@2"]);
    assert!(s.say(nack(&rds[0], &["main"], "missing ]: [")).is_empty());
    assert!(s.settled());
    let target = [
        "cluster c2@1",
        "cluster c3@1",
        "secret cert@1",
        "listener l@1",
        "route main@2",
    ];
    let cds = s.on_change(served("s3", &target));
    assert_eq!(shown(&cds), ["cluster s3.0.7: c1@1 c2@1 c3@1"]);
    assert!(s.say(ack(&cds[0], &[])).is_empty(), "main@2 is not sent again");
}

#[test]
fn new_names_are_answered_at_once_and_alone() {
    let mut s = connected();
    let more = [
        "cluster c1@1",
        "cluster c2@1",
        "secret cert@1",
        "secret new@1",
        "listener l@1",
        "route main@1",
    ];
    let cds = s.on_change(served("s2", &more));
    assert_eq!(shown(&cds), ["cluster s2: c1@1 c2@1"]);
    let mut request = first(SDS, &["cert", "new"]);
    request.nonce = "3".to_owned();
    let sds = s.say(request);
    assert_eq!(
        shown(&sds),
        ["secret s2: new@1"],
        "though the clusters are not answered"
    );
    assert!(s.say(ack(&sds[0], &["cert", "new"])).is_empty());

    // Given up and wanted again: the client no longer has it.
    assert!(s.say(ack(&sds[0], &["new"])).is_empty());
    let sds = s.say(ack(&sds[0], &["cert", "new"]));
    assert_eq!(shown(&sds), ["secret s2: cert@1"]);
}

#[test]
fn a_name_that_does_not_exist_is_answered_once_and_sent_when_it_appears() {
    let mut s = connected();
    let sds = s.say(first(SDS, &["cert", "other"]));
    assert_eq!(shown(&sds), ["secret s1:"]);
    assert!(s.say(ack(&sds[0], &["cert", "other"])).is_empty());
    assert!(s.settled());
    let mut with = STATE.to_vec();
    with.push("secret other@1");
    let sds = s.on_change(served("s2", &with));
    assert_eq!(shown(&sds), ["secret s2: other@1"]);
    assert!(s.say(ack(&sds[0], &["cert", "other"])).is_empty());
    assert!(
        s.on_change(served("s3", &STATE)).is_empty(),
        "there is no word for it"
    );
    assert_eq!(s.acknowledged(), Some("s3"));
    let sds = s.on_change(served("s4", &with));
    assert_eq!(shown(&sds), ["secret s4: other@1"]);
}

#[test]
fn a_stale_nonce_is_ignored_but_its_names_count() {
    let mut s = connected();
    let target = [
        "cluster c1@2",
        "secret cert@1",
        "secret new@1",
        "listener l@1",
        "route main@1",
    ];
    let cds = s.on_change(served("s2", &target));
    let mut stale = nack(&cds[0], &[], "no");
    stale.nonce = "1".to_owned();
    let nothing = Reaction {
        responses: vec![],
        refused: None,
    };
    assert_eq!(s.on_request(stale).unwrap(), nothing);
    let mut lie = first(SDS, &["cert", "new"]);
    lie.nonce = "made up".to_owned();
    lie.version = "a lie".to_owned();
    assert_eq!(shown(&s.say(lie.clone())), ["secret s2: new@1"]);
    assert!(s.say(lie).is_empty(), "waits for an answer");
    assert!(s.say(ack(&cds[0], &[])).is_empty());
    assert!(s.rejections().is_empty() && !s.settled());
}

#[test]
fn a_request_that_says_nothing_new_gets_its_names_again_but_no_refused_one() {
    let mut s = connected();
    let mut target = STATE.to_vec();
    target[3] = "route main@2";
    let rds = s.on_change(served("s2", &target));
    assert!(s.say(nack(&rds[0], &["main"], "no")).is_empty());
    let mut again = first(RDS, &["main"]);
    again.nonce.clone_from(&rds[0].nonce);
    assert!(s.say(again).is_empty());
    let mut again = first(SDS, &["cert"]);
    again.nonce = "3".to_owned();
    assert_eq!(shown(&s.say(again)), ["secret s2: cert@1"]);
    // All of a type is never repeated.
    let mut again = first(CDS, &[]);
    again.nonce = "1".to_owned();
    assert!(s.say(again).is_empty());
}

#[test]
fn a_reconnected_client_keeps_what_goes_until_its_routes_are_new() {
    let mut s = connected();
    // Its answer gets lost.
    let mut target = STATE.to_vec();
    target.extend(["cluster c2@1", "cluster c3@1"]);
    let cds = s.on_change(served("s2", &target));
    assert!(!s.settled());

    let target = ["cluster c2@2", "secret cert@1", "listener l@1", "route main@2"];
    let next = |version: &str, former| {
        let mut next = stream().after(7, vec![Arc::default(), former]);
        assert!(next.on_change(served("s3", &target)).is_empty());
        let request = SotwRequest {
            version: version.to_owned(),
            ..first(CDS, &[])
        };
        let cds = next.say(request);
        (next, cds)
    };
    let former = Arc::new(s.into_former());
    let (_, unknown) = next("lie", former.clone());
    assert_eq!(shown(&unknown), ["cluster s3: c2@2"]);
    let (_, before) = next("s1", former.clone());
    assert_eq!(shown(&before), ["cluster s3.7.1: c1@1 c2@2"]);
    let (mut s, sent) = next(&cds[0].version, former);
    assert_eq!(shown(&sent), ["cluster s3.7.1: c1@1 c2@2 c3@1"]);

    // Refused, the last good version of the former stream takes its place.
    let cds = s.say(nack(&sent[0], &[], "no"));
    assert_eq!(shown(&cds), ["cluster s3.7.2: c1@1 c2@1 c3@1"], "is that taken?");
    let cds = s.say(ack(&cds[0], &[]));
    assert!(s.say(nack(&cds[0], &[], "no")).is_empty());
    let lds = s.say(first(LDS, &[]));
    assert_eq!(shown(&lds), ["listener s3: l@1"]);
    assert!(
        s.say(ack(&lds[0], &[])).is_empty(),
        "c1 and c3 stay for the old routes"
    );
    let rds = s.say(first(RDS, &["main"]));
    assert_eq!(shown(&rds), ["route s3: main@2"]);
    let cds = s.say(ack(&rds[0], &["main"]));
    assert_eq!(shown(&cds), ["cluster s3.7.6: c2@1"]);
    assert_eq!(s.rejections()[0].held_version.as_deref(), Some("1"));
}

#[test]
fn what_was_taken_on_a_former_stream_and_is_refused_now_is_in_no_set() {
    let former = Arc::new(connected().into_former());
    let mut s = stream().after(1, vec![former]);
    let target = ["cluster c1@1", "cluster c2@1"];
    assert!(s.on_change(served("s2", &target)).is_empty());
    let mut request = first(CDS, &[]);
    request.version = "s1".to_owned();
    let cds = s.say(request);
    assert_eq!(shown(&cds), ["cluster s2: c1@1 c2@1"]);
    let cds = s.say(nack(&cds[0], &[], "no"));
    let cds = s.say(nack(&cds[0], &[], "no"));
    assert_eq!(shown(&cds), ["cluster s2.1.3: c2@1"]);
}

#[test]
fn what_a_client_only_says_to_hold_convicts_nobody() {
    let former = Arc::new(connected().into_former());
    for truthful in [true, false] {
        let mut s = stream().after(1, vec![Arc::clone(&former)]);
        assert!(s.on_change(served("s2", &["cluster c2@1"])).is_empty());
        let mut request = first(CDS, &[]);
        request.version = "s1".to_owned();
        let cds = s.say(request);
        assert_eq!(shown(&cds), ["cluster s2.1.1: c1@1 c2@1"]);
        let held = s.say(nack(&cds[0], &[], "no"));
        assert_eq!(shown(&held), ["cluster s2.1.2: c1@1"], "alone");
        if truthful {
            let cds = s.say(ack(&held[0], &[]));
            assert_eq!(shown(&cds), ["cluster s2.1.3: c1@1 c2@1"]);
            assert!(s.say(nack(&cds[0], &[], "no")).len() <= 1);
            assert_eq!(s.rejections()[0].name, "c2");
        } else {
            let cds = s.say(nack(&held[0], &[], "no"));
            assert_eq!(shown(&cds), ["cluster s2: c2@1"]);
            assert!(s.say(ack(&cds[0], &[])).is_empty());
            assert!(s.settled() && s.rejections().is_empty());
        }
    }
}

#[test]
fn names_and_all_of_a_type_can_be_changed_for_each_other() {
    let mut s = connected();
    let mut target = STATE.to_vec();
    target.push("cluster c2@1");
    let cds = s.on_change(served("s2", &target));
    let next = s.say(ack(&cds[0], &["*", "c2"]));
    assert!(next.is_empty());
    let next = s.say(ack(&cds[0], &["c2"]));
    assert!(next.is_empty(), "it holds that");
    let next = s.say(ack(&cds[0], &["c1", "c2"]));
    assert_eq!(shown(&next), ["cluster s2: c1@1 c2@1"]);
    assert!(
        s.say(ack(&next[0], &[])).is_empty(),
        "no names after names: nothing"
    );
    assert!(s.on_change(served("s3", &STATE)).is_empty());
    let next = s.say(ack(&next[0], &["*"]));
    assert_eq!(shown(&next), ["cluster s3: c1@1"]);
}

#[test]
fn what_passes_a_limit_ends_the_stream() {
    let limits = Limits {
        names_per_request: 3,
        subscriptions: 2,
        name_bytes: 5,
    };
    let mut s = SotwStream::new(&ORDER, limits);
    let mut err = |request| s.on_request(request).unwrap_err();
    assert_eq!(
        err(first(SDS, &["a", "b", "c", "d"])),
        StreamError::TooManyNames { found: 4, limit: 3 }
    );
    assert_eq!(
        err(first(SDS, &["abcdef"])),
        StreamError::NameTooLong { found: 6, limit: 5 }
    );
    assert_eq!(
        err(first("nope\n", &[])),
        StreamError::UnknownType("nope\u{fffd}".to_owned())
    );
    let mut long = first(SDS, &[]);
    long.version = "123456".to_owned();
    assert_eq!(err(long), StreamError::NameTooLong { found: 6, limit: 5 });
    assert_eq!(
        err(first(SDS, &["a", "b", "c"])),
        StreamError::TooManySubscriptions {
            type_url: SDS,
            limit: 2
        }
    );
}

#[test]
fn no_content_is_shown_by_debug() {
    let response = SotwResponse {
        type_url: SDS,
        nonce: "1".to_owned(),
        version: "v".to_owned(),
        resources: vec![("n".to_owned(), Bytes::from_static(b"SECRET"))],
    };
    assert!(!format!("{response:?}").contains("SECRET"));
    let mut s = stream();
    let _ = s.on_change(served("s1", &["cluster SECRET@1"]));
    let _ = s.say(first(CDS, &[]));
    assert!(format!("{:?}", s.into_former()).contains("bytes: 8"));
}
