//! One connection: opened, listening, read.

use std::borrow::Cow;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::super::failure::say;
use super::super::{Failure, endpoint};
use super::output::Output;
use super::{Arguments, pace};
use crate::protocol::close::CloseCode;

/// From the first packet to the answer to LISTEN.
const OPENING: Duration = Duration::from_secs(30);
/// A PING unanswered for this long: the connection is dead.
const PONG: Duration = Duration::from_secs(10);
/// How long an old connection is read after a new one has taken over.
const FINISHING: Duration = Duration::from_millis(500);
const NONCE: &str = "listen";

/// Why reading stopped.
pub(super) enum End {
    /// As many messages as were asked for, or nobody reads them any more.
    Enough,
    Output(Failure),
    /// The server leaves soon; this connection still works.
    AskedToReconnect,
    /// Worth coming back.
    Lost(String),
    /// Not worth coming back.
    Refused(String),
}

pub(super) struct Connection(WebSocketStream<MaybeTlsStream<TcpStream>>);

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
    #[serde(borrow, default)]
    nonce: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Denial {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    topic: String,
}

/// What a frame means for this client.
enum Event {
    Nothing,
    Listening,
    Pong,
    End(End),
}

impl Connection {
    /// Connects and listens. Messages that come before the answer are printed too.
    pub(super) async fn open(arguments: &Arguments, output: &mut Output) -> Result<Self, End> {
        let deadline = Instant::now() + OPENING;
        let mut target = endpoint::websocket(&arguments.url, "/ws");
        if target.query().is_none() {
            target.set_query(Some("v=1"));
        }
        let place = endpoint::shown(&target);
        let lost = |why: String| End::Lost(format!("{place}: {why}"));
        let connecting = timeout_at(deadline, connect_async(target.as_str()));
        let (socket, _) = connecting
            .await
            .map_err(|_| lost("no answer".to_owned()))?
            .map_err(|error| match error {
                Error::Http(answer) if answer.status().is_client_error() => {
                    End::Refused(format!("{place} answered {}", answer.status()))
                }
                error => lost(format!("cannot connect: {error}")),
            })?;
        let mut connection = Self(socket);
        let mut data =
            json!({ "topics": arguments.topics.iter().map(|t| t.as_str()).collect::<Vec<_>>() });
        if let Some(token) = &arguments.token {
            data["auth_token"] = json!(token);
        }
        connection
            .send(&json!({"type": "LISTEN", "nonce": NONCE, "data": data}))
            .await?;
        loop {
            let next = timeout_at(deadline, connection.next(output)).await;
            match next.map_err(|_| lost("no answer to LISTEN".to_owned()))? {
                Event::Listening => break,
                Event::End(end) => return Err(end),
                Event::Nothing | Event::Pong => {}
            }
        }
        say(format_args!("listening at {place}"));
        Ok(connection)
    }

    /// Prints messages until something ends it.
    pub(super) async fn read(&mut self, output: &mut Output) -> End {
        let mut waits_for_pong = false;
        let mut deadline = Instant::now() + pace::until_ping();
        loop {
            match timeout_at(deadline, self.next(output)).await {
                Ok(Event::End(end)) => return end,
                Ok(Event::Pong) => {
                    waits_for_pong = false;
                    deadline = Instant::now() + pace::until_ping();
                }
                Ok(Event::Nothing | Event::Listening) => {}
                Err(_) if waits_for_pong => return End::Lost("no answer to PING".to_owned()),
                Err(_) => {
                    if let Err(end) = self.send(&json!({"type": "PING"})).await {
                        return end;
                    }
                    waits_for_pong = true;
                    deadline = Instant::now() + PONG;
                }
            }
        }
    }

    /// Prints what an old connection still has, and lets it go.
    pub(super) async fn finish(mut self, output: &mut Output) {
        let rest = async { while !matches!(self.next(output).await, Event::End(_)) {} };
        let _ = timeout(FINISHING, rest).await;
        let _ = timeout(FINISHING, self.0.close(None)).await;
    }

    async fn send(&mut self, frame: &serde_json::Value) -> Result<(), End> {
        let sent = self.0.send(Message::text(frame.to_string())).await;
        sent.map_err(|error| End::Lost(format!("cannot send: {error}")))
    }

    /// Cancel-safe: a frame is taken whole or not at all.
    async fn next(&mut self, output: &mut Output) -> Event {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => event(text.as_str(), output),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                    (frame.code.into(), frame.reason.to_string())
                });
                let why = format!("the server closed the connection ({code} {reason})");
                // A code that is not ours is a proxy's, whose upstream may be back soon.
                let comes_back = CloseCode::from_code(code).is_none_or(CloseCode::reconnect);
                Event::End(if comes_back {
                    End::Lost(why)
                } else {
                    End::Refused(why)
                })
            }
            Some(Ok(_)) => Event::Nothing,
            Some(Err(error)) => Event::End(End::Lost(format!("the connection broke: {error}"))),
            None => Event::End(End::Lost("the connection ended".to_owned())),
        }
    }
}

fn event(text: &str, output: &mut Output) -> Event {
    let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else {
        return Event::End(End::Lost("the server sent what is no frame".to_owned()));
    };
    match (&*frame.r#type, frame.data) {
        ("MESSAGE", Some(data)) => match output.message(data) {
            Ok(true) => Event::Nothing,
            Ok(false) => Event::End(End::Enough),
            Err(failure) => Event::End(End::Output(failure)),
        },
        ("RESPONSE", data) if frame.nonce == NONCE => match &*frame.error {
            "" => Event::Listening,
            error => Event::End(refusal(error, data)),
        },
        ("PONG", _) => Event::Pong,
        ("RECONNECT", _) => Event::End(End::AskedToReconnect),
        ("AUTH_REVOKED", data) => {
            let topics = data.map_or("", RawValue::get);
            Event::End(End::Refused(format!(
                "the right to listen was revoked: {topics}"
            )))
        }
        ("MISSED", data) => {
            let what = data.map_or("", RawValue::get);
            say(format_args!("messages may have been missed: {what}"));
            Event::Nothing
        }
        _ => Event::Nothing,
    }
}

fn refusal(error: &str, data: Option<&RawValue>) -> End {
    let denial = data.and_then(|data| serde_json::from_str::<Denial>(data.get()).ok());
    let Denial { reason, topic } = denial.unwrap_or_default();
    let why = match (reason.as_str(), topic.as_str()) {
        ("", _) => format!("LISTEN was refused: {error}"),
        (reason, "") => format!("LISTEN was refused: {error}: {reason}"),
        (reason, topic) => format!("LISTEN was refused: {error}: {topic}: {reason}"),
    };
    if error == "ERR_SERVER" {
        End::Lost(why)
    } else {
        End::Refused(why)
    }
}
