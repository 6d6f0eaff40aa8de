//! The shipped notifications plugin asks the User Service of `examples` whether a user may stay.

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::plugins::Plugins;
use tidegate_tests::services::UserService;
use tidegate_tests::setup::Setup;
use tidegate_tests::wait;

async fn broker_asking(users: &UserService) -> Broker {
    let setup = Setup::new().env("USER_SERVICE_URL", &users.origin());
    setup.start().await
}

/// The `error` that a connection is answered when it shows a token of this user; empty = none.
async fn admission(broker: &Broker, user: &str) -> String {
    let mut client = Client::connect(broker).await;
    let token = broker.token(user, &[]);
    let answer = client.ask("AUTH", json!({"auth_token": token})).await;
    answer["error"].as_str().expect("an answer").to_owned()
}

async fn asked_about(users: &UserService, user: &str) -> Value {
    let stats = users.stats().await;
    stats["by_path"][format!("/users/{user}")].clone()
}

#[tokio::test]
async fn who_is_unknown_or_blocked_is_turned_away() {
    let users = UserService::start().await;
    let broker = broker_asking(&users).await;
    assert_eq!(admission(&broker, "ann").await, "");
    assert_eq!(admission(&broker, "mallory").await, "ERR_BADAUTH");
    assert_eq!(admission(&broker, "nobody").await, "ERR_BADAUTH");
    // Whatever the subject holds, it is one user's name.
    users.put("a%2F..%2Fann%3Fx", json!({})).await;
    assert_eq!(admission(&broker, "a/../ann?x").await, "");
    assert_eq!(admission(&broker, "..").await, "ERR_BADAUTH");
}

#[tokio::test]
async fn an_answer_is_remembered() {
    let users = UserService::start().await;
    let broker = broker_asking(&users).await;
    for _ in 0..5 {
        assert_eq!(admission(&broker, "ann").await, "");
    }
    assert_eq!(asked_about(&users, "ann").await, 1);
}

#[tokio::test]
async fn the_bearer_token_is_shown() {
    let users = UserService::start_with(&[("SERVICE_TOKEN", "hush")]).await;
    let setup = Setup::new().env("USER_SERVICE_URL", &users.origin());
    let broker = setup.env("USER_SERVICE_TOKEN", "hush").start().await;
    assert_eq!(admission(&broker, "ann").await, "");
    let without = broker_asking(&users).await;
    assert_eq!(admission(&without, "ann").await, "ERR_BADAUTH");
}

#[tokio::test]
async fn an_outage_refuses_for_a_short_time_and_nothing_piles_up() {
    let users = UserService::start().await;
    let broker = broker_asking(&users).await;
    users.fault(300, 503).await;
    let crowd = (0..8).map(|_| admission(&broker, "ann"));
    for answer in futures_util::future::join_all(crowd).await {
        assert_eq!(answer, "ERR_SERVER");
    }
    assert_eq!(
        users.stats().await["most_in_flight"],
        1,
        "one question for all"
    );
    users.fault(0, 0).await;
    wait::until("ann is admitted again", async || {
        admission(&broker, "ann").await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_outage_may_admit() {
    let users = UserService::start().await;
    let plugins = Plugins::new();
    let shipped = String::from_utf8(plugins.read("notifications.toml")).unwrap();
    let lenient = shipped.replace(
        r#"when_unavailable = "refuse""#,
        r#"when_unavailable = "admit""#,
    );
    assert_ne!(shipped, lenient);
    plugins.write("notifications.toml", &lenient);
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let broker = setup.env("USER_SERVICE_URL", &users.origin()).start().await;
    users.fault(0, 500).await;
    assert_eq!(admission(&broker, "ann").await, "");
    users.fault(60_000, 0).await;
    assert_eq!(
        admission(&broker, "bob").await,
        "",
        "after the plugin's timeout"
    );
}

#[tokio::test]
async fn without_a_user_service_everybody_stays() {
    let broker = Broker::start().await;
    assert_eq!(admission(&broker, "nobody").await, "");
}
