use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::fixture::{self, Running, store_of};

/// A place for run directories, and the file that instances run.
struct World {
    place: TempDir,
    config: PathBuf,
    other: PathBuf,
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (config, other) = (place.path().join("config.yaml"), place.path().join("other.yaml"));
        fs::write(&config, "").unwrap();
        fs::write(&other, "").unwrap();
        Self { place, config, other }
    }

    fn directory(&self, name: &str, mode: u32) -> PathBuf {
        let directory = self.place.path().join(name);
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
        directory
    }

    async fn instance(&self, directory: &Path, config: Option<&Path>) -> Running {
        let store = Arc::new(store_of(&[]).await);
        Running::at(&directory.join(SOCKET), fixture::admin(store, config))
    }

    async fn find(&self, socket: Option<&Path>, config: Option<&Path>) -> Result<Instance, FindError> {
        let wanted = Wanted {
            socket: socket.map(Path::to_owned),
            config: config.map(Path::to_owned),
        };
        // The same place twice, as where `TMPDIR` is `/tmp`.
        let places = [self.place.path().to_owned(), self.place.path().to_owned()];
        find(&wanted, &places).await
    }
}

#[tokio::test]
async fn the_one_instance_is_found_among_what_is_left_over() {
    let world = World::new();
    let error = world.find(None, None).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "no instance of this user runs here; name its socket by --admin-socket or PORTCULLIS_ADMIN_SOCKET: the instance logs it as `admin_socket` when it is ready"
    );
    // A process that was killed, one that is still starting, and a file in the way.
    let stale = world.directory("portcullis-stale", 0o700);
    drop(std::os::unix::net::UnixListener::bind(stale.join(SOCKET)).unwrap());
    world.directory("portcullis-starting", 0o700);
    fs::write(world.directory("portcullis-file", 0o700).join(SOCKET), "").unwrap();
    let run = world.directory("portcullis-run", 0o700);
    let _running = world.instance(&run, Some(&world.config)).await;
    let found = world.find(None, None).await.unwrap();
    assert_eq!(
        (found.about.pid, found.client.socket()),
        (17, run.canonicalize().unwrap().join(SOCKET).as_path())
    );
    // By another name of the same file, too.
    let link = world.place.path().join("link.yaml");
    symlink(&world.config, &link).unwrap();
    world.find(None, Some(&link)).await.unwrap();

    let error = world
        .find(None, Some(&world.other))
        .await
        .unwrap_err()
        .to_string();
    let mut lines = error.lines();
    let first = lines.next().unwrap();
    let start = format!("no instance of this user runs `{}` here; ", world.other.display());
    assert!(first.starts_with(&start), "{error}");
    assert_eq!(lines.next(), Some("there run"));
    let line = lines.next().unwrap();
    assert!(
        line.starts_with("  pid 17, run, ") && line.ends_with("/admin.sock"),
        "{error}"
    );
    let missing = world.place.path().join("missing.yaml");
    let error = world.find(None, Some(&missing)).await.unwrap_err();
    assert!(matches!(error, FindError::Config { .. }), "{error}");
}

#[tokio::test]
async fn several_instances_are_listed_and_one_is_found_by_its_file() {
    let world = World::new();
    let (one, two) = (
        world.directory("portcullis-one", 0o700),
        world.directory("portcullis-two", 0o700),
    );
    let _one = world.instance(&one, Some(&world.config)).await;
    let _two = world.instance(&two, None).await;
    let error = world.find(None, None).await.unwrap_err().to_string();
    let place = world.place.path().canonicalize().unwrap();
    let wanted = format!(
        "2 instances of this user run here; name one by --admin-socket, or by -c the file that it runs\n  pid 17, run, {}: {place}/portcullis-one/admin.sock\n  pid 17, run, no configuration file: {place}/portcullis-two/admin.sock",
        world.config.display(),
        place = place.display(),
    );
    assert_eq!(error, wanted);
    let found = world.find(None, Some(&world.config)).await.unwrap();
    assert!(found.client.socket().ends_with("portcullis-one/admin.sock"));
}

#[tokio::test]
async fn what_others_could_have_made_is_never_asked() {
    let world = World::new();
    let open = world.directory("portcullis-open", 0o755);
    let _open = world.instance(&open, None).await;
    let elsewhere = world.directory("elsewhere", 0o700);
    let _elsewhere = world.instance(&elsewhere, None).await;
    symlink(&elsewhere, world.place.path().join("portcullis-link")).unwrap();
    let linked = world.directory("portcullis-linked", 0o700);
    symlink(elsewhere.join(SOCKET), linked.join(SOCKET)).unwrap();
    let error = world.find(None, None).await.unwrap_err();
    assert!(
        matches!(&error, FindError::None { others, silent, .. } if others.is_empty() && silent.is_empty()),
        "{error}"
    );
    // A directory of another user, whatever its mode.
    let run = world.directory("portcullis-run", 0o700);
    let _run = world.instance(&run, None).await;
    let own = peer::own_uid().unwrap();
    let places = [world.place.path().to_owned()];
    assert_eq!(candidates::sockets(&places, own).len(), 1);
    assert!(candidates::sockets(&places, own.wrapping_add(1)).is_empty());
}

#[tokio::test]
async fn a_named_socket_is_asked_wherever_it_is() {
    let world = World::new();
    let open = world.directory("anywhere", 0o755);
    let _open = world.instance(&open, Some(&world.config)).await;
    let socket = open.join(SOCKET);
    world.find(Some(&socket), None).await.unwrap();
    world.find(Some(&socket), Some(&world.config)).await.unwrap();
    let error = world
        .find(Some(&socket), Some(&world.other))
        .await
        .unwrap_err()
        .to_string();
    let wanted = format!(
        "the instance at `{}` does not run `{}` but `{}`",
        socket.display(),
        world.other.display(),
        world.config.display()
    );
    assert_eq!(error, wanted);
    let nowhere = world.place.path().join("nowhere.sock");
    let error = world.find(Some(&nowhere), None).await.unwrap_err().to_string();
    let start = format!("no instance answers at `{}`: ", nowhere.display());
    assert!(error.starts_with(&start), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_answer_is_named() {
    let world = World::new();
    let hung = world.directory("portcullis-hung", 0o700);
    let _listener = std::os::unix::net::UnixListener::bind(hung.join(SOCKET)).unwrap();
    let error = world.find(None, None).await.unwrap_err().to_string();
    assert!(
        error
            .lines()
            .last()
            .unwrap()
            .ends_with("portcullis-hung/admin.sock` does not answer"),
        "{error}"
    );
}

#[test]
fn what_an_instance_says_of_itself_moves_no_cursor() {
    let instance = Instance {
        client: Client::new("/run/admin.sock"),
        about: About {
            version: "1".to_owned(),
            role: "run\u{1b}[2K".to_owned(),
            config: Some("/etc/a\n  pid 1, run, /etc/b\u{9b}".into()),
            pid: 17,
        },
    };
    let shown = r"/etc/a\u{a}  pid 1, run, /etc/b\u{9b}";
    assert_eq!(
        instance.to_string(),
        format!(r"pid 17, run\u{{1b}}[2K, {shown}: /run/admin.sock")
    );
    let other = FindError::Other {
        config: "/etc/c".into(),
        found: Box::new(instance),
    };
    assert!(other.to_string().ends_with(&format!("but `{shown}`")), "{other}");
}
