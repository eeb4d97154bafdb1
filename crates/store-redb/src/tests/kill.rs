//! A process that is killed while it writes: what it had been told is written
//! is there afterwards.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use portcullis_store::{IfVersion, Store as _};

use super::key;
use crate::RedbStore;

const PATH: &str = "PORTCULLIS_TEST_STORE";

fn open(path: &Path) -> RedbStore {
    RedbStore::open(path, &key(1)).unwrap()
}

/// The killed process's part: this test itself, run again with a path.
async fn write_for_ever(path: &Path) {
    let store = open(path);
    for number in 0_u64.. {
        let data = Bytes::from(number.to_string());
        store
            .put("session", &format!("id-{}", number % 7), data, IfVersion::Any)
            .await
            .unwrap();
        // The line begins anew, as the test runner leaves one open.
        println!("\nacked {number}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    if let Some(path) = std::env::var_os(PATH) {
        return write_for_ever(&PathBuf::from(path)).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let mut last = 0;
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "tests::kill::what_was_acknowledged_survives_kill_9",
                "--nocapture",
            ])
            .env(PATH, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acked = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("acked ")?.parse().ok());
        let wanted = round * 9;
        let mut seen: u64 = acked.by_ref().find(|number| *number >= wanted).unwrap();
        child.kill().unwrap();
        // What it said before it died counts too.
        seen = acked.last().unwrap_or(seen);
        child.wait().unwrap();

        let store = open(&path);
        let records = store.query("session", None, 100).await.unwrap();
        assert_eq!((records.len(), store.corrupt_records()), (7, 0), "round {round}");
        let newest = records.iter().max_by_key(|record| record.version).unwrap();
        let newest_number: u64 = std::str::from_utf8(&newest.data).unwrap().parse().unwrap();
        assert!(
            newest_number >= seen,
            "round {round}: {newest_number} is there, {seen} was acknowledged"
        );
        assert!(newest_number <= seen + 1, "at most the write that was under way");
        assert!(newest.version > last);
        last = newest.version;
    }
}
