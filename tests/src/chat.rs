//! People in the chat, as it is shipped: each has a cookie, as a browser keeps it, and windows, which
//! are connections to `/ws`.

use serde_json::{Value, json};

use crate::broker::Broker;
use crate::client::Client;
use crate::http::Answer;
use crate::page::{cookie_of, from_page, token_of};

/// Where the messages of the first room are announced.
pub const NEW: &str = "chat:message:new";

/// The most that `chat.history` gives at once.
const BATCH: u64 = 100;

/// Somebody who has a name.
#[derive(Clone)]
pub struct Person {
    pub name: String,
    pub cookie: String,
}

impl Person {
    /// Takes a name that must be free.
    pub async fn enters(broker: &Broker, name: &str) -> Self {
        let answer = register(broker, name).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Self {
            name: name.to_owned(),
            cookie: cookie_of(&answer),
        }
    }

    /// Calls from a page, with the cookie.
    pub async fn calls(&self, broker: &Broker, method: &str, params: Value) -> Answer {
        from_page(broker, method, &self.cookie, &params).await
    }

    pub async fn leaves(&self, broker: &Broker) {
        let answer = self.calls(broker, "chat.logout", json!({})).await;
        assert_eq!((answer.status, answer.json()), (200, json!({})));
    }

    pub async fn token(&self, broker: &Broker) -> String {
        token_of(broker, &self.cookie).await
    }

    /// A window that listens to nothing.
    pub async fn window(&self, broker: &Broker) -> Client {
        window(broker, &self.token(broker).await).await
    }

    /// A window that listens to the first room.
    pub async fn listening(&self, broker: &Broker) -> Client {
        let mut window = self.window(broker).await;
        window.listen(&[NEW]).await;
        window
    }
}

/// `chat.register` from a page without a cookie.
pub async fn register(broker: &Broker, name: &str) -> Answer {
    from_page(broker, "chat.register", "", &json!({"name": name})).await
}

/// A connection that has shown its token.
pub async fn window(broker: &Broker, token: &str) -> Client {
    let mut window = Client::connect(broker).await;
    let response = window.ask("AUTH", json!({"auth_token": token})).await;
    assert_eq!(response["error"], "", "{response}");
    window
}

/// Calls; the call must be answered. What is heard meanwhile is passed over.
pub async fn call(window: &mut Client, method: &str, params: Value) -> Value {
    let mut response = ask(window, method, params).await;
    assert_eq!(response["error"], "", "{response}");
    response["data"].take()
}

/// The code with which a call must be refused.
pub async fn refused(window: &mut Client, method: &str, params: Value) -> String {
    let response = ask(window, method, params).await;
    assert_eq!(response["error"], "ERR_CALL", "{response}");
    let code = response["data"]["code"].as_str();
    code.expect("a code is a text").to_owned()
}

async fn ask(window: &mut Client, method: &str, params: Value) -> Value {
    let data = json!({"method": method, "params": params});
    window.ask_among("CALL", data).await
}

/// Answers the message as it was saved.
pub async fn send(window: &mut Client, nonce: &str, text: &str) -> Value {
    let params = json!({"text": text, "nonce": nonce});
    call(window, "chat.send", params).await["message"].take()
}

/// All messages of the first room, oldest first, in batches from the newest on.
pub async fn history(window: &mut Client) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::new();
    loop {
        let mut params = json!({"limit": BATCH});
        if let Some(oldest) = messages.last() {
            params["before"] = oldest["created_at"].clone();
        }
        let mut batch = call(window, "chat.history", params).await;
        messages.extend(list(batch["messages"].take()));
        if batch["more"] == false {
            messages.reverse();
            return messages;
        }
    }
}

/// The next frame announces a message of the first room.
pub async fn hear(window: &mut Client) -> Value {
    let (topic, message) = window.message().await;
    assert_eq!(topic, NEW);
    serde_json::from_str(&message).expect("an announcement is JSON")
}

pub fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        other => panic!("{other} is no list"),
    }
}

/// A member of each message, in their order.
pub fn texts_of(messages: &[Value], member: &str) -> Vec<String> {
    let text = |message: &Value| match &message[member] {
        Value::String(text) => text.clone(),
        other => panic!("{member} is {other} in {message}"),
    };
    messages.iter().map(text).collect()
}
