//! `kill -9` of a process that writes to the embedded store, and a disk that is full.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use tidegate::store::{StoreConfig, Table};
use tidegate_tests::logs::Logs;
use tidegate_tests::process::Process;
use tidegate_tests::store::{all, key, open};
use tidegate_tests::{artifacts, wait};

/// As `broker/examples/store_writer.rs` has it.
fn messages() -> Table {
    Table {
        name: "Messages".into(),
        partition: "Writer".into(),
        sort: Some("Number".into()),
        indexes: Vec::new(),
        expires: None,
    }
}

fn writer(folder: &Path) -> Command {
    let mut command = Command::new(artifacts::example("store_writer"));
    command.arg(folder).arg("32");
    command
}

/// The keys that a writer has said to be durable.
fn acknowledged(logs: &Logs) -> Vec<(String, String)> {
    let text = logs.text();
    let lines = text.lines().filter_map(|line| line.rsplit_once('/'));
    // The last line may be cut.
    let whole = lines.filter(|(_, number)| number.len() == 12);
    whole
        .map(|(writer, number)| (writer.to_owned(), number.to_owned()))
        .collect()
}

/// Each of them is there, and each writer's items have no hole: it waited for each put before the
/// next.
async fn check(folder: &Path, acknowledged: &[(String, String)]) {
    let store = open(StoreConfig::embedded(folder)).await.unwrap();
    store.declare("writer", &[messages()]).await.unwrap();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for (writer, number) in acknowledged {
        let key = key(writer, Some(number));
        let found = store.get("Messages", &key, true).await.unwrap();
        assert!(found.is_some(), "{writer}/{number}");
        last.insert(writer, number.parse().unwrap());
    }
    for (writer, last) in last {
        let mut range = all(1_000);
        let mut count = 0;
        loop {
            let page = store.query("Messages", writer, &range, true).await.unwrap();
            count += page.items.len() as u64;
            range.cursor = page.cursor;
            if range.cursor.is_none() {
                break;
            }
        }
        let one_more = last + 2;
        assert!(
            count == last + 1 || count == one_more,
            "{writer} has {count}, its last acknowledged one is {last}"
        );
    }
}

/// Ten deaths of one file, each a little later in its life.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_put_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let mut process = Process::spawn("store_writer", &mut writer(folder.path()));
        let enough = 100 + 77 * round;
        wait::until("enough puts are acknowledged", async || {
            process.assert_running();
            (process.logs.len() > enough).then_some(())
        })
        .await;
        process.kill();
        let logs = &process.logs;
        wait::until("its words are read", async || {
            logs.are_whole().then_some(())
        })
        .await;
        let acknowledged = acknowledged(logs);
        assert!(acknowledged.len() >= enough, "{}", acknowledged.len());
        check(folder.path(), &acknowledged).await;
    }
}

/// The limit of a file's size stands for a disk's: what is above it fails, and it can be raised.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_unavailable_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -S -f 4096; exec \"$0\" \"$@\""])
        .arg(writer.get_program())
        .args(writer.get_args());
    let mut process = Process::spawn("store_writer", &mut command);
    let says = |process: &Process, mark: usize, what: &str| {
        let found = process.logs.next_from(mark, |line| line.contains(what));
        found.map(|(mark, _)| mark)
    };
    let full = wait::until("the disk is full", async || {
        process.assert_running();
        says(&process, 0, "the store could not write to its disk")
    })
    .await;
    let raised = Command::new("prlimit")
        .args(["--fsize=unlimited:unlimited", "--pid"])
        .arg(process.id().to_string())
        .status();
    assert!(
        raised
            .expect("prlimit is missing: apt-get install util-linux")
            .success()
    );
    wait::until("it writes again", async || {
        process.assert_running();
        let words = process.logs.len();
        let acknowledged = says(&process, full, "/0000");
        acknowledged.filter(|_| words > full + 1_000)
    })
    .await;
    process.kill();
    let logs = &process.logs;
    wait::until("its words are read", async || {
        logs.are_whole().then_some(())
    })
    .await;
    check(folder.path(), &acknowledged(logs)).await;
}
