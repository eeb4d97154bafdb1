use std::{fs, os::unix::fs::symlink};

use super::*;
use crate::source::fingerprint::Fingerprint;

fn of(paths: &[&Path]) -> Fingerprints {
    paths
        .iter()
        .map(|path| ((*path).to_owned(), Fingerprint::of(path)))
        .collect()
}

async fn notices(watcher: &mut Watcher) -> bool {
    time::timeout(Duration::from_secs(10), watcher.changed())
        .await
        .is_ok()
}

async fn stays_still(watcher: &mut Watcher) -> bool {
    time::timeout(Duration::from_millis(1200), watcher.changed())
        .await
        .is_err()
}

#[tokio::test]
async fn a_write_a_rename_and_a_removal_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    fs::write(&path, "a").unwrap();
    let mut watcher = Watcher::new();
    watcher.follow(of(&[&path]));
    assert!(stays_still(&mut watcher).await);

    fs::write(&path, "b").unwrap();
    assert!(notices(&mut watcher).await);
    watcher.follow(of(&[&path]));

    let other = dir.path().join("new");
    fs::write(&other, "b").unwrap();
    assert!(
        stays_still(&mut watcher).await,
        "another file in the directory is none of ours"
    );
    fs::rename(&other, &path).unwrap();
    assert!(notices(&mut watcher).await);
    watcher.follow(of(&[&path]));

    fs::remove_file(&path).unwrap();
    assert!(notices(&mut watcher).await);
    watcher.follow(of(&[&path]));
    assert!(stays_still(&mut watcher).await);
    fs::write(&path, "c").unwrap();
    assert!(notices(&mut watcher).await);
}

#[tokio::test]
async fn a_change_between_reading_and_watching_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    fs::write(&path, "a").unwrap();
    let as_read = of(&[&path]);
    fs::write(&path, "ab").unwrap();
    let mut watcher = Watcher::new();
    watcher.follow(as_read);
    assert!(notices(&mut watcher).await);
}

#[tokio::test]
async fn the_swap_of_a_configmap_link_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for version in ["..1", "..2"] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("config.yaml"), version).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/config.yaml", at("config.yaml")).unwrap();
    let path = at("config.yaml");
    let mut watcher = Watcher::new();
    watcher.follow(of(&[&path]));
    assert!(stays_still(&mut watcher).await);
    symlink("..2", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    assert!(notices(&mut watcher).await);
    assert_eq!(fs::read_to_string(path).unwrap(), "..2");
}

#[tokio::test]
async fn without_notices_polling_finds_the_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    fs::write(&path, "a").unwrap();
    let mut watcher = Watcher::new();
    watcher.notifier = None;
    watcher.follow(of(&[&path]));
    fs::write(&path, "b").unwrap();
    assert!(notices(&mut watcher).await);
}
