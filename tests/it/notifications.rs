//! Notifications as their users have them: a user's publications reach the real Socket.IO clients
//! of that user and nobody else's, and the User Service says who may connect.

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::http;
use tidegate_tests::services::{AuthService, UserService};
use tidegate_tests::setup::Setup;
use tidegate_tests::socketio::SocketIo;
use tidegate_tests::wait;

struct House {
    auth: AuthService,
    users: UserService,
    broker: Broker,
}

impl House {
    async fn start() -> Self {
        let auth = AuthService::start().await;
        let users = UserService::start().await;
        let setup = Setup::new().env("JWKS_URL", &auth.jwks_url());
        let broker = setup.env("USER_SERVICE_URL", &users.origin()).start().await;
        Self {
            auth,
            users,
            broker,
        }
    }

    async fn npm(&self, user: &str, transports: &[&str]) -> SocketIo {
        let options = self.options(user, transports).await;
        SocketIo::npm(&self.broker.url(""), &options).await
    }

    async fn python(&self, user: &str, transports: &[&str]) -> SocketIo {
        let options = self.options(user, transports).await;
        SocketIo::python(&self.broker.url(""), &options).await
    }

    async fn options(&self, user: &str, transports: &[&str]) -> Value {
        json!({"transports": transports, "token": self.auth.token(user).await})
    }

    async fn notify(&self, user: &str, payload: &Value) {
        let bearer = format!("Bearer {}", self.broker.service_token());
        let headers = [("authorization", bearer.as_str()), ("tidegate-key", user)];
        let url = self.broker.url("/ingest/user-notifications");
        let answer = http::post(&url, &headers, payload.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

const TRANSPORTS: [&[&str]; 3] = [&["websocket"], &["polling"], &["polling", "websocket"]];

#[tokio::test]
async fn all_clients_of_a_user_hear_it_and_no_others() {
    let house = House::start().await;
    let mut anns = Vec::new();
    for transports in TRANSPORTS {
        anns.push(house.npm("ann", transports).await);
        anns.push(house.python("ann", transports).await);
    }
    let mut bob = house.npm("bob", &["websocket"]).await;
    for client in anns.iter_mut().chain([&mut bob]) {
        client.hears_of("connect").await;
    }
    let payload = json!({"title": "é \"quoted\" 😀", "list": [1, 2.5, null]});
    house.notify("ann", &payload).await;
    house.notify("bob", &json!("for bob")).await;
    for client in &mut anns {
        assert_eq!(client.hears_event("notification").await, json!([payload]));
    }
    assert_eq!(bob.hears_event("notification").await, json!(["for bob"]));
    for mut client in anns {
        client.end().await;
    }
}

#[tokio::test]
async fn who_may_not_connect_is_told_why() {
    let house = House::start().await;
    for (user, code) in [("mallory", "forbidden-user"), ("nobody", "unknown-user")] {
        for mut client in [
            house.npm(user, &["websocket"]).await,
            house.python(user, &["polling"]).await,
        ] {
            let refused = client.hears_of("connect_error").await;
            assert_eq!(refused["data"]["code"], code, "{refused}");
            assert_eq!(refused["data"]["retryable"], false, "{refused}");
            client.end().await;
        }
    }
    house.users.fault(0, 503).await;
    let mut client = house.npm("bob", &["websocket"]).await;
    let refused = client.hears_of("connect_error").await;
    assert_eq!(refused["data"]["code"], "user-service-unavailable");
    assert_eq!(refused["data"]["retryable"], true);
    house.users.fault(0, 0).await;
    // The client does not try again by itself; the refusal is remembered for a second.
    wait::soon("bob is let in", async {
        loop {
            client.does(&json!({"do": "connect"}));
            if client.hears().await["heard"] == "connect" {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_renews_its_token_when_it_is_refused() {
    let house = House::start().await;
    let options = json!({"transports": ["websocket"], "token": "nonsense"});
    let mut client = SocketIo::npm(&house.broker.url(""), &options).await;
    let refused = client.hears().await;
    assert_eq!(refused["heard"], "connect_error", "{refused}");
    assert_eq!(refused["active"], false);
    client.does(&json!({"do": "token", "token": house.auth.token("ann").await}));
    client.does(&json!({"do": "connect"}));
    client.connects().await;
    house.notify("ann", &json!(1)).await;
    assert_eq!(client.hears_event("notification").await, json!([1]));
}
