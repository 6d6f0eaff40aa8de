//! Many listeners at once, each checking that it gets every publication in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt};
use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::client::Client;
use crate::{process, wait};

/// What one listener saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Numbered messages, which came as 0, 1, 2, …
    pub numbered: usize,
    /// Topics of AUTH_REVOKED frames.
    pub revoked: Vec<String>,
}

pub struct Crowd {
    listeners: Vec<JoinHandle<Result<Seen, String>>>,
    /// How many have seen an AUTH_REVOKED so far.
    revoked: Arc<AtomicUsize>,
}

/// The message after which listeners stop.
pub const LAST: &str = "last";

impl Crowd {
    /// Connects `count` listeners of `topics`, of which `topics[0]` carries `0`, `1`, … and
    /// [`LAST`]. They read from the first moment on.
    pub async fn gather(broker: &Broker, count: usize, topics: &[&str], token: &str) -> Self {
        process::raise_open_files();
        let revoked = Arc::new(AtomicUsize::new(0));
        let connecting = (0..count).map(|_| async {
            let mut client = Client::connect(broker).await;
            client.listen_with(topics, token).await;
            client
        });
        let listeners = stream::iter(connecting)
            .buffer_unordered(50)
            .map(|client| tokio::spawn(follow(client, topics[0].to_owned(), revoked.clone())))
            .collect()
            .await;
        Self { listeners, revoked }
    }

    /// Waits until every listener has been told of a revocation.
    pub async fn all_revoked(&self) {
        wait::until("all listeners have AUTH_REVOKED", async || {
            (self.revoked.load(Ordering::Relaxed) == self.listeners.len()).then_some(())
        })
        .await;
    }

    pub fn revoked(&self) -> usize {
        self.revoked.load(Ordering::Relaxed)
    }

    /// Waits until all have read [`LAST`]; panics if one was disconnected, missed a message or
    /// got one out of order.
    pub async fn finish(self) -> Vec<Seen> {
        let mut all = Vec::with_capacity(self.listeners.len());
        for listener in self.listeners {
            let seen = wait::soon("a listener hears the last message", listener).await;
            match seen.expect("a listener does not panic") {
                Ok(seen) => all.push(seen),
                Err(wrong) => panic!("listener {}: {wrong}", all.len()),
            }
        }
        all
    }
}

async fn follow(
    mut client: Client,
    topic: String,
    revoked: Arc<AtomicUsize>,
) -> Result<Seen, String> {
    let mut seen = Seen::default();
    // Parsing JSON two hundred thousand times would be most of the test's work.
    let head = format!(r#"{{"type":"MESSAGE","data":{{"topic":"{topic}","message":""#);
    loop {
        let text = client
            .next_patiently()
            .await
            .map_err(|end| format!("ended: {end:?}"))?;
        if let Some(rest) = text.strip_prefix(&head) {
            let message = rest.split('"').next().unwrap_or_default();
            if message == LAST {
                return Ok(seen);
            }
            if message.parse() != Ok(seen.numbered) {
                return Err(format!("heard {message} instead of {}", seen.numbered));
            }
            seen.numbered += 1;
        } else {
            let frame: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            if frame["type"] != "AUTH_REVOKED" {
                return Err(format!("got {text}"));
            }
            let topics = frame["data"]["topics"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            seen.revoked.extend(
                topics
                    .iter()
                    .filter_map(|one| one.as_str().map(str::to_owned)),
            );
            revoked.fetch_add(1, Ordering::Relaxed);
        }
    }
}
