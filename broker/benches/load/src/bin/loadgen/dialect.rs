//! What to say to each server: how to open, listen and publish.

use clap::ValueEnum;
use tidegate_load::websocket::{self, BINARY, TEXT};

use crate::frames::Unit;

/// The text every publication carries, in bytes.
pub const PAYLOAD_BYTES: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// Tidegate, the floor, and the `ws` peer.
    Tidegate,
    Nats,
    /// The `socket.io` peer.
    Socketio,
    /// Tidegate's Socket.IO, over WebSocket from the start.
    TidegateSocketio,
}

/// Says `send` (if anything) and awaits a frame that holds `reply`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub send: Vec<u8>,
    pub reply: &'static str,
}

/// Who a connection is and what it wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    pub topic: Option<&'a str>,
    pub token: Option<&'a str>,
}

impl Dialect {
    pub fn path(self) -> &'static str {
        match self {
            Dialect::Tidegate => "/ws",
            Dialect::Nats => "/",
            Dialect::Socketio | Dialect::TidegateSocketio => {
                "/socket.io/?EIO=4&transport=websocket"
            }
        }
    }

    /// What is said after the upgrade by a connection that listens.
    pub fn listen(self, wish: Wish<'_>) -> Vec<Step> {
        let topic = wish.topic.unwrap_or_default();
        match (self, wish.topic) {
            (Dialect::Tidegate, None) => Vec::new(),
            (Dialect::Tidegate, Some(_)) => {
                let token = wish
                    .token
                    .map(|token| format!(r#","auth_token":"{token}""#))
                    .unwrap_or_default();
                vec![step(
                    &format!(
                        r#"{{"type":"LISTEN","nonce":"n","data":{{"topics":["{topic}"]{token}}}}}"#
                    ),
                    r#""RESPONSE""#,
                )]
            }
            (Dialect::Nats, None) => vec![step("", "INFO"), step(&nats_hello(""), "PONG")],
            (Dialect::Nats, Some(_)) => {
                let listen = format!("SUB {topic} 1\r\n");
                vec![step("", "INFO"), step(&nats_hello(&listen), "PONG")]
            }
            (Dialect::Socketio, None) => vec![step("", "0{"), step("40", "40{")],
            (Dialect::Socketio, Some(_)) => vec![
                step("", "0{"),
                step("40", "40{"),
                step(&format!(r#"420["listen","{topic}"]"#), "430"),
            ],
            (Dialect::TidegateSocketio, None) => socketio_hello(wish.token),
            (Dialect::TidegateSocketio, Some(_)) => {
                let mut steps = socketio_hello(wish.token);
                let listen = format!(r#"420["listen",{{"topics":["{topic}"]}}]"#);
                steps.push(step(&listen, "430"));
                steps
            }
        }
    }

    /// What is said after the upgrade by the connection that publishes.
    pub fn introduce_publisher(self, token: Option<&str>) -> Vec<Step> {
        match (self, token) {
            (Dialect::Tidegate, Some(token)) => vec![step(
                &format!(r#"{{"type":"AUTH","nonce":"n","data":{{"auth_token":"{token}"}}}}"#),
                r#""RESPONSE""#,
            )],
            _ => self.listen(Wish { topic: None, token }),
        }
    }

    /// Appends the frame that publishes `payload`.
    pub fn push_publish(self, out: &mut Vec<u8>, topic: &str, payload: &str) {
        let text = match self {
            Dialect::Tidegate => format!(
                r#"{{"type":"PUBLISH","data":{{"topic":"{topic}","message":"{payload}"}}}}"#
            ),
            Dialect::Nats => format!("PUB {topic} {}\r\n{payload}\r\n", payload.len()),
            Dialect::Socketio => format!(r#"42["publish","{topic}","{payload}"]"#),
            Dialect::TidegateSocketio => {
                format!(r#"42["publish",{{"topic":"{topic}","message":"{payload}"}}]"#)
            }
        };
        websocket::push_client_frame(out, self.opcode(), text.as_bytes());
    }

    pub fn opcode(self) -> u8 {
        match self {
            Dialect::Nats => BINARY,
            Dialect::Tidegate | Dialect::Socketio | Dialect::TidegateSocketio => TEXT,
        }
    }

    pub fn unit(self, topic: &str) -> Unit {
        match self {
            Dialect::Nats => {
                let head = format!("MSG {topic} 1 {PAYLOAD_BYTES}\r\n");
                Unit::Bytes((head.len() + PAYLOAD_BYTES + 2) as u64)
            }
            Dialect::Tidegate | Dialect::Socketio | Dialect::TidegateSocketio => Unit::Frame,
        }
    }

    /// The server's frame says no to what was asked.
    pub fn refuses(self, frame: &str) -> bool {
        match self {
            Dialect::Tidegate => frame.contains(r#""error":"ERR"#),
            Dialect::Nats => frame.starts_with("-ERR"),
            Dialect::Socketio => frame.starts_with("44"),
            Dialect::TidegateSocketio => frame.starts_with("44") || frame.contains(r#""ok":false"#),
        }
    }
}

fn step(send: &str, reply: &'static str) -> Step {
    Step {
        send: send.as_bytes().to_vec(),
        reply,
    }
}

/// Engine.IO's OPEN, and the CONNECT that shows who this is.
fn socketio_hello(token: Option<&str>) -> Vec<Step> {
    let auth = token.map(|token| format!(r#"{{"token":"{token}"}}"#));
    let connect = format!("40{}", auth.unwrap_or_default());
    vec![step("", "0{"), step(&connect, "40{")]
}

fn nats_hello(listen: &str) -> String {
    format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\n{listen}PING\r\n")
}
