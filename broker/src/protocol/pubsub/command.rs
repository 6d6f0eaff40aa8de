use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a client asks for. A missing nonce is the empty string.
#[derive(Debug)]
pub enum Command {
    Ping,
    Listen {
        nonce: Box<str>,
        topics: Vec<Box<str>>,
        auth_token: Option<Box<str>>,
    },
    Unlisten {
        nonce: Box<str>,
        topics: Vec<Box<str>>,
    },
    Auth {
        nonce: Box<str>,
        auth_token: Box<str>,
    },
    Publish {
        nonce: Option<Box<str>>,
        topic: Box<str>,
        event: Option<Box<str>>,
        message: Box<RawValue>,
    },
    Call {
        nonce: Box<str>,
        method: Box<str>,
        params: Option<Box<RawValue>>,
    },
}

/// A message that is no command; answered with `ERR_BADMESSAGE`.
#[derive(Debug, PartialEq, Eq)]
pub struct BadMessage {
    /// As far as the message could be read.
    pub nonce: Box<str>,
    /// What is wrong, for the client to see.
    pub reason: Box<str>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    nonce: Option<Box<str>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Listen {
    topics: Vec<Box<str>>,
    #[serde(default)]
    auth_token: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Auth {
    auth_token: Box<str>,
}

#[derive(Deserialize)]
struct Publish {
    topic: Box<str>,
    #[serde(default)]
    event: Option<Box<str>>,
    message: Box<RawValue>,
}

#[derive(Deserialize)]
struct Call {
    method: Box<str>,
    #[serde(default)]
    params: Option<Box<RawValue>>,
}

/// Reads one text frame. Unknown fields are ignored.
pub fn parse(text: &str) -> Result<Command, BadMessage> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| BadMessage {
        nonce: "".into(),
        reason: format!("not a message: {error}").into(),
    })?;
    let Envelope { kind, nonce, data } = envelope;
    let given = nonce.clone();
    let nonce = nonce.unwrap_or_default();
    let command = match kind.as_ref() {
        "PING" => Command::Ping,
        "LISTEN" => {
            let Listen { topics, auth_token } = fields(data, &nonce)?;
            Command::Listen {
                nonce: filled(nonce, &topics)?,
                topics,
                auth_token,
            }
        }
        "UNLISTEN" => {
            let Listen { topics, .. } = fields(data, &nonce)?;
            Command::Unlisten {
                nonce: filled(nonce, &topics)?,
                topics,
            }
        }
        "AUTH" => {
            let Auth { auth_token } = fields(data, &nonce)?;
            Command::Auth { nonce, auth_token }
        }
        "PUBLISH" => {
            let Publish {
                topic,
                event,
                message,
            } = fields(data, &nonce)?;
            Command::Publish {
                nonce: given,
                topic,
                event,
                message,
            }
        }
        "CALL" => {
            let Call { method, params } = fields(data, &nonce)?;
            Command::Call {
                nonce,
                method,
                params,
            }
        }
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(BadMessage {
                nonce,
                reason: format!("unknown type {shown:?}").into(),
            });
        }
    };
    Ok(command)
}

fn fields<'a, T: Deserialize<'a>>(
    data: Option<&'a RawValue>,
    nonce: &str,
) -> Result<T, BadMessage> {
    let data = data.map_or("{}", RawValue::get);
    serde_json::from_str(data).map_err(|error| BadMessage {
        nonce: nonce.into(),
        reason: format!("data: {error}").into(),
    })
}

/// A LISTEN or UNLISTEN of nothing is a mistake that the client should hear of.
fn filled(nonce: Box<str>, topics: &[Box<str>]) -> Result<Box<str>, BadMessage> {
    if topics.is_empty() {
        return Err(BadMessage {
            nonce,
            reason: "data.topics is empty".into(),
        });
    }
    Ok(nonce)
}
