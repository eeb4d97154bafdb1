use super::*;
use crate::matcher::PathPattern;
use crate::tests::{settings, simple_route};
use crate::{FoundBy, RoutePolicy};
use portcullis_model::HostPattern;

fn route(id: u64, name: Option<&str>, host: &str, path: PathPattern, turn: u32) -> Arc<Route> {
    Arc::new(Route {
        name: name.map(str::to_owned),
        host: HostPattern::parse(host).unwrap(),
        found_by: Some(FoundBy { path, turn }),
        ..Route::clone(&simple_route(id, "why"))
    })
}

fn bundle(routes: &[Arc<Route>]) -> Bundle {
    Bundle::new(settings(1), routes.iter().cloned())
}

fn find(table: &Table, host: &str, path: &str) -> Found {
    table.find("GET", &Host::parse(host).unwrap(), None, path)
}

#[test]
fn routes_are_tried_in_their_turn() {
    let routes = [
        route(9, None, "a.test", PathPattern::Prefix("/a".into()), 0),
        route(1, None, "a.test", PathPattern::Any, 1),
        route(5, None, "*.test", PathPattern::Any, 0),
    ];
    let mut backwards = routes.clone();
    backwards.reverse();
    for routes in [&routes, &backwards] {
        let table = Table::of(&bundle(routes), None).unwrap();
        assert_eq!(find(&table, "a.test", "/ab"), Found::Route(RouteId(9)));
        assert_eq!(find(&table, "a.test", "/b"), Found::Route(RouteId(1)));
        assert_eq!(find(&table, "b.test", "/a"), Found::Route(RouteId(5)));
        assert_eq!(find(&table, "b.example", "/a"), Found::Nothing);
        assert_eq!(find(&table, "a.test", "/.pomerium/"), Found::Internal);
        assert_eq!(
            find(&table, "auth.example.com", "/oauth2/callback"),
            Found::Internal
        );
    }
}

#[test]
fn what_another_port_would_meet_is_told() {
    let at = |port, route: Arc<Route>| {
        Arc::new(Route {
            port,
            ..Route::clone(&route)
        })
    };
    let any = |id, host: &str| route(id, None, host, PathPattern::Any, 0);
    let prefix = PathPattern::Prefix("/p".into());
    let routes = [
        at(Some(8443), any(1, "one.test")),
        any(2, "every.test"),
        at(Some(8443), any(3, "two.test")),
        at(Some(9443), any(4, "two.test")),
        at(Some(8443), route(5, None, "part.test", prefix, 0)),
        any(6, "part.test"),
        at(Some(8443), any(7, "app.stars.test")),
        any(8, "*.stars.test"),
        at(Some(8443), any(9, "*.bound.test")),
        at(Some(9443), any(10, "x.bound.test")),
    ];
    let table = Table::of(&bundle(&routes), None).unwrap();
    for (host, path, hangs) in [
        ("one.test", "/", false),
        ("every.test", "/", false),
        ("two.test", "/", true),
        ("part.test", "/p", true),
        ("part.test", "/q", false),
        // Without its port it is one of the stars'.
        ("app.stars.test", "/", true),
        ("y.stars.test", "/", false),
        // A host of its own hides the stars, but not on another port.
        ("x.bound.test", "/", true),
        ("y.bound.test", "/", false),
        ("unknown.test", "/", false),
    ] {
        let host = Host::parse(host).unwrap();
        for port in table.matcher.ports(&host) {
            if table.find("GET", &host, port, path) != Found::Nothing {
                let told = table.hangs_on_the_port("GET", &host, port, path);
                assert_eq!(told, hangs, "{host} {port:?}");
            }
        }
    }
}

#[test]
fn a_name_that_two_routes_have_names_none() {
    let routes = [
        route(1, Some("a"), "a.test", PathPattern::Any, 0),
        route(2, Some("b"), "b.test", PathPattern::Any, 0),
        route(3, Some("b"), "c.test", PathPattern::Any, 0),
        route(4, None, "d.test", PathPattern::Any, 0),
    ];
    let table = Table::of(&bundle(&routes), None).unwrap();
    assert_eq!(table.named("a"), Some(Named::One(RouteId(1))));
    assert_eq!(table.named("b"), Some(Named::Several));
    for unknown in ["A", "", "c"] {
        assert_eq!(table.named(unknown), None, "{unknown}");
    }
}

#[test]
fn a_named_route_is_for_its_own_paths() {
    let routes = [
        route(1, None, "a.test", PathPattern::Any, 0),
        route(2, Some("b"), "a.test", PathPattern::Prefix("/b".into()), 1),
        route(3, Some("c"), "*.test", PathPattern::Path("/c".into()), 0),
        route(4, Some("d"), "b.test", PathPattern::Any, 0),
        route(5, Some("d"), "c.test", PathPattern::Any, 0),
    ];
    let table = Table::of(&bundle(&routes), None).unwrap();
    for (name, route, path, takes) in [
        ("b", 1, "/b/x", true),
        ("b", 1, "/a", false),
        ("c", 2, "/c", true),
        ("c", 2, "/c/", false),
        ("d", 3, "/", false),
        ("e", 0, "/", false),
    ] {
        assert_eq!(table.takes(name, &routes[route], path), takes, "{name} {path}");
    }
}

#[test]
fn where_each_host_logs_in_its_callback_is_ours() {
    let mut each = Arc::try_unwrap(settings(1)).unwrap();
    each.authenticate = Authenticate::EachHost;
    let routes = [
        route(1, None, "a.test", PathPattern::Any, 0),
        route(2, None, "*.b.test", PathPattern::Any, 0),
    ];
    let bundle = Bundle::new(Arc::new(each), routes);
    let table = Table::of(&bundle, None).unwrap();
    for host in ["a.test", "x.b.test"] {
        assert_eq!(find(&table, host, "/oauth2/callback"), Found::Internal, "{host}");
        assert!(
            matches!(find(&table, host, "/robots.txt"), Found::Route(_)),
            "{host}"
        );
        assert!(
            matches!(find(&table, host, "/oauth2/callback/"), Found::Route(_)),
            "{host}"
        );
    }
    assert_eq!(find(&table, "c.test", "/oauth2/callback"), Found::Nothing);
    let host = Host::parse("a.test").unwrap();
    assert_eq!(
        table.find("CONNECT", &host, None, "/oauth2/callback"),
        Found::Nothing
    );
    assert_eq!(
        table.find("GET", &host, Some(9), "/oauth2/callback"),
        Found::Internal
    );
}

#[test]
fn routes_of_a_former_configuration_are_not_found() {
    let old = bundle(&[
        route(1, Some("a"), "a.test", PathPattern::Any, 0),
        route(2, Some("b"), "b.test", PathPattern::Any, 0),
    ]);
    let new = bundle(&[route(3, Some("a"), "a.test", PathPattern::Any, 0)]);
    let union = new.union(&old);
    assert!(union.route(RouteId(1)).is_some() && union.route(RouteId(2)).is_some());
    let table = Table::of(&union, None).unwrap();
    assert_eq!(find(&table, "a.test", "/"), Found::Route(RouteId(3)));
    assert_eq!(find(&table, "b.test", "/"), Found::Nothing);
    assert_eq!(table.named("a"), Some(Named::One(RouteId(3))));
    assert_eq!(table.named("b"), None);
}

#[test]
fn a_table_lives_on_while_nothing_of_it_changes() {
    let first = [
        route(1, Some("a"), "a.test", PathPattern::Any, 1),
        route(2, None, "a.test", PathPattern::Regex("/b+".into()), 0),
    ];
    let table = Table::of(&bundle(&first), None).unwrap();
    let mut other_policy = Route::clone(&first[0]);
    other_policy.policy = RoutePolicy::Invalid { message: "x".into() };
    let edited = [Arc::new(other_policy), Arc::clone(&first[1])];
    let same = Table::of(&bundle(&edited), Some(&table)).unwrap();
    assert!(Arc::ptr_eq(&table, &same));
    for changed in [
        route(1, Some("b"), "a.test", PathPattern::Any, 1),
        route(1, Some("a"), "a.test", PathPattern::Any, 2),
        route(3, Some("a"), "a.test", PathPattern::Any, 1),
    ] {
        let other = Table::of(&bundle(&[changed, Arc::clone(&first[1])]), Some(&table)).unwrap();
        assert!(!Arc::ptr_eq(&table, &other));
    }
    let broken = [route(1, None, "a.test", PathPattern::Regex("(".into()), 0)];
    assert!(Table::of(&bundle(&broken), Some(&table)).is_err());
}
