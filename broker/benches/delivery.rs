//! Encoding a batch, and the hub and outbox under a fan-out.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tidegate::hub::Hub;
use tidegate::outbox::{Outbox, SlowConsumer};
use tidegate::protocol::pubsub;
use tidegate::publication::{Draft, JsonText, Publication};
use tidegate::topic::Topic;

const LISTENERS: u32 = 1_000;

fn draft(n: usize) -> Draft {
    Draft {
        topic: Topic::parse("channel:update").expect("a topic"),
        event: None,
        id: format!("01M83WPWG3{n:016}").into(),
        ts: None,
        origin: None,
        payload: JsonText::parse(&Bytes::from(format!("\"{}\"", "x".repeat(128)))).expect("JSON"),
    }
}

fn encode(c: &mut Criterion) {
    c.bench_function("encode/batch of 16", |b| {
        b.iter_batched(
            || (0..16).map(draft).collect::<Vec<_>>(),
            |drafts| black_box(Publication::encode_batch(drafts)),
            BatchSize::SmallInput,
        );
    });
    let listen = r#"{"type":"LISTEN","nonce":"44h1k","data":{"topics":["channel:update"]}}"#;
    c.bench_function("decode/LISTEN", |b| {
        b.iter(|| pubsub::parse(black_box(listen)))
    });
}

fn fan_out(c: &mut Criterion) {
    let topic = Topic::parse("channel:update").expect("a topic");
    let mut hub = Hub::default();
    for id in 0..LISTENERS {
        let key = hub.hold(&topic);
        hub.listen(id, key);
        let _ = hub.release(key);
    }
    let mut outboxes: Vec<Outbox> = (0..LISTENERS).map(|_| Outbox::default()).collect();
    let publications = Publication::encode_batch((0..16).map(draft));
    c.bench_function("hub/fan-out of 16 to 1,000 outboxes, emptied", |b| {
        b.iter(|| {
            let key = hub.key("channel:update").expect("listened to");
            let mut run = publications[0].ws().clone();
            for next in &publications[1..] {
                assert!(run.join(next.ws()));
            }
            for id in hub.listeners(key) {
                let outbox = &mut outboxes[*id as usize];
                outbox.push(&run, SlowConsumer::Disconnect, key, 1 << 20);
                outbox.advance(run.len());
            }
        });
    });
    c.bench_function("hub/listen and leave", |b| {
        b.iter(|| {
            let key = hub.hold(&topic);
            hub.listen(LISTENERS, key);
            let _ = hub.release(key);
            black_box(hub.remove(LISTENERS))
        });
    });
}

criterion_group!(benches, encode, fan_out);
criterion_main!(benches);
