//! CONNECT: token, admission, the topics that a client listens to without asking.

use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;

use super::answer::{self, Problem};
use super::broker::Seat;
use crate::auth::{Principal, TokenError};
use crate::node::{Binding, Node, Refusal, Wire};
use crate::outbox::Connection;
use crate::plugin::{NotAdmitted, Transport};
use crate::protocol::socketio::MAIN;
use crate::session::SocketIoConfig;
use crate::session::commands::Caller;
use crate::topic::{Topic, encode_segment};

const TRANSPORT: Transport = Transport::SocketIo;

/// A client's `auth`.
#[derive(Default, Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    token: Option<Box<str>>,
}

/// Why a client may not join.
pub(super) enum ConnectRefusal {
    /// `auth.token` is missing and clients without one may not join.
    NoToken,
    /// `auth` is not `{token: text}`.
    BadAuth,
    BadToken(TokenError),
    /// The plugin that admits turned the client away.
    NotAdmitted(NotAdmitted),
    /// One of the topics it would have listened to.
    Topic(Refusal),
}

impl ConnectRefusal {
    fn problem(&self) -> Problem<'_> {
        match self {
            Self::NoToken => Problem::new("token-missing", "a token is needed in auth.token"),
            Self::BadAuth => Problem::new("bad-auth", "auth.token is not a text"),
            Self::BadToken(TokenError::Unavailable) => {
                Problem::new("unavailable", TokenError::Unavailable.to_string()).retryable()
            }
            Self::BadToken(error) => {
                let code = match error {
                    TokenError::Expired => "token-expired",
                    TokenError::Revoked => "token-revoked",
                    _ => "bad-token",
                };
                Problem::new(code, error.to_string())
            }
            Self::NotAdmitted(refusal) => refusal.into(),
            Self::Topic(refusal) => refusal.into(),
        }
    }

    /// `err.message`.
    pub(super) fn message(&self) -> String {
        self.problem().message().to_owned()
    }

    /// `err.data`: JSON text of an object with `code` and `retryable`.
    pub(super) fn data(&self) -> String {
        answer::json(&self.problem())
    }
}

/// What a CONNECT asks for.
pub(super) struct Connecting {
    pub(super) node: Rc<Node>,
    pub(super) config: Arc<SocketIoConfig>,
    pub(super) namespace: Rc<str>,
    pub(super) credentials: Result<Credentials, ConnectRefusal>,
    pub(super) connection: Rc<Connection>,
}

/// Reads a client's `auth`, JSON text of an object.
pub(super) fn credentials(auth: Option<&str>) -> Result<Credentials, ConnectRefusal> {
    match auth {
        None => Ok(Credentials::default()),
        Some(auth) => serde_json::from_str(auth).map_err(|_| ConnectRefusal::BadAuth),
    }
}

impl Connecting {
    /// Takes the client in, or nothing of it. Cancel-safe: dropped, it has no effect.
    pub(super) async fn run(self) -> Result<Seat, ConnectRefusal> {
        let Self {
            node,
            config,
            namespace,
            credentials,
            connection,
        } = self;
        let token = credentials?.token.filter(|token| !token.is_empty());
        let principal = match token {
            Some(token) => {
                let principal = verified(&node, &token).await?;
                let admitted = node.admit(&principal, TRANSPORT).await;
                admitted.map_err(ConnectRefusal::NotAdmitted)?;
                principal
            }
            None if config.anonymous => Arc::default(),
            None => return Err(ConnectRefusal::NoToken),
        };
        let topics = topics(&config, &principal.subject).map_err(ConnectRefusal::Topic)?;
        let wire = if &*namespace == MAIN {
            Wire::Main
        } else {
            Wire::Namespace(namespace)
        };
        let id = node.connect(connection, wire, answer::notify);
        let seat = Seat::new(Caller::known(
            node.clone(),
            id,
            TRANSPORT,
            principal.clone(),
        ));
        let listening = node.listen(id, &topics, &principal, Binding::Connection);
        listening.await.map_err(ConnectRefusal::Topic)?;
        Ok(seat)
    }
}

async fn verified(node: &Node, token: &str) -> Result<Arc<Principal>, ConnectRefusal> {
    match node.auth.remembered(token) {
        Some(principal) => Ok(principal),
        None => {
            let verified = node.auth.verify(token).await;
            verified.map_err(ConnectRefusal::BadToken)
        }
    }
}

/// `socketio.listen` for a subject. One that is nobody's own needs a subject.
fn topics(config: &SocketIoConfig, subject: &str) -> Result<Vec<Topic>, Refusal> {
    const SUBJECT: &str = "{sub}";
    let wanted = config
        .listen
        .iter()
        .filter(|topic| !subject.is_empty() || !topic.contains(SUBJECT));
    wanted
        .map(|topic| {
            let topic = topic.replace(SUBJECT, &encode_segment(subject));
            Topic::parse(&topic).map_err(|error| Refusal::BadTopic {
                topic: topic.into(),
                reason: error.to_string().into(),
            })
        })
        .collect()
}
