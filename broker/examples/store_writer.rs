//! Writes to the embedded store in a folder and says what is durable: for the test that kills it,
//! and to see what the disk of a machine gives.
//!
//!     store_writer FOLDER [IN_FLIGHT [SECONDS]]
//!
//! Without SECONDS it writes until it is killed, and prints each item's key once its put is
//! answered; what could not be written it says, and tries again. With SECONDS it prints only how many puts were answered per second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tidegate::store::{Condition, Store, StoreConfig, Table};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder");
    let mut number = || arguments.next().map(|text| text.parse().expect("a number"));
    let (in_flight, seconds) = (number().unwrap_or(64), number());
    let io = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let store = Store::open(&StoreConfig::embedded(folder), io.handle()).expect("the store opens");
    let table = Table {
        name: "Messages".into(),
        partition: "Writer".into(),
        sort: Some("Number".into()),
        indexes: Vec::new(),
        expires: None,
    };
    io.block_on(store.declare("writer", &[table]))
        .expect("the table is taken");
    let done = Arc::new(AtomicU64::new(0));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let writers: Vec<_> = (0..in_flight)
        .map(|number| {
            // Those of processes before it in the same file have other names.
            let name = format!("{}-{number}", std::process::id());
            io.spawn(write(store.clone(), name, end, done.clone()))
        })
        .collect();
    io.block_on(async {
        for writer in writers {
            writer.await.expect("a writer");
        }
    });
    if let Some(seconds) = seconds {
        println!("{} puts/s", done.load(Ordering::Relaxed) / seconds);
    }
}

async fn write(store: Store, writer: String, end: Option<Instant>, done: Arc<AtomicU64>) {
    for number in 0_u64.. {
        if end.is_some_and(|end| Instant::now() >= end) {
            return;
        }
        let item = format!(
            "{{\"Writer\":\"{writer}\",\"Number\":\"{number:012}\",\"Text\":\"a message of some \
             length, as people write them to each other\",\"UserName\":\"ann\"}}"
        );
        while let Err(error) = store.put("Messages", &item, Condition::IfAbsent).await {
            assert!(error.retryable(), "{writer}/{number}: {error}");
            println!("{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        done.fetch_add(1, Ordering::Relaxed);
        if end.is_none() {
            println!("{writer}/{number:012}");
        }
    }
}
