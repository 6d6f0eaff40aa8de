//! `kill -9` of a process that writes to the embedded store.

use std::collections::BTreeMap;
use std::process::Command;

use tidegate::store::{StoreConfig, Table};
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

/// Ten deaths of one file, each a little later in its life.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_put_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let mut command = Command::new(artifacts::example("store_writer"));
        command.arg(folder.path()).arg("32");
        let mut writer = Process::spawn("store_writer", &mut command);
        let enough = 100 + 77 * round;
        wait::until("enough puts are acknowledged", async || {
            writer.assert_running();
            (writer.logs.len() > enough).then_some(())
        })
        .await;
        writer.kill();
        let logs = &writer.logs;
        wait::until("its words are read", async || {
            logs.are_whole().then_some(())
        })
        .await;

        let mut last: BTreeMap<String, String> = BTreeMap::new();
        let text = logs.text();
        // The last line may be cut.
        let whole = text.lines().filter(|line| line.len() > 13);
        let acknowledged: Vec<_> = whole.filter_map(|line| line.rsplit_once('/')).collect();
        assert!(acknowledged.len() >= enough);
        let store = open(StoreConfig::embedded(folder.path())).await.unwrap();
        store.declare("writer", &[messages()]).await.unwrap();
        for (writer, number) in acknowledged {
            if number.len() == 12 {
                let key = key(writer, Some(number));
                let found = store.get("Messages", &key, true).await.unwrap();
                assert!(found.is_some(), "{writer}/{number} of round {round}");
                last.insert(writer.to_owned(), number.to_owned());
            }
        }
        // Whoever waits for each put before the next leaves no hole.
        for (writer, number) in last {
            let mut range = all(1_000);
            let mut count = 0;
            loop {
                let page = store
                    .query("Messages", &writer, &range, true)
                    .await
                    .unwrap();
                count += page.items.len() as u64;
                range.cursor = page.cursor;
                if range.cursor.is_none() {
                    break;
                }
            }
            let acknowledged = number.parse::<u64>().unwrap() + 1;
            assert!(
                count == acknowledged || count == acknowledged + 1,
                "{writer} has {count}, {acknowledged} were acknowledged"
            );
        }
    }
}
