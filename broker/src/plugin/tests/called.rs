//! A bed whose guest has methods.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::users::Users;
use super::*;

/// The guest does what it is told, with all grants; also to ask the users.
pub(super) fn bed() -> (Bed, Users) {
    let mut bed = Bed::built("calls");
    let users = Users::start(&bed.runtime);
    let host = HttpHost::parse(&users.url()).unwrap();
    let topics = ["chat:**"].map(|text| crate::topic::Pattern::parse(text).unwrap());
    bed.spec().grants = vec![
        Grant::Http { hosts: vec![host] },
        Grant::Publisher {
            topics: topics.into(),
        },
        Grant::Store,
        Grant::Sessions,
    ];
    bed.config.authorize.clear();
    bed.config.principals = None;
    bed.config.handlers = vec!["guest".into()];
    (bed, users)
}

pub(super) fn anonymous(transport: Transport) -> Caller {
    Caller {
        subject: "".into(),
        scopes: "".into(),
        transport,
        session_id: None,
        takes_cookies: transport == Transport::Http,
    }
}

/// Of a method that does these steps.
pub(super) fn steps(steps: &Value, caller: Caller) -> Call {
    call("guest.do", steps, caller)
}

pub(super) fn call(method: &str, params: &Value, caller: Caller) -> Call {
    Call {
        method: method.into(),
        params: Some(RawValue::from_string(params.to_string()).unwrap()),
        caller,
    }
}

impl Bed {
    pub(super) fn called(&self, io: &IoPlugins, call: Call) -> Called {
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, io.call(call)).await })
            .expect("an answer")
    }

    /// What each step came to, over the WebSocket.
    pub(super) fn does(&self, io: &IoPlugins, told: &Value) -> Value {
        let called = self.called(io, steps(told, anonymous(Transport::WebSocket)));
        value(called)
    }

    /// Why a call over the WebSocket that does these steps has no answer.
    pub(super) fn fails(&self, io: &IoPlugins, told: &Value) -> CallRefused {
        let called = self.called(io, steps(told, anonymous(Transport::WebSocket)));
        called.outcome.expect_err("it fails")
    }
}

pub(super) fn value(called: Called) -> Value {
    let json = called
        .outcome
        .unwrap_or_else(|refusal| panic!("{refusal:?}"));
    serde_json::from_str(json.get()).unwrap()
}

pub(super) fn unavailable() -> CallRefused {
    CallRefused {
        code: "unavailable".into(),
        message: "the plugin did not answer".into(),
        retryable: true,
    }
}

/// A call that the users keep waiting until they are opened.
pub(super) fn waits(users: &Users) -> Value {
    json!([{"fetch": format!("{}/slow", users.url())}])
}
