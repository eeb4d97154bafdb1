//! What once disagreed, asked again in every kind of world.

use crate::asked::Asked;
use crate::oracle::Verdict;
use crate::random::Random;
use crate::routes::{LAST_HOST, Paths, Rewrite, Route, Set};
use crate::world::{Kind, World};

fn set() -> Set {
    let route = |(name, host, path): (&str, &str, Option<&str>)| Route {
        name: name.to_owned(),
        host: host.to_owned(),
        port: None,
        paths: path.map_or(Paths::All, |path| Paths::Prefix(path.to_owned())),
        rewrite: Rewrite::None,
        open: true,
    };
    let routes = [
        ("last", LAST_HOST, None),
        ("rest", "spaced.example.test", None),
        ("spaced", "spaced.example.test", Some("/a%20b")),
        ("app", "app.example.test", None),
        ("apps", "app.*", None),
        ("wild", "*.wild.test", None),
    ];
    Set {
        routes: routes.map(route).to_vec(),
        path_parameters: None,
    }
}

/// A request, and whether it must arrive in every kind of world.
fn former() -> Vec<(Asked, bool)> {
    let asked = |h2: bool, target: &[u8], authority: &[u8]| Asked {
        target: target.to_vec(),
        authority: authority.to_vec(),
        h2,
        hostile: true,
        ..Asked::last()
    };
    vec![
        // Over HTTP/2 a stock Envoy passes such a byte on, and asks about a `!`.
        (asked(true, b"/Ad\xffmin", b"app.example.test"), false),
        (asked(true, b"/~user.ht(ml\xff?", b"x.wild.test"), false),
        (asked(true, b"/?a=\xff", b"x.wild.test"), true),
        // Where the dot is not taken away this is no host of its own, but one of stars.
        (asked(false, b"/x", b"app.example.test."), false),
        (asked(true, b"/x", b"x.wild.test."), false),
        // The route that is named is itself of escapes, another is found.
        (asked(false, b"/a%20b/c", b"spaced.example.test"), true),
        (asked(true, b"/a%20b/%C3%A9", b"spaced.example.test"), true),
        // A line break ends the head; Envoy takes it for one.
        (asked(false, b"/x", b"x.wild.test\n"), false),
    ]
}

#[test]
fn pa_21_what_once_disagreed_agrees_or_is_refused() {
    for kind in [
        Kind::Ours,
        Kind::Istio,
        Kind::Bare,
        Kind::IstioByName,
        Kind::BareByName,
    ] {
        let set = set();
        let places = 0..set.routes.len();
        // What is named is not what would be found.
        let order = places
            .map(|place| if place < 3 { 2 - place } else { place })
            .collect::<Vec<_>>();
        let order = match kind.is_by_name() {
            true => order,
            false => (0..set.routes.len()).collect(),
        };
        let mut world = World::with(kind, set, order, Random::new(0));
        let (asked, must): (Vec<_>, Vec<_>) = former().into_iter().unzip();
        let judged = world.ask(asked.clone());
        assert_eq!(judged.len(), asked.len(), "{kind:?}: {judged:?}");
        for ((asked, must), judged) in asked.iter().zip(must).zip(&judged) {
            let words = asked.words();
            match &judged.verdict {
                Verdict::Agreed => {}
                Verdict::Refused(_) if !must => {}
                other => panic!("{kind:?}: {words}: {other:?}"),
            }
        }
    }
}
