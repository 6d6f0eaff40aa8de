//! Servers that speak as DynamoDB does: dynalite (npm) and moto (PyPI). One of each for all tests
//! that run at the time; each test has tables of its own, by their prefix.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use tidegate::store::DynamodbConfig;
use tokio::sync::Mutex;

use crate::process::Process;
use crate::{http, node, ports, python, wait};

/// moto takes 3 s alone; the machine may be busy with the other tests.
const START: Duration = Duration::from_secs(60);

/// Whom they take: anybody.
const CREDENTIALS: (&str, &str) = ("tidegate", "no-secret");

pub struct Dynamodb {
    port: u16,
    _process: Process,
}

/// Alive while a test holds it: a process that outlives the tests would be left running.
type Shared = Mutex<Weak<Dynamodb>>;

impl Dynamodb {
    /// Knows what DynamoDB refuses, but no time to live.
    pub async fn dynalite() -> Arc<Self> {
        static SHARED: Shared = Mutex::const_new(Weak::new());
        let start = async |port: u16| {
            let mut command = node::command("tests/node").await;
            command.args(["node_modules/dynalite/cli.js", "--port", &port.to_string()]);
            command.args(["--createTableMs", "0", "--deleteTableMs", "0"]);
            ("dynalite", command)
        };
        shared(&SHARED, start).await
    }

    /// Knows time to live.
    pub async fn moto() -> Arc<Self> {
        static SHARED: Shared = Mutex::const_new(Weak::new());
        let start = async |port: u16| {
            let mut command = python::command("python").await;
            command.args(["moto_server.py", &port.to_string()]);
            ("moto", command)
        };
        shared(&SHARED, start).await
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Settings of a store whose tables no other test knows.
    pub fn config(&self) -> DynamodbConfig {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        DynamodbConfig {
            table_prefix: format!("t{number}-"),
            ..config(&self.url())
        }
    }

    /// One that knows nothing of the store.
    pub fn client(&self) -> Client {
        let (id, secret) = CREDENTIALS;
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.url())
            .credentials_provider(Credentials::new(id, secret, None, None, "test"));
        Client::from_conf(config.build())
    }

    /// What the AWS SDK finds in the environment of a process.
    pub fn environment(&self) -> Vec<(String, String)> {
        let (id, secret) = CREDENTIALS;
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.url().as_str()),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

/// Settings for a server at `url`, be it there or not.
pub fn config(url: &str) -> DynamodbConfig {
    let (id, secret) = CREDENTIALS;
    DynamodbConfig {
        endpoint: Some(url.to_owned()),
        credentials: Some((id.to_owned(), secret.to_owned())),
        ..DynamodbConfig::default()
    }
}

async fn shared(
    shared: &'static Shared,
    start: impl AsyncFnOnce(u16) -> (&'static str, Command),
) -> Arc<Dynamodb> {
    let mut shared = shared.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let port = ports::free();
    let (name, mut command) = start(port).await;
    let mut process = Process::spawn(name, &mut command);
    let url = format!("http://127.0.0.1:{port}/");
    wait::until_within(START, &format!("{name} answers"), async || {
        process.assert_running();
        http::try_request(reqwest::Method::GET, &url, &[], "").await
    })
    .await;
    let server = Arc::new(Dynamodb {
        port,
        _process: process,
    });
    *shared = Arc::downgrade(&server);
    server
}
