//! The services of `examples`, by their own tests and with the broker.

use tidegate_tests::client::Client;
use tidegate_tests::node;
use tidegate_tests::services::AuthService;
use tidegate_tests::setup::Setup;

#[tokio::test]
async fn the_auth_services_own_tests_pass() {
    node::run_in("examples/auth-service", &["--test", "."]).await;
}

#[tokio::test]
async fn the_user_services_own_tests_pass() {
    node::run_in("examples/user-service", &["--test", "."]).await;
}

#[tokio::test]
async fn the_chat_pages_own_tests_pass() {
    node::run_in("examples/chat-web", &["--test", "test"]).await;
}

#[tokio::test]
async fn the_broker_takes_tokens_of_the_auth_service_across_a_rotation() {
    for algorithm in ["EdDSA", "ES256"] {
        let auth = AuthService::start_with(&[("ALGORITHM", algorithm)]).await;
        let setup = Setup::new().env("JWKS_URL", &auth.jwks_url());
        let broker = setup.start().await;
        let before = auth.token("ann").await;
        let mut client = Client::connect(&broker).await;
        client
            .listen_with(&["user:ann:notification"], &before)
            .await;
        auth.rotate().await;
        // The next key was published before it signed: nothing has to be fetched for it.
        let after = auth.token("ann").await;
        assert_ne!(before, after);
        for token in [before, after] {
            let mut client = Client::connect(&broker).await;
            client.listen_with(&["user:ann:notification"], &token).await;
        }
    }
}
