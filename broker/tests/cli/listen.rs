//! `tidegate listen` against a server that plays the broker by script.

use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::{command, folder, text};

struct Server(TcpListener);

struct Socket(WebSocketStream<TcpStream>);

impl Server {
    async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a port"))
    }

    /// Starts `tidegate listen a:b` with `arguments` against this server.
    fn listener(&self, arguments: &[&str]) -> tokio::task::JoinHandle<Output> {
        let url = format!("http://{}", self.0.local_addr().expect("an address"));
        let fixed = ["listen", "--url", &url, "a:b"];
        let arguments: Vec<_> = fixed.into_iter().chain(arguments.iter().copied()).collect();
        let folder = folder();
        let mut command = command(folder.path(), &[], &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("tidegate runs");
        tokio::task::spawn_blocking(move || {
            let _folder = folder;
            child.wait_with_output().expect("it ends")
        })
    }

    /// The next connection, its LISTEN read.
    async fn accept(&self) -> (Socket, Value) {
        let accepted = tokio::time::timeout(Duration::from_secs(20), self.0.accept());
        let (stream, _) = accepted.await.expect("it comes").expect("a connection");
        let mut socket = Socket(accept_async(stream).await.expect("a handshake"));
        let listen = socket.read().await;
        assert_eq!(listen["type"], "LISTEN");
        (socket, listen)
    }

    async fn accept_and_answer(&self) -> Socket {
        let (mut socket, listen) = self.accept().await;
        let answer = json!({"type": "RESPONSE", "error": "", "nonce": listen["nonce"]});
        socket.send(answer).await;
        socket
    }
}

impl Socket {
    async fn read(&mut self) -> Value {
        let message = self
            .0
            .next()
            .await
            .expect("a message")
            .expect("it is whole");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }

    async fn send(&mut self, frame: Value) {
        self.0
            .send(Message::text(frame.to_string()))
            .await
            .expect("it reads");
    }

    async fn message(&mut self, id: &str) {
        let data = json!({"topic": "a:b", "message": id, "id": id});
        self.send(json!({"type": "MESSAGE", "data": data})).await;
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        };
        self.0.close(Some(frame)).await.expect("it closes");
    }
}

fn ids(output: &Output) -> Vec<String> {
    let id = |line: &str| {
        let data: Value = serde_json::from_str(line).expect("a line of JSON");
        data["id"].as_str().expect("an id").to_owned()
    };
    text(&output.stdout).lines().map(id).collect()
}

#[tokio::test]
async fn it_comes_back_and_prints_each_message_once() {
    let server = Server::bind().await;
    let process = server.listener(&["--token", "t", "--count", "5"]);
    let (mut first, listen) = server.accept().await;
    assert_eq!(
        listen["data"],
        json!({"topics": ["a:b"], "auth_token": "t"})
    );
    first.message("1").await;
    first
        .send(json!({"type": "RESPONSE", "error": "", "nonce": listen["nonce"]}))
        .await;
    first.message("2").await;
    first.send(json!({"type": "RECONNECT"})).await;
    // The new connection listens before the old one goes; both bring 3.
    let mut second = server.accept_and_answer().await;
    first.message("3").await;
    second.message("3").await;
    second.message("4").await;
    second.close(1001, "going away").await;
    let mut third = server.accept_and_answer().await;
    third.message("5").await;
    let output = process.await.expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(ids(&output), ["1", "2", "3", "4", "5"]);
    assert!(text(&output.stderr).contains("closed the connection (1001 going away); next try"));
}

#[tokio::test]
async fn a_refused_listen_ends_it_with_the_reason() {
    let server = Server::bind().await;
    let process = server.listener(&[]);
    let (mut socket, listen) = server.accept().await;
    let reason = json!({"reason": "needs \"user:read:chat\"", "topic": "a:b"});
    socket
        .send(json!({"type": "RESPONSE", "error": "ERR_BADAUTH", "nonce": listen["nonce"], "data": reason}))
        .await;
    let output = process.await.expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert_eq!(
        told,
        "LISTEN was refused: ERR_BADAUTH: a:b: needs \"user:read:chat\"\n"
    );
}

#[tokio::test]
async fn a_close_that_would_repeat_itself_ends_it() {
    let server = Server::bind().await;
    let process = server.listener(&[]);
    server
        .accept_and_answer()
        .await
        .close(4008, "too many messages")
        .await;
    let output = process.await.expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.ends_with("the server closed the connection (4008 too many messages)\n"),
        "{told}"
    );
}

#[tokio::test]
async fn once_does_not_come_back() {
    let server = Server::bind().await;
    let process = server.listener(&["--once"]);
    let mut socket = server.accept_and_answer().await;
    socket.message("1").await;
    socket.close(1001, "going away").await;
    let output = process.await.expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ids(&output), ["1"]);
}

#[tokio::test]
async fn a_broker_that_is_not_there_ends_the_first_try() {
    let server = Server::bind().await;
    let address = server.0.local_addr().expect("an address");
    drop(server);
    let folder = folder();
    let url = format!("ws://{address}/ws");
    let output = super::tidegate(folder.path(), &[], &["listen", "a:b", "--url", &url]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.starts_with(&format!("ws://{address}/ws: cannot connect: ")),
        "{told}"
    );
}
