//! A WebSocket client on tokio-tungstenite: an implementation the broker shares no code with.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Response};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::broker::Broker;
use crate::wait;

pub struct Client {
    socket: WebSocketStream<TcpStream>,
    nonces: u32,
}

/// What ended a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Closed {
        code: u16,
        reason: String,
    },
    /// A close frame without a code.
    Bare,
    /// The TCP connection ended without a close frame.
    Cut,
}

impl Client {
    /// As a Twitch PubSub client connects.
    pub async fn connect(broker: &Broker) -> Self {
        Self::open(broker.address, "/ws", &[])
            .await
            .expect("the upgrade is granted")
    }

    /// With `?v=1`; the WELCOME has been read and is answered beside.
    pub async fn connect_v1(broker: &Broker) -> (Self, Value) {
        let opened = Self::open(broker.address, "/ws?v=1", &[]).await;
        let mut client = opened.expect("the upgrade is granted");
        let welcome = client.frame().await;
        assert_eq!(welcome["type"], "WELCOME", "{welcome}");
        (client, welcome)
    }

    /// Refused upgrades answer their HTTP status.
    pub async fn open(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        wait::soon(
            "the WebSocket handshake",
            Self::handshake(address, path, headers),
        )
        .await
    }

    async fn handshake(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).await.expect("the port is open");
        stream.set_nodelay(true).expect("nodelay");
        let url = format!("ws://{address}{path}");
        let mut request = url.into_client_request().expect("a good URL");
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).expect("a good header");
            request.headers_mut().insert(*name, value);
        }
        // The default read buffer of 128 KiB is too much for a test of thousands.
        let config = WebSocketConfig::default().read_buffer_size(4096);
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(Self { socket, nonces: 0 }),
            Err(Error::Http(response)) => Err(Response::status(&response).as_u16()),
            Err(error) => panic!("the handshake failed: {error}"),
        }
    }

    pub async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Whether the connection still took it.
    pub async fn try_send_text(&mut self, text: &str) -> bool {
        wait::soon("the frame is sent", self.socket.send(Message::text(text)))
            .await
            .is_ok()
    }

    pub async fn send_message(&mut self, message: Message) {
        wait::soon("the frame is sent", self.socket.send(message))
            .await
            .expect("the connection is open");
    }

    /// The next text frame, as it came. Pings are answered on the way.
    pub async fn text(&mut self) -> String {
        match self.next().await {
            Ok(text) => text,
            Err(end) => panic!("the connection ended instead of a frame: {end:?}"),
        }
    }

    pub async fn frame(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in frame {text}"))
    }

    /// The next text frame, or what ended the connection.
    pub async fn next(&mut self) -> Result<String, End> {
        wait::soon("the next frame", self.next_patiently()).await
    }

    /// As [`Client::next`] without a deadline.
    pub async fn next_patiently(&mut self) -> Result<String, End> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(Some(close)))) => {
                    let _ = self.socket.flush().await;
                    return Err(End::Closed {
                        code: close.code.into(),
                        reason: close.reason.as_str().to_owned(),
                    });
                }
                Some(Ok(Message::Close(None))) => return Err(End::Bare),
                Some(Ok(Message::Binary(_))) => panic!("the broker sent a binary frame"),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(End::Cut),
            }
        }
    }

    /// The next frame is this one.
    pub async fn expect(&mut self, wanted: Value) {
        assert_eq!(self.frame().await, wanted);
    }

    /// Sends a request with a fresh nonce; the next frame is its RESPONSE.
    pub async fn ask(&mut self, kind: &str, data: Value) -> Value {
        self.nonces += 1;
        let nonce = format!("n{}", self.nonces);
        self.send(json!({"type": kind, "nonce": nonce, "data": data}))
            .await;
        let response = self.frame().await;
        assert_eq!(
            (&response["type"], &response["nonce"]),
            (&json!("RESPONSE"), &json!(nonce)),
            "{response}"
        );
        response
    }

    /// As [`Client::ask`], passing over the frames before the RESPONSE.
    pub async fn ask_among(&mut self, kind: &str, data: Value) -> Value {
        self.nonces += 1;
        let nonce = format!("n{}", self.nonces);
        self.send(json!({"type": kind, "nonce": nonce, "data": data}))
            .await;
        loop {
            let frame = self.frame().await;
            if frame["type"] == "RESPONSE" && frame["nonce"] == nonce {
                return frame;
            }
        }
    }

    /// LISTENs; it must be granted.
    pub async fn listen(&mut self, topics: &[&str]) {
        let response = self.ask("LISTEN", json!({"topics": topics})).await;
        assert_eq!(response["error"], "", "{response}");
    }

    /// LISTENs with a token; it must be granted.
    pub async fn listen_with(&mut self, topics: &[&str], token: &str) {
        let data = json!({"topics": topics, "auth_token": token});
        let response = self.ask("LISTEN", data).await;
        assert_eq!(response["error"], "", "{response}");
    }

    /// The next frame is a MESSAGE: its topic and its message, a string.
    pub async fn message(&mut self) -> (String, String) {
        let frame = self.frame().await;
        assert_eq!(frame["type"], "MESSAGE", "{frame}");
        let part = |name: &str| match &frame["data"][name] {
            Value::String(text) => text.clone(),
            other => panic!("{name} is {other}, not a string, in {frame}"),
        };
        (part("topic"), part("message"))
    }

    /// The next frame is this message.
    pub async fn expect_message(&mut self, topic: &str, message: &str) {
        let (got_topic, got_message) = self.message().await;
        assert_eq!((got_topic.as_str(), got_message.as_str()), (topic, message));
    }

    /// Nothing waits but the answer to this PING.
    pub async fn expect_nothing_before_pong(&mut self) {
        self.send(json!({"type": "PING"})).await;
        self.expect(json!({"type": "PONG"})).await;
    }

    /// Reads to the end; frames before it are dropped.
    pub async fn end(&mut self) -> End {
        loop {
            if let Err(end) = self.next().await {
                return end;
            }
        }
    }

    /// Reads to the end, which must be a close frame; answers its code.
    pub async fn close_code(&mut self) -> u16 {
        match self.end().await {
            End::Closed { code, .. } => code,
            other => panic!("closed without a code: {other:?}"),
        }
    }
}
