mod arbitrary;
mod damage;

use std::sync::Arc;

use portcullis_bundle::Bundle;
use portcullis_model::RouteId;
use proptest::prelude::*;
use prost::Message as _;

use super::{Assembler, MAX_PART, MAX_ROUTES, Update, WireError, updates};
use crate::generated::feed as wire;
use arbitrary::{bundle, edited, program, route, settings};

/// Puts `parts` together as they would arrive: encoded and decoded.
fn assemble(held: Option<&Arc<Bundle>>, parts: Vec<Update>) -> Result<Option<Arc<Bundle>>, WireError> {
    let mut assembler = Assembler::new(held.cloned());
    let mut whole = None;
    for part in parts {
        assert!(whole.is_none(), "the last part makes it whole, and no other");
        let arrived = Update::decode(&*part.encode_to_vec()).unwrap();
        whole = assembler.push(arrived)?;
    }
    assert_eq!(
        assembler.held().map(|held| &held.version),
        whole.as_ref().or(held).map(|bundle| &bundle.version)
    );
    Ok(whole)
}

fn number_of<T>(parts: &[Update], of: impl Fn(&Update) -> &Vec<T>) -> usize {
    parts.iter().map(|part| of(part).len()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_bundle_arrives_as_it_is_from_nothing_and_from_any_other(old in bundle(), new in bundle(), mix in any::<u64>()) {
        // One of its own kind, too: most routes alike.
        let near = edited(&old, &new, mix);
        let old = Arc::new(old);
        for new in [&new, &near, &old] {
            let whole = assemble(None, updates(new, None)).unwrap().unwrap();
            prop_assert_eq!(&whole.version, &new.version);
            let change = updates(new, Some(&old));
            let changed = assemble(Some(&old), change).unwrap().unwrap();
            prop_assert_eq!(&changed.version, &new.version);
            prop_assert_eq!(
                changed.settings.redirect_hosts.entries(),
                new.settings.redirect_hosts.entries()
            );
        }
    }

    #[test]
    fn the_same_bundle_costs_one_empty_part(bundle in bundle()) {
        let parts = updates(&bundle, Some(&bundle));
        prop_assert_eq!(parts.len(), 1);
        prop_assert!(parts[0].encoded_len() < 200);
    }
}

#[test]
fn one_edited_route_is_all_that_travels() {
    let routes: Vec<_> = (0..500).map(|id| route(id, &program(&["a", "b"]))).collect();
    let old = Arc::new(Bundle::new(settings(1), routes.clone()));
    let mut edited = routes;
    edited[7] = route(7, &program(&["c"]));
    edited.remove(9);
    let new = Bundle::new(settings(1), edited);
    let parts = updates(&new, Some(&old));
    assert_eq!(parts.len(), 1);
    let part = &parts[0];
    assert!(part.settings.is_none());
    assert_eq!(part.routes.iter().map(|route| route.id).collect::<Vec<_>>(), [7]);
    assert_eq!((part.programs.len(), &part.removed[..]), (1, &[9][..]));
    assert!(part.encoded_len() < 2_000, "{}", part.encoded_len());
    let arrived = assemble(Some(&old), parts).unwrap().unwrap();
    // What did not change is shared with the bundle before.
    assert!(Arc::ptr_eq(
        &arrived.routes[&RouteId(8)],
        &old.routes[&RouteId(8)]
    ));
    assert!(Arc::ptr_eq(&arrived.settings, &old.settings));
}

#[test]
fn a_program_that_many_routes_share_travels_once() {
    let shared = program(&["everybody@example.com"]);
    let bundle = Bundle::new(settings(1), (0..10_000).map(|id| route(id, &shared)));
    let parts = updates(&bundle, None);
    assert_eq!(number_of(&parts, |part| &part.programs), 1);
    assert_eq!(number_of(&parts, |part| &part.routes), 10_000);
    assert!(parts.len() > 1, "more than one part");
    assert!(parts.iter().all(|part| part.encoded_len() <= MAX_PART));
    let arrived = assemble(None, parts).unwrap().unwrap();
    assert_eq!(arrived.version, bundle.version);
    // And a program that the base has not at all.
    let old = Arc::new(bundle);
    let more = Bundle::new(settings(1), (0..10_001).map(|id| route(id, &shared)));
    let parts = updates(&more, Some(&old));
    assert_eq!(number_of(&parts, |part| &part.programs), 0);
    assert_eq!(
        assemble(Some(&old), parts).unwrap().unwrap().version,
        more.version
    );
}

#[test]
fn a_program_larger_than_a_part_travels_in_pieces() {
    let users: Vec<String> = (0..100_000).map(|n| format!("user-{n}@example.com")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let bundle = Bundle::new(
        settings(1),
        [route(1, &program(&users)), route(2, &program(&["a"]))],
    );
    let parts = updates(&bundle, None);
    assert!(parts.len() > 3);
    assert!(parts.iter().all(|part| part.encoded_len() <= MAX_PART));
    assert_eq!(assemble(None, parts).unwrap().unwrap().version, bundle.version);
}

#[test]
fn settings_travel_only_when_they_change_and_hosts_one_by_one() {
    let old = Arc::new(Bundle::new(settings(1), []));
    let new = Bundle::new(settings(2), []);
    let parts = updates(&new, Some(&old));
    assert!(parts[0].settings.is_some());
    assert_eq!(assemble(Some(&old), parts).unwrap().unwrap().version, new.version);

    let mut more = arbitrary::plain_settings(1);
    more.redirect_hosts
        .insert("*.new.example.com".parse_pattern(), 8443);
    let new = Arc::new(Bundle::new(Arc::new(more), []));
    let parts = updates(&new, Some(&old));
    assert!(parts[0].settings.is_none());
    assert_eq!((parts[0].hosts_added.len(), parts[0].hosts_removed.len()), (1, 0));
    assert_eq!(assemble(Some(&old), parts).unwrap().unwrap().version, new.version);
    let back = updates(&old, Some(&new));
    assert_eq!((back[0].hosts_added.len(), back[0].hosts_removed.len()), (0, 1));
    assert_eq!(assemble(Some(&new), back).unwrap().unwrap().version, old.version);
}

#[test]
fn more_routes_than_anybody_has_are_refused() {
    let invalid = |id| wire::Route {
        id,
        host: "a.example.com".to_owned(),
        policy: Some(wire::route::Policy::Invalid(String::new())),
        ..wire::Route::default()
    };
    let update = Update {
        routes: (0..=MAX_ROUTES as u64).map(invalid).collect(),
        ..Update::default()
    };
    assert_eq!(
        Assembler::new(None).push(update).unwrap_err(),
        WireError::TooLarge("routes")
    );
}

trait ParsePattern {
    fn parse_pattern(&self) -> portcullis_model::HostPattern;
}

impl ParsePattern for str {
    fn parse_pattern(&self) -> portcullis_model::HostPattern {
        portcullis_model::HostPattern::parse(self).unwrap()
    }
}

/// Also those of a change, which names again what the base has.
#[test]
fn programs_stay_shared_over_the_wire() {
    let programs = [program(&["a"]), program(&["b"]), program(&["c"])];
    let routes = |count: u64| (0..count).map(|id| route(id, &programs[(id % 3) as usize]));
    let sent = Bundle::new(settings(1), routes(10_000));
    let whole = assemble(None, updates(&sent, None)).unwrap().unwrap();
    assert_eq!((whole.routes.len(), whole.programs()), (10_000, 3));

    let more = Bundle::new(
        settings(1),
        routes(10_100).chain([route(20_000, &program(&["d"]))]),
    );
    let parts = updates(&more, Some(&whole));
    assert_eq!(number_of(&parts, |part| &part.programs), 1);
    let mut wasteful = parts.clone();
    let again = updates(&Bundle::new(settings(1), routes(3)), None);
    let programs = again.into_iter().flat_map(|part| part.programs);
    wasteful[0].programs.splice(0..0, programs);
    for parts in [parts, wasteful] {
        let changed = assemble(Some(&whole), parts).unwrap().unwrap();
        assert_eq!((changed.routes.len(), changed.programs()), (10_101, 4));
    }
}
