//! `tidegate serve` as scripts start it, and what it refuses to start with.

use std::net::TcpListener;

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::setup::Setup;

/// No file, only the variables that the README promises.
#[tokio::test]
async fn an_empty_folder_is_enough() {
    let broker = Broker::start().await;
    assert_eq!(broker.get("/healthz").await.status, 200);
    assert_eq!(broker.get("/readyz").await.status, 200);
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    broker
        .publish(&service, "channel:update", json!({"title": "hi"}))
        .await;
    client
        .expect_message("channel:update", r#"{"title":"hi"}"#)
        .await;
    let made: Vec<String> = std::fs::read_dir(broker.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(made, ["data"], "everything it keeps is in TIDEGATE_DATA");
}

#[cfg(unix)]
#[tokio::test]
async fn private_keys_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let broker = Broker::start().await;
    let keys = broker.folder().join("data/keys.pem").metadata().unwrap();
    assert_eq!(keys.permissions().mode() & 0o077, 0);
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_by_name() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, words) = Setup::new().env("PORT", &port).start_refused().await;
    assert_eq!(status.code(), Some(1), "{words}");
    assert!(words.contains(&port), "{words}");
}

#[tokio::test]
async fn two_brokers_on_one_port_do_not_share_it() {
    let first = Broker::start().await;
    let port = first.address.port().to_string();
    let (status, words) = Setup::new().env("PORT", &port).start_refused().await;
    assert_eq!(
        status.code(),
        Some(1),
        "SO_REUSEPORT must not hide it: {words}"
    );
}

#[tokio::test]
async fn wrong_settings_are_refused_with_their_place_and_the_nearest_name() {
    for (settings, told) in [
        ("[limits]\nframe_byts = 1\n", "frame_bytes"),
        ("[limit]\nframe_bytes = 1000\n", "limits"),
        ("[limits]\nheartbeat = \"soon\"\n", "heartbeat"),
        ("[limits]\nheartbeat = \n", "tidegate.toml:2"),
        ("[redis]\nmode = \"sharted\"\n", "sharded"),
        ("[[topics]]\npattern = \"a:b*\"\n", "b*"),
    ] {
        let (status, words) = Setup::new().settings(settings).start_refused().await;
        assert_eq!(status.code(), Some(2), "{settings}: {words}");
        assert!(
            words.contains(told) && words.contains("tidegate.toml"),
            "{settings}: {words}"
        );
    }
    let unknown = Setup::new().env("TIDEGATE_WORKRES", "1");
    let (status, words) = unknown.start_refused().await;
    assert_eq!(status.code(), Some(2), "{words}");
    assert!(words.contains("TIDEGATE_WORKERS"), "{words}");
}

#[tokio::test]
async fn other_programs_variables_are_none_of_its_business() {
    let broker = Setup::new()
        .env("DATABASE_URL", "x")
        .env("GATE", "y")
        .start()
        .await;
    assert_eq!(broker.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn the_environment_beats_dotenv_and_dotenv_the_file() {
    let setup = Setup::new().settings("[limits]\ntopics_per_connection = 1\n");
    setup.file(".env", "TIDEGATE_LIMITS_TOPICS_PER_CONNECTION=2\n");
    let broker = setup.start().await;
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:1", "channel:2"]).await;
    let setup = Setup::new().env("TIDEGATE_LIMITS_TOPICS_PER_CONNECTION", "3");
    setup.file(".env", "TIDEGATE_LIMITS_TOPICS_PER_CONNECTION=2\n");
    let broker = setup.start().await;
    let mut client = Client::connect(&broker).await;
    client
        .listen(&["channel:1", "channel:2", "channel:3"])
        .await;
}

#[tokio::test]
async fn on_fly_keys_must_be_given() {
    let fly = Setup::new()
        .env("FLY_APP_NAME", "edge")
        .env("FLY_MACHINE_ID", "m1");
    let (status, words) = fly.start_refused().await;
    assert_ne!(status.code(), Some(0));
    assert!(words.contains("TIDEGATE_KEYS"), "{words}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_plain_http_errors() {
    let broker = Broker::start().await;
    assert_eq!(broker.get("/nowhere").await.status, 404);
    assert_eq!(broker.get("/publish").await.status, 405);
    let upgrade_missing = broker.get("/ws").await.status;
    assert!((400..500).contains(&upgrade_missing), "{upgrade_missing}");
    // Admin is not on the public port.
    assert_eq!(broker.get("/metrics").await.status, 404);
    assert_eq!(broker.admin_get("/metrics").await.status, 200);
}

#[tokio::test]
async fn ipv6_is_served_beside_ipv4() {
    let broker = Broker::start().await;
    let address = (std::net::Ipv6Addr::LOCALHOST, broker.address.port()).into();
    let mut client = Client::open(address, "/ws", &[]).await.unwrap();
    client.listen(&["channel:update"]).await;
}
