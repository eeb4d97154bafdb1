use super::*;

fn part(path: &str, context: Context, headers: ResponseHeaders) -> Arc<Part<Route>> {
    let matcher = Match::Path(path.to_owned());
    Arc::new(Part::new(Route {
        response_headers: headers,
        ..Route::plain(format!("route-{path}"), matcher, Action::status(404), context)
    }))
}

fn inherit() -> ResponseHeaders {
    ResponseHeaders::Inherit(Vec::new())
}

fn table(first: ResponseHeaders) -> RouteTable {
    let shared = part("/.pomerium", Context::Internal, inherit());
    let host = |name: &str, own: Arc<Part<Route>>| {
        Arc::new(Part::new(VirtualHost {
            name: name.to_owned(),
            domains: vec![name.to_owned(), format!("{name}:*")],
            routes: vec![Arc::clone(&shared), own, Arc::clone(&shared)],
        }))
    };
    let long = "a".repeat(300);
    let policy = Context::Policy(portcullis_model::RouteId(7));
    RouteTable {
        response_headers: vec![
            ("X-Frame-Options".to_owned(), "SAMEORIGIN".to_owned()),
            ("x-test".to_owned(), "100%".to_owned()),
        ],
        hosts: vec![
            host("a.test", part("/a", Context::NoRoute, first)),
            host("b.test", part(&long, policy, inherit())),
        ],
    }
}

fn read(table: &RouteTable) -> route::RouteConfiguration {
    route::RouteConfiguration::decode(encoded("main", table).as_slice()).unwrap()
}

#[test]
fn the_pieces_are_the_whole() {
    let to_json = crate::transcode::Transcoder::new().unwrap();
    for first in [inherit(), ResponseHeaders::None] {
        let table = table(first);
        let read = read(&table);
        assert_eq!(read.virtual_hosts[1].routes.len(), 3);
        // A context is a map inside an `Any`: its bytes have no order, its JSON has.
        let whole = to_json.convert(&message("main", &table)).unwrap();
        assert_eq!(to_json.convert(&read).unwrap(), whole);
    }
}

/// Names and values, as Envoy reads them.
fn pairs(options: &[HeaderValueOption]) -> Vec<(&str, &str)> {
    options
        .iter()
        .map(|option| {
            assert_eq!(option.append_action, header_append_overwrite());
            let header = option.header.as_ref().unwrap();
            (header.key.as_str(), header.value.as_str())
        })
        .collect()
}

fn header_append_overwrite() -> i32 {
    use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
    HeaderAppendAction::OverwriteIfExistsOrAdd.into()
}

#[test]
fn a_route_sets_its_own_over_the_tables() {
    let own = vec![("x-frame-options".to_owned(), "DENY".to_owned())];
    let read = read(&table(ResponseHeaders::Inherit(own)));
    assert!(read.most_specific_header_mutations_wins);
    assert_eq!(
        pairs(&read.response_headers_to_add),
        [("X-Frame-Options", "SAMEORIGIN"), ("x-test", "100%%")]
    );
    let routes: Vec<_> = read.virtual_hosts.iter().flat_map(|host| &host.routes).collect();
    assert_eq!(
        pairs(&routes[1].response_headers_to_add),
        [("x-frame-options", "DENY")]
    );
    assert!(pairs(&routes[4].response_headers_to_add).is_empty());
}

#[test]
fn where_a_route_sets_none_the_others_set_the_tables() {
    let mut table = table(ResponseHeaders::None);
    let own = vec![("x-frame-options".to_owned(), "DENY".to_owned())];
    let third = part("/third", Context::NoRoute, ResponseHeaders::Inherit(own));
    let mut host = table.hosts[1].value.clone();
    host.routes.push(third);
    table.hosts[1] = Arc::new(Part::new(host));
    let read = read(&table);
    assert!(read.response_headers_to_add.is_empty());
    let [first, second] = read.virtual_hosts.as_slice() else {
        panic!()
    };
    let both = [("X-Frame-Options", "SAMEORIGIN"), ("x-test", "100%%")];
    assert_eq!(pairs(&first.routes[0].response_headers_to_add), both);
    assert!(first.routes[1].response_headers_to_add.is_empty());
    assert_eq!(pairs(&second.routes[1].response_headers_to_add), both);
    assert_eq!(
        pairs(&second.routes[3].response_headers_to_add),
        [("x-test", "100%%"), ("x-frame-options", "DENY")]
    );
}

#[test]
fn a_rewrite_makes_no_dots() {
    let upstream = |rewrite: &str| {
        Action::Upstream(portcullis_snapshot::Upstream {
            cluster: "c".to_owned(),
            prefix_rewrite: Some(rewrite.to_owned()),
            host: portcullis_snapshot::HostRewrite::Endpoint,
            forwarded_host: true,
            timeout_ms: 0,
            idle_timeout_ms: None,
        })
    };
    let guard = |prefix: &str, rewrite: &str| {
        let matcher = Match::Prefix(prefix.to_owned());
        let route = Route::plain("r".to_owned(), matcher, upstream(rewrite), Context::NoRoute);
        let headers = one(&route, None).r#match.unwrap().headers;
        headers.into_iter().next().map(|header| {
            assert!(header.invert_match && header.name == ":path");
            match header.header_match_specifier {
                Some(HeaderMatchSpecifier::StringMatch(text)) => text.match_pattern.unwrap(),
                other => panic!("{other:?}"),
            }
        })
    };
    let begins = |text: &str| Some(MatchPattern::Prefix(text.to_owned()));
    assert_eq!(guard("/app", "/base/"), begins("/app.."));
    assert_eq!(guard("/app", "/"), begins("/app.."));
    assert_eq!(guard("/app", "/base/."), begins("/app."));
    for (prefix, rewrite) in [
        ("/app", "/base"),
        ("/app/", "/base/"),
        ("/", "/base/"),
        ("/app", "/a.."),
    ] {
        assert_eq!(guard(prefix, rewrite), None, "{prefix} {rewrite}");
    }
}
