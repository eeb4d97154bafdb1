use super::*;
use jiff::Timestamp;

fn row() -> Row {
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    Row {
        id: "0195a000-a000-7000-8000-00000000a01a".parse().unwrap(),
        log_name: "2f6979adfef412c1".to_owned(),
        email: "ada@example.com".to_owned(),
        user_id: "user-1".to_owned(),
        provider_id: "p1".to_owned(),
        state: State::Live,
        issued_at: time("2026-11-01T10:00:00.5Z"),
        expires_at: time("2026-11-02T00:00:00Z"),
        refreshed_at: None,
    }
}

#[test]
fn the_table_is_aligned() {
    let long = Row {
        email: "a-rather-long-address@example.com".to_owned(),
        state: State::Expired,
        refreshed_at: Some(row().issued_at),
        ..row()
    };
    let text = table::text(&[row(), long]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "ID                                    E-MAIL                             USER ID  PROVIDER  ISSUED                EXPIRES                       LAST REFRESHED",
            "0195a000-a000-7000-8000-00000000a01a  ada@example.com                    user-1   p1        2026-11-01T10:00:00Z  2026-11-02T00:00:00Z          -",
            "0195a000-a000-7000-8000-00000000a01a  a-rather-long-address@example.com  user-1   p1        2026-11-01T10:00:00Z  2026-11-02T00:00:00Z (ended)  2026-11-01T10:00:00Z",
        ]
    );
    assert_eq!(table::text(&[]), "no sessions\n");
}

#[test]
fn nothing_that_a_provider_says_moves_the_cursor() {
    let nasty = Row {
        email: "a\u{1b}[2Kb\r\nc\u{202e}d\u{200b}e\u{85}f".to_owned(),
        ..row()
    };
    let text = table::text(&[nasty]);
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.contains(r"a\u{1b}[2Kb\u{d}\u{a}c\u{202e}d\u{200b}e\u{85}f"),
        "{text}"
    );
}

#[test]
fn nothing_that_an_instance_says_of_a_session_moves_the_cursor() {
    let nasty = "a\u{1b}[2K\u{9b}b\n".to_owned();
    let row = Row {
        log_name: nasty.clone(),
        email: nasty.clone(),
        user_id: nasty.clone(),
        provider_id: nasty.clone(),
        ..row()
    };
    let mut claims = serde_json::Map::new();
    claims.insert(nasty.clone(), json!(nasty));
    let details = protocol::Details {
        row,
        name: nasty,
        access_token_expires_at: None,
        id_token_expires_at: None,
        refreshable: false,
        refresh_due_at: None,
        refresh_failures: 0,
        userinfo_at: None,
        record_version: 1,
        claims,
    };
    let text = show::text(&details);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert_eq!(text.lines().count(), 19, "{text:?}");
}

#[test]
fn an_instance_that_stays_where_it_is_is_not_asked_for_ever() {
    let at = |text: &str| Some(text.to_owned());
    assert_eq!(forward(None, at("a")).unwrap(), at("a"));
    assert_eq!(forward(at("a"), at("b")).unwrap(), at("b"));
    assert_eq!(forward(at("a"), None).unwrap(), None);
    assert!(forward(at("a"), at("a")).is_err());
}

#[test]
fn a_session_is_shown_fact_by_fact() {
    let mut claims = serde_json::Map::new();
    claims.insert("groups".to_owned(), json!(["admins", "st\u{1b}aff"]));
    let details = protocol::Details {
        row: row(),
        name: "Ada\nAdmin".to_owned(),
        access_token_expires_at: None,
        id_token_expires_at: None,
        refreshable: true,
        refresh_due_at: Some(row().expires_at),
        refresh_failures: 2,
        userinfo_at: None,
        record_version: 7,
        claims,
    };
    let text = show::text(&details);
    for line in [
        "id                    0195a000-a000-7000-8000-00000000a01a",
        "name in logs          2f6979adfef412c1",
        "state                 live",
        r"name                  Ada\u{a}Admin",
        "refresh token         yes",
        "refresh due           2026-11-02T00:00:00Z",
        "last refreshed        -",
        "failed refreshes      2",
        "claims",
        r#"  groups: ["admins","st\u001baff"]"#,
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
}
