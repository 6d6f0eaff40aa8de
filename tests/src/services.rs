//! The services of `examples`, and npm's `socket.io` as a reference, each on a free port.

use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::process::Process;
use crate::{node, ports, wait};

/// A Node program that says where it listens.
pub struct Service {
    pub process: Process,
    origin: String,
}

impl Service {
    /// `node <arguments>` in a folder of the repository, with only these variables.
    pub async fn start(name: &str, folder: &str, arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = node::command(folder).await;
        command.args(arguments).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PORT", "0").envs(env.iter().copied());
        let mut process = Process::spawn(name, &mut command);
        let what = format!("{name} listens");
        let origin = wait::until(&what, async || {
            process.assert_running();
            let line = process.logs.find(|line| line.contains(" listening on "))?;
            line.split(" listening on ").nth(1).map(str::to_owned)
        })
        .await;
        Self { process, origin }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// `examples/auth-service`.
pub struct AuthService(pub Service);

impl AuthService {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With these variables (its README lists them).
    pub async fn start_with(env: &[(&str, &str)]) -> Self {
        let folder = "examples/auth-service";
        Self(Service::start("auth-service", folder, &["server.mjs"], env).await)
    }

    /// For the broker's `JWKS_URL`.
    pub fn jwks_url(&self) -> String {
        self.0.url("/.well-known/jwks.json")
    }

    /// A token for this subject, as long-lived as they are.
    pub async fn token(&self, user: &str) -> String {
        self.login(&json!({"user": user})).await
    }

    /// A token that lives so many seconds.
    pub async fn token_for(&self, user: &str, seconds: u32) -> String {
        self.login(&json!({"user": user, "expires_in": seconds}))
            .await
    }

    /// Tokens have another key from here on; answers its `kid`.
    pub async fn rotate(&self) -> String {
        let answer = http::post(&self.0.url("/rotate"), &[], String::new()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["kid"].as_str().expect("a kid").to_owned()
    }

    async fn login(&self, body: &Value) -> String {
        let answer = http::post(&self.0.url("/login"), &[], body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["token"].as_str().expect("a token").to_owned()
    }
}

/// `examples/user-service`, with its faults open. It knows ann, bob, carl (not active) and mallory
/// (blocked).
pub struct UserService(pub Service);

impl UserService {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more variables (its README lists them).
    pub async fn start_with(env: &[(&str, &str)]) -> Self {
        let env = [&[("FAULTS", "on")], env].concat();
        let folder = "examples/user-service";
        Self(Service::start("user-service", folder, &["server.mjs"], &env).await)
    }

    /// For the broker's `USER_SERVICE_URL`.
    pub fn origin(&self) -> String {
        self.0.url("")
    }

    /// Makes or replaces a user: `{"name", "active", "blocked"}`, all of which may be left out.
    pub async fn put(&self, user: &str, fields: Value) {
        self.change(reqwest::Method::PUT, &format!("/users/{user}"), &fields)
            .await;
    }

    pub async fn delete(&self, user: &str) {
        self.change(
            reqwest::Method::DELETE,
            &format!("/users/{user}"),
            &json!({}),
        )
        .await;
    }

    /// Questions are answered so late, and with this status (0 = the true answer), until the next
    /// fault.
    pub async fn fault(&self, delay_ms: u32, status: u16) {
        let fault = json!({"delay_ms": delay_ms, "status": status});
        self.change(reqwest::Method::PUT, "/faults", &fault).await;
    }

    /// `{"requests", "in_flight", "most_in_flight", "by_status", "by_path"}`.
    pub async fn stats(&self) -> Value {
        http::get(&self.0.url("/stats"), &[]).await.json()
    }

    async fn change(&self, method: reqwest::Method, path: &str, body: &Value) {
        let url = self.0.url(path);
        let answer: Option<Answer> = http::try_request(method, &url, &[], body.to_string()).await;
        let answer = answer.unwrap_or_else(|| panic!("{url} answers"));
        assert_eq!(answer.status, 200, "{url}: {}", answer.body);
    }
}

/// The page of `examples/notifications`, with its login at an [`AuthService`] of its own.
pub struct NotificationsPage {
    pub page: Service,
    pub auth: AuthService,
    origin: String,
}

impl NotificationsPage {
    /// Connects to a server on `broker_port`, which may be started after it; tokens live so many
    /// seconds.
    pub async fn start(broker_port: u16, token_seconds: u32) -> Self {
        // The logins must know the page's address before it has one.
        let port = ports::free();
        let origin = format!("http://127.0.0.1:{port}");
        let ttl = token_seconds.to_string();
        let allowed = [("ALLOWED_ORIGINS", origin.as_str()), ("TOKEN_TTL", &ttl)];
        let auth = AuthService::start_with(&allowed).await;
        let env = [
            ("PORT", port.to_string()),
            ("BROKER_URL", format!("http://127.0.0.1:{broker_port}")),
            ("AUTH_URL", auth.0.url("")),
        ];
        let env: Vec<(&str, &str)> = env.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let folder = "examples/notifications";
        let page = Service::start("notifications", folder, &["serve.mjs"], &env).await;
        Self { page, auth, origin }
    }

    /// For the broker's `TIDEGATE_SESSION_ALLOWED_ORIGINS`.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// npm's `socket.io`, which takes the tokens of an [`AuthService`] (`tests/node` says what else
/// it does).
pub struct Reference(pub Service);

impl Reference {
    pub async fn start(auth: &AuthService) -> Self {
        Self::start_on(0, auth).await
    }

    pub async fn start_on(port: u16, auth: &AuthService) -> Self {
        let arguments = ["socketio_reference.mjs", &auth.jwks_url()];
        let port = port.to_string();
        let env = [("PORT", port.as_str())];
        Self(Service::start("socketio_reference", "tests/node", &arguments, &env).await)
    }

    /// Sends the user the event `notification`.
    pub async fn notify(&self, user: &str, payload: &Value) {
        let url = self.0.url("/ingest/user-notifications");
        let headers = [("tidegate-key", user)];
        let answer = http::post(&url, &headers, payload.to_string()).await;
        assert_eq!(answer.status, 200);
    }
}
