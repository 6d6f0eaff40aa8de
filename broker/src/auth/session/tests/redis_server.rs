//! A real redis-server of the test's own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Value;

pub(super) struct RedisServer {
    port: u16,
    child: Child,
}

impl RedisServer {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A cluster of one node that has all slots.
    pub(super) async fn start_cluster(folder: &Path) -> Self {
        let folder = folder.to_str().unwrap();
        let options = ["--cluster-enabled", "yes", "--dir", folder];
        let server = Self::start_with(&options).await;
        let slots = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"];
        assert_eq!(server.command(&slots).await, "OK");
        while !server
            .command(&["CLUSTER", "INFO"])
            .await
            .contains("cluster_state:ok")
        {
            tokio::task::yield_now().await;
        }
        server
    }

    async fn start_with(options: &[&str]) -> Self {
        let mut server = Self::on_free_port(options);
        // Somebody else may take the port between its choice and the server's start.
        while !server.answers().await {
            server.stop();
            server = Self::on_free_port(options);
        }
        server
    }

    fn on_free_port(options: &[&str]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let child = spawn(port, options);
        Self { port, child }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(super) async fn restart(&mut self) {
        self.child = spawn(self.port, &[]);
        assert!(self.answers().await, "redis-server did not come back");
    }

    async fn answers(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            if self.try_command(&["PING"]).await.is_ok() {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }

    /// The answer as redis-cli would print it.
    pub(super) async fn command(&self, words: &[&str]) -> String {
        match self.try_command(words).await.unwrap() {
            Value::BulkString(bytes) => String::from_utf8(bytes).unwrap(),
            Value::Int(number) => number.to_string(),
            Value::VerbatimString { text, .. } => text,
            Value::Okay => "OK".to_owned(),
            other => format!("{other:?}"),
        }
    }

    async fn try_command(&self, words: &[&str]) -> redis::RedisResult<Value> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut connection).await
    }
}

fn spawn(port: u16, options: &[&str]) -> Child {
    Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test needs redis-server: apt-get install redis-server")
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}
