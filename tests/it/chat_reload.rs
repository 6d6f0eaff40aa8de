//! The chat is changed while people write: it has the new rules, and nobody notices a hiccup.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::chat::{NEW, Person, history, send, texts_of};
use tidegate_tests::client::Client;
use tidegate_tests::plugins::Plugins;
use tidegate_tests::setup::Setup;
use tidegate_tests::{process, wait};
use tokio::task::JoinHandle;

use crate::calls::no_call_failed;

const LISTENERS: usize = 200;
const WRITERS: usize = 4;
const LAST: &str = "the last one";

/// Between two messages of a writer: faster than people, and the machine is not all theirs.
const PACE: Duration = Duration::from_millis(50);

/// A new component is compiled at a low priority, which takes long on a machine that has no rest.
const COMPILED: Duration = Duration::from_secs(120);

/// Hears everything until [`LAST`]; anything else that it is told is a hiccup. What it hears is parsed
/// later: two hundred windows must keep up.
async fn listen(mut window: Client) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let text = window.next_patiently().await;
        let text = text.expect("it is not disconnected");
        assert!(text.starts_with("{\"type\":\"MESSAGE\""), "{text}");
        let is_last = text.contains(LAST);
        heard.push(text);
        if is_last {
            return heard;
        }
    }
}

fn message_in(frame: &str) -> Value {
    let frame: Value = serde_json::from_str(frame).expect("a frame is JSON");
    let message = frame["data"]["message"].as_str().expect("a text");
    serde_json::from_str(message).expect("a message is JSON")
}

async fn listeners(broker: &Broker, token: &str) -> Vec<JoinHandle<Vec<String>>> {
    process::raise_open_files();
    let connecting = (0..LISTENERS).map(|_| async {
        let mut window = Client::connect(broker).await;
        window.listen_with(&[NEW], token).await;
        window
    });
    let windows = stream::iter(connecting).buffer_unordered(20);
    windows
        .map(|window| tokio::spawn(listen(window)))
        .collect()
        .await
}

/// The same code with other words, which is another component.
fn reworded(component: &[u8]) -> Vec<u8> {
    const OLD: &[u8] = b"Please write something.";
    const NEW: &[u8] = b"Do write something, ok?";
    let at = component.windows(OLD.len()).position(|bytes| bytes == OLD);
    let at = at.expect("the words are in the component");
    let mut changed = component.to_vec();
    changed[at..at + NEW.len()].copy_from_slice(NEW);
    changed
}

/// Tries until the refusal is in these words.
async fn is_refused_with(window: &mut Client, text: &str, words: &str) {
    let tries = AtomicUsize::new(0);
    let what = format!("{text:?} is refused with {words:?}");
    wait::until_within(COMPILED, &what, async || {
        let nonce = format!(
            "try-{}-{}",
            text.len(),
            tries.fetch_add(1, Ordering::Relaxed)
        );
        let params = json!({"text": text, "nonce": nonce});
        let data = json!({"method": "chat.send", "params": params});
        let response = window.ask_among("CALL", data).await;
        let message = response["data"]["message"].as_str().unwrap_or_default();
        let is_new = response["error"] == "ERR_CALL" && message.contains(words);
        is_new.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chat_is_changed_while_people_write() {
    let plugins = Plugins::new();
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let broker = Arc::new(setup.start().await);
    let ann = Person::enters(&broker, "ann").await;
    let listeners = listeners(&broker, &ann.token(&broker).await).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut window = ann.window(&broker).await;
        let stop = stop.clone();
        writers.push(tokio::spawn(async move {
            let mut sent = Vec::new();
            let mut pace = tokio::time::interval(PACE);
            while !stop.load(Ordering::SeqCst) {
                pace.tick().await;
                let nonce = format!("{writer}-{}", sent.len());
                sent.push(send(&mut window, &nonce, "short").await);
            }
            sent
        }));
    }

    let mut critic = ann.window(&broker).await;
    is_refused_with(&mut critic, " ", "Please write something.").await;
    plugins.replace("chat.wasm", &reworded(&plugins.read("chat.wasm")));
    is_refused_with(&mut critic, " ", "Do write something, ok?").await;
    let settings = String::from_utf8(plugins.read("chat.toml")).unwrap();
    let stricter = settings.replacen("characters_max = 2000", "characters_max = 12", 1);
    assert_ne!(stricter, settings);
    plugins.write("chat.toml", &stricter);
    // Within the old rules until it is not.
    is_refused_with(&mut critic, "a text so long", "at most 12 characters").await;
    // One that is broken changes nothing.
    plugins.write("chat.toml", "rooms = []\n");
    let mark = "settings: rooms: there is none";
    broker
        .logged("why it is refused", |line| line.contains(mark))
        .await;
    is_refused_with(&mut critic, "a text so long", "at most 12 characters").await;

    stop.store(true, Ordering::SeqCst);
    let mut sent = 0;
    for writer in writers {
        let own = writer.await.expect("no send failed");
        assert!(own.len() > 3, "one wrote only {} messages", own.len());
        sent += own.len();
    }
    let last = send(&mut critic, "last", LAST).await;
    let kept = history(&mut critic).await;
    assert!(kept.len() > sent, "{sent} by the writers, and the last");
    let mut ids = texts_of(&kept, "id");
    ids.sort();
    for listener in listeners {
        let heard = wait::soon("a listener hears the last one", listener).await;
        let heard = heard.expect("a listener has no complaint");
        let heard: Vec<Value> = heard.iter().map(|frame| message_in(frame)).collect();
        assert_eq!(heard.last(), Some(&last));
        let mut heard = texts_of(&heard, "id");
        heard.sort();
        assert_eq!(heard, ids, "each message once");
    }
    no_call_failed(&broker).await;
}
