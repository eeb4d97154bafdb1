use std::{
    fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use portcullis_envoy_config::XdsProtocol;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::{
    Ack, BundlePort, ControlPlane, FileSource, Options, Place, PublishError, supervise::RunDirectory,
};

/// An authz-server that keeps the keys of each bundle that it takes.
#[derive(Default)]
struct Port {
    refuses: AtomicBool,
    seen: Mutex<Vec<Arc<Bundle>>>,
}

#[async_trait]
impl BundlePort for Port {
    async fn publish(&self, bundle: Arc<Bundle>) -> Result<Ack, PublishError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(PublishError::Refused("not today".to_owned()));
        }
        self.seen.lock().unwrap().push(Arc::clone(&bundle));
        Ok(Ack {
            version: bundle.version.clone(),
        })
    }
}

/// Nothing is dropped that may be needed.
const GENTLY: Retire = Retire {
    force: false,
    confirmed: false,
    store_lags: false,
};

struct World {
    handle: Handle,
    port: Arc<Port>,
    directory: tempfile::TempDir,
    _ends: DropGuard,
}

const ROUTES: &str = "routes:\n  - from: https://a.example.com\n    to: http://127.0.0.1:1\n    allow_public_unauthenticated_access: true\n";

impl World {
    /// With these options, in which `{dir}` stands for a directory with a file of
    /// each key.
    async fn start(options: &str) -> Self {
        let world = Self::start_alone(options, true);
        while world.port.seen.lock().unwrap().is_empty() {
            time::sleep(Duration::from_millis(5)).await;
        }
        world
    }

    /// Without waiting for the authz-server, or without one.
    fn start_alone(options: &str, attached: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in KeyName::ALL {
            let key = generate(name).unwrap();
            fs::write(directory.path().join(name.as_str()), key.expose_secret()).unwrap();
        }
        let path = directory.path().join("config.yaml");
        let options = options.replace("{dir}", directory.path().to_str().unwrap());
        fs::write(&path, format!("{options}{ROUTES}")).unwrap();
        let source = FileSource::new(&path).unwrap();
        let first = source.load();
        assert!(first.is_usable(), "{:#?}", first.diagnostics);
        let port = Arc::new(Port::default());
        let run_directory = Arc::new(RunDirectory::create(Some(directory.path())).unwrap());
        let options = Options {
            ports: attached
                .then(|| Arc::clone(&port) as Arc<dyn BundlePort>)
                .into_iter()
                .collect(),
            place: Place::Beside {
                run_directory,
                envoy: None,
                xds: XdsProtocol::default(),
            },
            clusters_linger: Duration::ZERO,
        };
        let control_plane = ControlPlane::new(options, source, first).unwrap();
        let handle = control_plane.handle();
        let shutdown = CancellationToken::new();
        tokio::spawn(control_plane.run(shutdown.clone()));
        Self {
            handle,
            port,
            directory,
            _ends: shutdown.drop_guard(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self, name: KeyName) -> String {
        fs::read_to_string(self.path(name.as_str())).unwrap()
    }

    async fn rotate(&self, name: KeyName) -> (Result<Rotated, RotateError>, Vec<Step>) {
        self.rotate_and(name, |_| {}).await
    }

    /// Rotates, and does something at each step.
    async fn rotate_and(
        &self,
        name: KeyName,
        and: impl Fn(Step) + Send + Sync,
    ) -> (Result<Rotated, RotateError>, Vec<Step>) {
        self.rotate_with(name, GENTLY, and).await
    }

    async fn rotate_with(
        &self,
        name: KeyName,
        retire: Retire,
        and: impl Fn(Step) + Send + Sync,
    ) -> (Result<Rotated, RotateError>, Vec<Step>) {
        let steps = Mutex::new(Vec::new());
        let told = |step| {
            steps.lock().unwrap().push(step);
            and(step);
        };
        let pause = Duration::from_millis(20);
        let rotated = self.handle.rotate(name, pause, retire, &told).await;
        (rotated, steps.into_inner().unwrap())
    }

    async fn retire(&self, name: KeyName, force: bool) -> Result<Retired, RotateError> {
        self.handle.retire(name, Retire { force, ..GENTLY }).await
    }

    /// What an authz-server had of a key, each state once.
    fn seen(&self, name: KeyName) -> Vec<Vec<String>> {
        let mut seen: Vec<Vec<String>> = Vec::new();
        for bundle in &*self.port.seen.lock().unwrap() {
            let keys = &bundle.settings.keys;
            let hex = |secrets: &portcullis_model::Secrets| {
                secrets.all().map(|secret| format!("{secret:x?}")).collect()
            };
            let now = match name {
                KeyName::CookieSecret => hex(&keys.cookie_secret),
                KeyName::SharedSecret => hex(&keys.shared_secret),
                KeyName::SigningKey => keys
                    .signing_key_pem
                    .iter()
                    .flat_map(|pem| pem.expose_secret().split("-----BEGIN ").skip(1))
                    .map(|block| block.trim().to_owned())
                    .collect(),
            };
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        seen
    }
}

const FILES: &str = "cookie_secret_file: '{dir}/cookie-secret'\nshared_secret_file: '{dir}/shared-secret'\nsigning_key_file: '{dir}/signing-key'\n";

#[tokio::test]
async fn a_rotation_lets_everybody_learn_the_key_before_it_is_in_use() {
    let world = World::start(FILES).await;
    for name in KeyName::ALL {
        let before = world.file(name);
        let (rotated, steps) = world.rotate(name).await;
        let done = Rotated {
            former: 1,
            dropped: 0,
            behind: vec![],
        };
        assert_eq!(rotated, Ok(done), "{name}");
        let mut wanted = vec![Step::Added, Step::Known { servers: 1 }];
        if name == KeyName::SigningKey {
            wanted.push(Step::Published(Duration::from_millis(20)));
        }
        assert_eq!(steps, wanted, "{name}");

        let seen = world.seen(name);
        let [first, both, turned] = &seen[..] else {
            panic!("{name}: {} states", seen.len())
        };
        assert_eq!(both[..1], first[..], "{name}");
        assert_eq!(*turned, [both[1].clone(), both[0].clone()], "{name}");
        let after = world.file(name);
        assert!(after.trim_end().ends_with(before.trim_end()), "{name}: {after}");

        let refused = world.retire(name, false).await.unwrap_err();
        assert!(matches!(refused, RotateError::Young { .. }), "{refused}");
        assert_eq!(world.file(name), after, "{name}");
        let retired = world.retire(name, true).await.unwrap();
        assert_eq!((retired.dropped, retired.behind.len()), (1, 0), "{name}");
        assert_eq!(world.seen(name).last(), Some(&vec![turned[0].clone()]));
        assert!(!world.file(name).contains(before.trim()), "{name}");
        // And again there is nothing to drop, however young the file is.
        assert_eq!(world.retire(name, false).await.unwrap().dropped, 0, "{name}");
    }
}

#[tokio::test]
async fn of_eight_the_oldest_falls_off_only_where_it_may() {
    let world = World::start(FILES).await;
    for name in KeyName::ALL {
        let oldest = world.file(name);
        for number in 1..=7 {
            let rotated = world.rotate(name).await.0.unwrap();
            assert_eq!((rotated.former, rotated.dropped), (number, 0), "{name}");
        }
        let eight = world.file(name);
        assert!(eight.contains(oldest.trim()), "{name}");
        // What the oldest made may still be good.
        let (refused, steps) = world.rotate(name).await;
        let refused = refused.unwrap_err();
        let RotateError::Full(why) = &refused else {
            panic!("{name}: {refused}")
        };
        assert!(matches!(**why, RotateError::Young { .. }), "{name}: {refused}");
        let lagging = Retire {
            force: true,
            store_lags: true,
            ..GENTLY
        };
        if name == KeyName::SharedSecret {
            let refused = world.rotate_with(name, lagging, |_| {}).await.0.unwrap_err();
            assert_eq!(refused, RotateError::Full(Box::new(RotateError::StoreLags)));
        }
        assert_eq!((world.file(name), steps), (eight, vec![]), "{name}");

        let force = Retire {
            force: true,
            ..GENTLY
        };
        let rotated = world.rotate_with(name, force, |_| {}).await.0.unwrap();
        assert_eq!((rotated.former, rotated.dropped), (7, 1), "{name}");
        assert!(!world.file(name).contains(oldest.trim()), "{name}");
    }
}

#[tokio::test]
async fn the_shared_secret_waits_for_upstreams_where_the_signing_key_derives_from_it() {
    let files = FILES.replace("signing_key_file", "# ");
    let world = World::start(&files).await;
    let published = Step::Published(Duration::from_millis(20));
    assert!(world.rotate(KeyName::SharedSecret).await.1.contains(&published));
    assert!(!world.rotate(KeyName::CookieSecret).await.1.contains(&published));
}

#[tokio::test]
async fn what_an_authz_server_does_not_take_is_taken_back() {
    let world = World::start(FILES).await;
    let name = KeyName::CookieSecret;
    let before = world.file(name);
    world.port.refuses.store(true, Ordering::SeqCst);
    let refused = world.rotate(name).await.0.unwrap_err();
    assert_eq!(refused, RotateError::Untaken(vec!["authz-server".to_owned()]));
    assert_eq!(world.file(name), before);
    assert_eq!(world.seen(name).len(), 1);
    world.port.refuses.store(false, Ordering::SeqCst);
    assert!(world.rotate(name).await.0.is_ok());
}

#[tokio::test]
async fn nothing_is_begun_while_nobody_would_learn_of_it() {
    let world = World::start_alone(FILES, false);
    let name = KeyName::CookieSecret;
    let before = world.file(name);
    let nobody = Err(RotateError::NobodyConnected);
    assert_eq!(world.rotate(name).await, (nobody, vec![]));
    assert_eq!(world.retire(name, true).await, Err(RotateError::NobodyConnected));
    assert_eq!(world.file(name), before);
}

#[tokio::test]
async fn a_refused_configuration_has_the_file_put_back() {
    let world = World::start(FILES).await;
    let name = KeyName::SigningKey;
    let (before, config) = (world.file(name), world.path("config.yaml"));
    let good = fs::read_to_string(&config).unwrap();
    let spoil = |step| {
        if step == Step::Added {
            fs::write(&config, "routes: 7\n").unwrap();
        }
    };
    let refused = world.rotate_and(name, spoil).await.0.unwrap_err();
    assert!(
        matches!(&refused, RotateError::Rejected(d) if !d.is_empty()),
        "{refused}"
    );
    assert!(refused.to_string().contains("config.yaml:1:9: "), "{refused}");
    assert_eq!(world.file(name), before);
    // While it is refused nothing is begun.
    assert_eq!(world.rotate(name).await, (Err(RotateError::Refused), vec![]));
    fs::write(&config, good).unwrap();
    world.handle.reload().await;
    assert!(world.rotate(name).await.0.is_ok());
}

#[tokio::test]
async fn an_edit_between_the_steps_is_left_alone() {
    let world = World::start(FILES).await;
    let name = KeyName::SigningKey;
    let theirs = generate(name).unwrap().expose_secret().to_owned();
    let file = world.path(name.as_str());
    let meddle = |step| {
        if matches!(step, Step::Published(_)) {
            fs::write(&file, &theirs).unwrap();
        }
    };
    let broken_off = world.rotate_and(name, meddle).await.0.unwrap_err();
    let RotateError::HalfWay(why) = &broken_off else {
        panic!("{broken_off}")
    };
    // It depends on whether it has been read by then.
    assert!(
        matches!(
            **why,
            RotateError::NotServing(_)
                | RotateError::Edit {
                    error: EditError::Gone,
                    ..
                }
        ),
        "{why}"
    );
    assert_eq!(world.file(name), theirs);
}

#[tokio::test]
async fn one_rotation_goes_on_at_a_time() {
    let world = World::start(FILES).await;
    let handle = world.handle.clone();
    let other = Mutex::new(None);
    let at_once = |step| {
        if step == Step::Added {
            let none = Retire {
                force: true,
                confirmed: true,
                store_lags: false,
            };
            // It is refused before it would wait for anything.
            let refused = futures::FutureExt::now_or_never(handle.retire(KeyName::SharedSecret, none));
            *other.lock().unwrap() = refused;
        }
    };
    assert!(world.rotate_and(KeyName::CookieSecret, at_once).await.0.is_ok());
    assert_eq!(other.into_inner().unwrap(), Some(Err(RotateError::Busy)));
}

#[tokio::test]
async fn keys_that_stand_elsewhere_than_in_a_file_of_their_own_are_refused() {
    let secret = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let inline = World::start(&format!("cookie_secret: {secret}\n")).await;
    for (name, at) in [
        (
            KeyName::CookieSecret,
            Origin::Inline(format!("{}:1:16", inline.path("config.yaml").display())),
        ),
        (KeyName::SharedSecret, Origin::Generated),
        (KeyName::SigningKey, Origin::Derived),
    ] {
        let refused = inline.rotate(name).await;
        let Err(RotateError::NoFile { origin, .. }) = &refused.0 else {
            panic!("{refused:?}")
        };
        assert_eq!((origin, refused.1.len()), (&at, 0), "{name}");
        assert!(inline.retire(name, true).await.is_err());
    }
    let one =
        "cookie_secret_file: '{dir}/cookie-secret'\nshared_secret_file: '{dir}/../{last}/cookie-secret'\n";
    let shared = World::start(&one.replace("/../{last}", "/.")).await;
    assert_eq!(
        shared.rotate(KeyName::CookieSecret).await.0,
        Err(RotateError::SharedFile(
            KeyName::CookieSecret,
            KeyName::SharedSecret
        ))
    );
    let two = World::start("cookie_secret_file: ['{dir}/cookie-secret', '{dir}/shared-secret']\n").await;
    let refused = two.rotate(KeyName::CookieSecret).await.0.unwrap_err();
    assert!(matches!(
        refused,
        RotateError::NoFile {
            origin: Origin::Files(_),
            ..
        }
    ));
}

#[tokio::test]
async fn the_shared_secret_is_not_dropped_while_the_store_needs_it() {
    let world = World::start(FILES).await;
    let name = KeyName::SharedSecret;
    world.rotate(name).await.0.unwrap();
    let mut retire = Retire {
        force: true,
        confirmed: false,
        store_lags: true,
    };
    assert_eq!(
        world.handle.retire(name, retire).await,
        Err(RotateError::StoreLags)
    );
    retire.store_lags = false;
    assert_eq!(world.handle.retire(name, retire).await.unwrap().dropped, 1);
}

#[tokio::test]
async fn the_view_says_where_keys_come_from_and_who_has_them() {
    let world = World::start(&FILES.replace("shared_secret_file", "# ")).await;
    let view = world.handle.keys();
    let file = |name: KeyName| (name, Origin::Files(vec![world.path(name.as_str())]));
    assert_eq!(
        view.origins,
        [
            file(KeyName::CookieSecret),
            (KeyName::SharedSecret, Origin::Generated),
            file(KeyName::SigningKey)
        ]
    );
    assert_eq!(view.servers, [("authz-server".to_owned(), true)]);
    world.port.refuses.store(true, Ordering::SeqCst);
    fs::write(
        world.path("cookie-secret"),
        generate(KeyName::CookieSecret).unwrap().expose_secret(),
    )
    .unwrap();
    while world.handle.keys().servers[0].1 {
        time::sleep(Duration::from_millis(10)).await;
    }
}
