//! The plugin as the broker sees it: settings and calls in, answers, items and publications out.

mod any_input;
mod names;
mod nonces;
mod paging;
mod reading;
mod registering;
mod seen;
mod sending;
mod settings;

use serde_json::{Value, json};
use tidegate_plugin::testing::{Cookie, Host};
use tidegate_plugin::{Call, Caller, Error, Scopes};

use crate::Chat;

const BOTH: &str = "user:read:chat user:write:chat";

/// The file that is shipped.
fn shipped() -> Value {
    toml::from_str(include_str!("../chat.toml")).expect("chat.toml is TOML")
}

/// Instances of the plugin are called as the broker has it: any may answer.
struct Bed {
    host: Host,
    chat: Chat,
}

impl Bed {
    fn new() -> Self {
        Self::with(&shipped())
    }

    fn with(settings: &Value) -> Self {
        let host = Host::new();
        host.declare::<Chat>();
        let chat = started(&host, settings);
        Self { host, chat }
    }

    fn call(&mut self, caller: Caller<'_>, method: &str, params: &Value) -> Result<Value, Error> {
        call(&self.host, &mut self.chat, caller, method, params)
    }

    /// As somebody who has no cookie. Answers the session.
    fn registers(&mut self, name: &str) -> Result<String, Error> {
        self.call(over_http("", ""), "chat.register", &json!({"name": name}))?;
        match self.host.cookie() {
            Some(Cookie::Session(session)) => Ok(session),
            other => panic!("the cookie: {other:?}"),
        }
    }

    fn sends(&mut self, name: &str, nonce: &str, text: &str) -> Result<Value, Error> {
        let sent = self.call(
            by(name),
            "chat.send",
            &json!({"text": text, "nonce": nonce}),
        )?;
        Ok(sent["message"].clone())
    }

    fn reads(&mut self, params: &Value) -> Value {
        self.call(by("reader"), "chat.history", params)
            .unwrap_or_else(|error| panic!("{params}: {error}"))
    }

    /// The rooms' messages, as they are kept.
    fn kept(&self) -> Vec<Value> {
        let mut items = self.host.items("Messages");
        items.retain(|item| item.get("Text").is_some());
        items
    }
}

fn started(host: &Host, settings: &Value) -> Chat {
    host.start(settings)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn call(
    host: &Host,
    chat: &mut Chat,
    caller: Caller<'_>,
    method: &str,
    params: &Value,
) -> Result<Value, Error> {
    host.call(chat, &Call::new(method, &params.to_string(), caller))
}

/// Who has a name and may do all, over `/ws`.
fn by(name: &str) -> Caller<'_> {
    Caller {
        subject: Some(name),
        scopes: Scopes::new(BOTH),
        transport: "websocket",
        session_id: None,
    }
}

/// An empty name or session is none.
fn over_http<'a>(name: &'a str, session: &'a str) -> Caller<'a> {
    Caller {
        subject: Some(name).filter(|name| !name.is_empty()),
        scopes: Scopes::new(if name.is_empty() { "" } else { BOTH }),
        transport: "http",
        session_id: Some(session).filter(|session| !session.is_empty()),
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String) {
    let Error { code, message, .. } = result.expect_err("it is refused");
    (code, message)
}

fn unavailable() -> Error {
    Error::new("unavailable", "the disk is on fire").retryable()
}
