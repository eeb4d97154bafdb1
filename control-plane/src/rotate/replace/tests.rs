use std::os::unix::fs::symlink;

use super::*;

fn text(content: &str) -> Text {
    Text::new(content.to_owned())
}

#[test]
fn a_file_is_replaced_behind_its_links_and_keeps_its_mode() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("real");
    fs::create_dir(&real).unwrap();
    let (file, link) = (real.join("secret"), directory.path().join("link"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    symlink("real/secret", &link).unwrap();
    let inode = fs::metadata(&file).unwrap().ino();

    let original = Original::read(&link).unwrap();
    assert_eq!(*original.text, "old");
    let replaced = original.replace(text("new")).unwrap();
    assert_eq!(*replaced.text, "new");
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let meta = fs::metadata(&file).unwrap();
    assert_ne!(meta.ino(), inode, "another file took its place in one step");
    assert_eq!(meta.mode() & 0o7777, 0o640);
    // And back again, from what it is now.
    replaced.replace(text("old")).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    let left: Vec<_> = fs::read_dir(&real).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left over: {left:?}");
}

#[test]
fn what_somebody_else_has_changed_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "old").unwrap();
    let original = Original::read(&file).unwrap();
    fs::write(&file, "theirs").unwrap();
    assert_eq!(original.replace(text("new")).err(), Some(FileError::Changed));
    assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_a_killed_rotation_has_left_is_removed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let file = at("secret");
    fs::write(&file, "old").unwrap();
    let left = at(".portcullis-key-aB3dE6gH9jK2.new");
    fs::write(&left, "a key").unwrap();
    // Of another rotation, which goes on.
    let busy = at(".portcullis-key-AAAAAAAAAAAA.new");
    fs::write(&busy, "a key").unwrap();
    let writing = File::open(&busy).unwrap();
    writing.lock().unwrap();
    let others = [
        ".portcullis-key-aB3dE6gH9jK.new",
        ".portcullis-key-aB3dE6gH9jK2m.new",
        ".portcullis-key-aB3dE6gH9j_2.new",
        ".portcullis-key-aB3dE6gH9jK2.old",
        ".portcullis-key.new",
        "portcullis-key-aB3dE6gH9jK2.new",
    ];
    for name in others {
        fs::write(at(name), "theirs").unwrap();
    }
    let (link, inside) = (
        at(".portcullis-key-LLLLLLLLLLLL.new"),
        at(".portcullis-key-DDDDDDDDDDDD.new"),
    );
    symlink(&file, &link).unwrap();
    fs::create_dir(&inside).unwrap();

    let replaced = Original::read(&file).unwrap().replace(text("new")).unwrap();
    assert!(!left.exists());
    assert!(busy.exists() && link.is_symlink() && inside.is_dir());
    for name in others {
        assert!(at(name).exists(), "{name}");
    }
    // Of somebody else's it is not ours to say what it is.
    let theirs = fs::metadata(&file).unwrap().uid().wrapping_add(1);
    drop(writing);
    sweep(directory.path(), &[theirs]);
    assert!(busy.exists());
    replaced.replace(text("newer")).unwrap();
    assert!(!busy.exists());
    assert_eq!(fs::read_to_string(&file).unwrap(), "newer");
}

#[test]
fn a_file_with_two_names_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (file, other) = (directory.path().join("secret"), directory.path().join("other"));
    fs::write(&file, "old").unwrap();
    fs::hard_link(&file, &other).unwrap();
    let original = Original::read(&file).unwrap();
    assert_eq!(original.replace(text("new")).err(), Some(FileError::Linked));
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    fs::remove_file(&other).unwrap();
    Original::read(&file).unwrap().replace(text("new")).unwrap();
}

#[test]
fn a_volume_of_kubernetes_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("..2026_11_22_10_00_00.1234");
    fs::create_dir(&real).unwrap();
    fs::write(real.join("secret"), "old").unwrap();
    symlink("..2026_11_22_10_00_00.1234", directory.path().join("..data")).unwrap();
    let named = directory.path().join("secret");
    symlink("..data/secret", &named).unwrap();
    let original = Original::read(&named).unwrap();
    assert_eq!(original.replace(text("new")).err(), Some(FileError::Mounted));
    assert_eq!(fs::read_to_string(&named).unwrap(), "old");
}

#[test]
fn the_time_is_that_of_the_last_change_whatever_the_file_says() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    fs::write(&path, "old").unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let age = Original::read(&path).unwrap().changed.elapsed().unwrap();
    assert!(age < std::time::Duration::from_secs(60), "{age:?}");
}

#[test]
fn why_not_is_said_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let why = |path: &Path| Original::read(path).err().unwrap().to_string();
    let none = directory.path().join("none");
    assert_eq!(why(&none), "it cannot be read: no such file or directory");
    assert_eq!(why(directory.path()), "it cannot be read: not a regular file");
    let binary = directory.path().join("binary");
    fs::write(&binary, [0xff]).unwrap();
    assert_eq!(why(&binary), "it cannot be read: not text");
    let place = Path::new("/etc/keys");
    for (kind, words) in [
        (
            io::ErrorKind::PermissionDenied,
            "it cannot be replaced: this process may not write in `/etc/keys`",
        ),
        (
            io::ErrorKind::ReadOnlyFilesystem,
            "it cannot be replaced: `/etc/keys` is read-only",
        ),
        (
            io::ErrorKind::ResourceBusy,
            "it cannot be replaced: it is mounted as a single file",
        ),
    ] {
        assert_eq!(refused(&kind.into(), place).to_string(), words);
    }
}
