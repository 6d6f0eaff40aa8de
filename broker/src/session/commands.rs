//! What each command of `/ws` does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::answer;
use super::pipeline::Running;
use crate::auth::{Principal, TokenError};
use crate::hub::ListenerId;
use crate::node::{Binding, Node, Refusal, is_past};
use crate::plugin::Transport;
use crate::protocol::pubsub::{self, Command, ErrorCode};
use crate::topic::Topic;

/// The client that the commands of one session speak for.
pub(super) struct Caller {
    pub node: Rc<Node>,
    pub id: ListenerId,
    /// As plugins hear it.
    transport: Transport,
    /// Set by AUTH; until then the caller is anonymous.
    principal: RefCell<Arc<Principal>>,
    /// Revocations that it is known to be none of.
    revocations: Cell<u64>,
}

impl Caller {
    pub(super) fn new(node: Rc<Node>, id: ListenerId) -> Self {
        Self {
            node,
            id,
            transport: Transport::WebSocket,
            principal: RefCell::default(),
            revocations: Cell::new(0),
        }
    }

    /// One that has shown its token when it connected.
    pub(super) fn known(
        node: Rc<Node>,
        id: ListenerId,
        transport: Transport,
        principal: Arc<Principal>,
    ) -> Self {
        Self {
            // None yet: the first command asks.
            revocations: Cell::new(0),
            node,
            id,
            transport,
            principal: RefCell::new(principal),
        }
    }

    /// When the connection's token expires, in seconds since 1970; 0 = never.
    pub(super) fn expires_at(&self) -> u64 {
        self.principal.borrow().expires_at
    }

    /// Begins a command. They run one after the other, CALLs beside them.
    pub(super) fn run(self: &Rc<Self>, command: Command) -> Running<Option<Bytes>> {
        let caller = self.clone();
        match command {
            Command::Ping => Box::pin(async { Some(pubsub::pong()) }),
            Command::Listen {
                nonce,
                topics,
                auth_token,
            } => Box::pin(async move {
                let outcome = caller.listen(&topics, auth_token.as_deref()).await;
                Some(answer::outcome(&nonce, outcome))
            }),
            Command::Unlisten { nonce, topics } => {
                Box::pin(async move { Some(answer::outcome(&nonce, caller.unlisten(&topics))) })
            }
            Command::Auth { nonce, auth_token } => {
                Box::pin(
                    async move { Some(answer::outcome(&nonce, caller.auth(&auth_token).await)) },
                )
            }
            Command::Publish {
                nonce,
                topic,
                event,
                message,
            } => Box::pin(async move {
                let outcome = caller.publish(&topic, event, message).await;
                nonce.map(|nonce| answer::outcome(&nonce, outcome))
            }),
            Command::Call {
                nonce,
                method,
                params,
            } => Box::pin(async move {
                let outcome = caller.call(&method, params).await;
                Some(answer::called(&nonce, outcome))
            }),
        }
    }

    pub(super) async fn listen(
        &self,
        topics: &[Box<str>],
        token: Option<&str>,
    ) -> Result<(), Refusal> {
        let topics = parse_topics(topics)?;
        let (principal, binding) = match token.filter(|token| !token.is_empty()) {
            Some(token) => (self.verify(token).await?, Binding::Own),
            None => (self.current()?, Binding::Connection),
        };
        self.node
            .listen(self.id, &topics, &principal, binding)
            .await
    }

    pub(super) fn unlisten(&self, topics: &[Box<str>]) -> Result<(), Refusal> {
        self.node.unlisten(self.id, &parse_topics(topics)?);
        Ok(())
    }

    pub(super) async fn auth(&self, token: &str) -> Result<(), Refusal> {
        let principal = self.verify(token).await?;
        let revocations = self.node.auth.revocations();
        if self.node.auth.is_revoked(&principal) {
            return Err(Refusal::BadToken(TokenError::Revoked.to_string().into()));
        }
        self.revocations.set(revocations);
        self.principal.replace(principal.clone());
        self.node.rebind(self.id, &principal);
        Ok(())
    }

    pub(super) async fn publish(
        &self,
        topic: &str,
        event: Option<Box<str>>,
        message: Box<RawValue>,
    ) -> Result<(), Refusal> {
        let topic = parse_topic(topic)?;
        let principal = self.current()?;
        self.node.publish(topic, event, message, &principal).await
    }

    pub(super) async fn call(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
    ) -> Result<Box<RawValue>, Refusal> {
        let principal = self.current()?;
        let transport = self.transport;
        self.node.call(method, params, &principal, transport).await
    }

    /// Who the token is made out to, if its owner may stay.
    async fn verify(&self, token: &str) -> Result<Arc<Principal>, Refusal> {
        // Some clients of Twitch's API send the scheme in front.
        let token = token.strip_prefix("oauth:").unwrap_or(token);
        let principal = match self.node.auth.remembered(token) {
            Some(principal) => principal,
            None => self
                .node
                .auth
                .verify(token)
                .await
                .map_err(|error| match error {
                    TokenError::Unavailable => Refusal::Failed("tokens cannot be verified now"),
                    other => Refusal::BadToken(other.to_string().into()),
                })?,
        };
        self.node.admit(&principal, self.transport).await?;
        Ok(principal)
    }

    /// The connection's principal, as long as its token is good.
    fn current(&self) -> Result<Arc<Principal>, Refusal> {
        let principal = self.principal.borrow().clone();
        if is_past(principal.expires_at) {
            return Err(Refusal::BadToken(
                "the connection's token has expired".into(),
            ));
        }
        let revocations = self.node.auth.revocations();
        if self.revocations.get() != revocations {
            if self.node.auth.is_revoked(&principal) {
                return Err(Refusal::BadToken(TokenError::Revoked.to_string().into()));
            }
            self.revocations.set(revocations);
        }
        Ok(principal)
    }
}

fn parse_topics(topics: &[Box<str>]) -> Result<Vec<Topic>, Refusal> {
    topics.iter().map(|topic| parse_topic(topic)).collect()
}

fn parse_topic(topic: &str) -> Result<Topic, Refusal> {
    Topic::parse(topic).map_err(|error| Refusal::BadTopic {
        topic: topic.chars().take(64).collect::<String>().into(),
        reason: error.to_string().into(),
    })
}

/// The answer to what is no command.
pub(super) fn bad_message(bad: &pubsub::BadMessage) -> Bytes {
    answer::refuse(&bad.nonce, ErrorCode::BadMessage, &bad.reason, None)
}
