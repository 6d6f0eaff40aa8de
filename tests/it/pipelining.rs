//! PUBLISHes of one socket over Redis: handed over in order, acknowledged together.

use std::time::Instant;

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::wait;

async fn broker(redis: &Redis, settings: &str) -> Broker {
    let setup = Setup::new().env("REDIS_URL", &redis.url());
    setup.settings(settings).start().await
}

/// One that may publish to `channel:**`.
async fn publisher(broker: &Broker) -> Client {
    let token = broker.token("alice", &["channel:write"]);
    let mut client = Client::connect(broker).await;
    let response = client.ask("AUTH", json!({"auth_token": token})).await;
    assert_eq!(response["error"], "", "{response}");
    client
}

async fn send(client: &mut Client, kind: &str, nonce: &str, data: serde_json::Value) {
    let command = json!({"type": kind, "nonce": nonce, "data": data});
    client.send(command).await;
}

async fn publish(client: &mut Client, n: usize) {
    let data = json!({"topic": "channel:update", "message": n});
    send(client, "PUBLISH", &n.to_string(), data).await;
}

async fn handed_over(broker: &Broker) -> Option<f64> {
    broker.metric("tidegate_client_publications_total").await
}

#[tokio::test]
async fn publications_do_not_wait_for_each_other_up_to_the_limit() {
    const LIMIT: usize = 20;
    const SENT: usize = 50;
    let redis = Redis::start().await;
    let settings = format!("[limits]\npublications_in_flight = {LIMIT}\n");
    let broker = broker(&redis, &settings).await;
    let mut listener = Client::connect(&broker).await;
    listener.listen(&["channel:update"]).await;
    let mut client = publisher(&broker).await;

    redis.pause();
    for n in 0..SENT {
        publish(&mut client, n).await;
    }
    wait::until("as many as may be are handed over", async || {
        (handed_over(&broker).await >= Some(LIMIT as f64)).then_some(())
    })
    .await;
    // The PONG overtakes, and says that all of them were read.
    client.expect_nothing_before_pong().await;
    assert_eq!(handed_over(&broker).await, Some(LIMIT as f64));
    redis.resume();

    for n in 0..SENT {
        client
            .expect(json!({"type": "RESPONSE", "error": "", "nonce": n.to_string()}))
            .await;
    }
    for n in 0..SENT {
        listener
            .expect_message("channel:update", &n.to_string())
            .await;
    }
}

#[tokio::test]
async fn other_commands_keep_their_place_among_publications() {
    let redis = Redis::start().await;
    let broker = broker(&redis, "").await;
    let mut client = publisher(&broker).await;
    let weaker = broker.token("alice", &[]);

    redis.pause();
    publish(&mut client, 0).await;
    // Refused at once, and told after what came before it.
    let data = json!({"topic": "nobody:may", "message": 1});
    send(&mut client, "PUBLISH", "1", data).await;
    publish(&mut client, 2).await;
    send(
        &mut client,
        "LISTEN",
        "3",
        json!({"topics": ["channel:update"]}),
    )
    .await;
    publish(&mut client, 4).await;
    send(&mut client, "AUTH", "5", json!({"auth_token": weaker})).await;
    publish(&mut client, 6).await;
    client.expect_nothing_before_pong().await;
    assert_eq!(
        handed_over(&broker).await,
        Some(2.0),
        "4 waits for LISTEN, which waits for 0 and 2"
    );
    redis.resume();

    let mut answers = Vec::new();
    while answers.len() < 7 {
        let frame = client.frame().await;
        if frame["type"] == "RESPONSE" {
            let text = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
            answers.push((text("nonce"), text("error")));
        }
    }
    let wanted = ["", "ERR_BADAUTH", "", "", "", "", "ERR_BADAUTH"];
    let wanted = wanted.iter().enumerate();
    let wanted: Vec<_> = wanted
        .map(|(n, error)| (n.to_string(), (*error).to_owned()))
        .collect();
    assert_eq!(answers, wanted);
}

/// Prints the rate (`cargo test -p tidegate-tests --test it one_socket -- --nocapture`).
#[tokio::test]
async fn one_socket_publishes_many_in_order() {
    const SENT: usize = 10_000;
    let redis = Redis::start().await;
    let broker = broker(&redis, "[limits]\nmessages_per_second = 1000000\n").await;
    let mut listener = Client::connect(&broker).await;
    listener.listen(&["channel:update"]).await;
    let mut client = publisher(&broker).await;
    let hearing = tokio::spawn(async move {
        for n in 0..SENT {
            listener
                .expect_message("channel:update", &n.to_string())
                .await;
        }
    });
    let start = Instant::now();
    for n in 0..SENT - 1 {
        let data = json!({"topic": "channel:update", "message": n});
        client.send(json!({"type": "PUBLISH", "data": data})).await;
    }
    publish(&mut client, SENT - 1).await;
    let last = (SENT - 1).to_string();
    client
        .expect(json!({"type": "RESPONSE", "error": "", "nonce": last}))
        .await;
    let rate = SENT as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} publications/s of one socket, each acknowledged by Redis");
    hearing.await.expect("all are heard in order");
}
