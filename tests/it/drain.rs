//! SIGTERM and SIGINT: nobody is surprised, and it ends in time.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::{Client, End};
use tidegate_tests::raw::Raw;
use tidegate_tests::setup::Setup;
use tidegate_tests::slow::Slow;
use tidegate_tests::{frames, http, wait};
use tokio::time::Instant;

use crate::calls::{plugins, settings_asking};
use tidegate_tests::page::own_origin;

async fn started(spread: &str, timeout: &str) -> Broker {
    let settings =
        format!("[server]\ndrain_spread = \"{spread}\"\ndrain_timeout = \"{timeout}\"\n");
    Setup::new().settings(&settings).start().await
}

#[tokio::test]
async fn clients_are_asked_to_come_back_elsewhere_and_closed() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut broker = started("300ms", "10s").await;
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = Client::connect(&broker).await;
            client.listen(&["channel:update"]).await;
            clients.push(client);
        }
        broker.process.signal(signal);
        for client in &mut clients {
            client.expect(json!({"type": "RECONNECT"})).await;
            let end = client.next().await;
            assert!(
                matches!(end, Err(End::Closed { code: 1001, .. })),
                "{end:?}"
            );
        }
        assert_eq!(broker.process.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn while_it_drains_it_is_unready_and_refuses_by_503() {
    let mut broker = started("3s", "20s").await;
    let service = broker.service_token();
    let mut clients = Vec::new();
    for _ in 0..10 {
        let mut client = Client::connect(&broker).await;
        client.listen(&["channel:update"]).await;
        clients.push(client);
    }
    broker.terminate();
    wait::until("it is unready", async || {
        (broker.try_get("/readyz").await?.status == 503).then_some(())
    })
    .await;
    assert_eq!(
        Client::open(broker.address, "/ws", &[]).await.err(),
        Some(503)
    );
    assert_eq!(broker.get("/healthz").await.status, 200);
    let publish = broker
        .post_publish(&service, r#"{"topic":"channel:a","message":1}"#)
        .await;
    assert_eq!(publish.status, 503);
    let origin = own_origin(&broker);
    for path in ["/call/chat.who", "/auth/ws"] {
        let refused = http::post(&broker.url(path), &[("origin", &origin)], "").await;
        let why = refused.json();
        assert_eq!((refused.status, &why["error"]), (503, &json!("draining")));
        assert_eq!(why["retryable"], true, "{path}");
        // Its page can read it.
        assert_eq!(refused.header("access-control-allow-origin"), origin);
    }
    for client in &mut clients {
        assert_eq!(client.close_code().await, 1001);
    }
    assert_eq!(broker.process.exit().await.code(), Some(0));
}

/// The closes are spread, so that the clients do not all come to the next node at once.
#[tokio::test]
async fn closes_are_spread_over_time() {
    let broker = started("2s", "20s").await;
    let mut clients = Vec::new();
    for _ in 0..30 {
        let mut client = Client::connect(&broker).await;
        client.listen(&["channel:update"]).await;
        clients.push(client);
    }
    broker.terminate();
    let closed = futures_util::future::join_all(clients.iter_mut().map(async |client| {
        client.close_code().await;
        Instant::now()
    }))
    .await;
    let (first, last) = (closed.iter().min().unwrap(), closed.iter().max().unwrap());
    assert!(
        *last - *first > Duration::from_millis(500),
        "{:?}",
        *last - *first
    );
}

#[tokio::test]
async fn a_client_that_ignores_it_all_does_not_hold_it_up() {
    let mut broker = started("200ms", "2s").await;
    let mut deaf = Raw::upgraded(broker.address).await;
    deaf.send(&frames::text(
        r#"{"type":"LISTEN","data":{"topics":["channel:a"]}}"#,
    ))
    .await;
    let mut idle_http = Raw::dial(broker.address).await;
    idle_http
        .send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(idle_http.head().await.starts_with("HTTP/1.1 200 "));
    let started = Instant::now();
    broker.terminate();
    assert_eq!(broker.process.exit().await.code(), Some(0));
    assert!(
        started.elapsed() < Duration::from_secs(6),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut broker = started("1m", "5m").await;
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    broker.terminate();
    wait::until("it is unready", async || {
        (broker.try_get("/readyz").await?.status == 503).then_some(())
    })
    .await;
    let started = Instant::now();
    broker.terminate();
    broker.process.exit().await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn calls_under_way_are_answered() {
    let (plugins, slow) = (plugins(), Slow::start().await);
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let mut broker = setup.settings(&settings_asking(&slow)).start().await;
    let url = broker.url("/call/guest.do");
    let told = json!([{"fetch": slow.url()}]).to_string();
    let call = tokio::spawn(async move { http::post(&url, &[], told).await });
    slow.asked(1).await;
    broker.terminate();
    wait::until("it is unready", async || {
        (broker.try_get("/readyz").await?.status == 503).then_some(())
    })
    .await;
    slow.open();
    let answer = call.await.expect("an answer");
    assert_eq!((answer.status, answer.json()), (200, json!([200])));
    assert_eq!(broker.process.exit().await.code(), Some(0));
}

#[tokio::test]
async fn calls_that_have_acted_run_to_their_end() {
    let (plugins, slow) = (plugins(), Slow::start().await);
    let setup = || Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let mut broker = setup().settings(&settings_asking(&slow)).start().await;
    let mut client = Client::connect(&broker).await;
    let put = |id: &str| json!({"put": {"table": "Things", "item": {"id": id}}});
    let told = json!([put("a"), {"fetch": slow.url()}, put("b")]);
    let data = json!({"method": "guest.do", "params": told});
    client
        .send(json!({"type": "CALL", "nonce": "n", "data": data}))
        .await;
    slow.asked(1).await;
    drop(client);
    broker.terminate();
    wait::until("the workers have ended", async || {
        broker.try_get("/healthz").await.is_none().then_some(())
    })
    .await;
    slow.open();
    assert_eq!(broker.process.exit().await.code(), Some(0));
    let data = broker.folder().join("data").display().to_string();
    let again = setup().env("TIDEGATE_DATA", &data);
    let again = again.settings(&settings_asking(&slow)).start().await;
    let get = json!([{"get": {"table": "Things", "key": "b"}}]).to_string();
    let answer = http::post(&again.url("/call/guest.do"), &[], get).await;
    assert_eq!(answer.json(), json!([{"id": "b"}]));
}

#[tokio::test]
async fn nobody_there_means_no_waiting() {
    let mut broker = started("1m", "5m").await;
    let started = Instant::now();
    broker.terminate();
    assert_eq!(broker.process.exit().await.code(), Some(0));
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}
