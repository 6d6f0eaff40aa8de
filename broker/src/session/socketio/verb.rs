//! Events to commands. Their one argument is what `data` is on `/ws`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Problem;
use crate::protocol::socketio::Event;

/// What a client asks for by an event.
#[derive(Debug)]
pub(super) enum Verb {
    Listen(Listen),
    Unlisten(Topics),
    Auth(Token),
    Publish(Publish),
    /// `<plugin>.<method>`
    Call {
        method: Box<str>,
        params: Option<Box<RawValue>>,
    },
}

/// `auth_token` is these topics' own.
#[derive(Debug, Deserialize)]
pub(super) struct Listen {
    pub(super) topics: Vec<Box<str>>,
    #[serde(default)]
    pub(super) auth_token: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Topics {
    pub(super) topics: Vec<Box<str>>,
}

/// The connection's token from here on.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) auth_token: Box<str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Publish {
    pub(super) topic: Box<str>,
    pub(super) message: Box<RawValue>,
    #[serde(default)]
    pub(super) event: Option<Box<str>>,
}

impl Verb {
    pub(super) fn read(event: &Event<'_>) -> Result<Self, Problem<'static>> {
        let name = &*event.name;
        if !event.attachments.is_empty() {
            let message = "binary arguments are not supported";
            return Err(Problem::new("binary-unsupported", message));
        }
        let args = event.args.list();
        let argument = || match &*args {
            [only] => Ok(*only),
            list => Err(bad(
                name,
                &format!("wants one argument, and got {}", list.len()),
            )),
        };
        match name {
            "listen" => {
                let listen: Listen = data(name, argument()?)?;
                check_any(name, &listen.topics)?;
                Ok(Self::Listen(listen))
            }
            "unlisten" => {
                let unlisten: Topics = data(name, argument()?)?;
                check_any(name, &unlisten.topics)?;
                Ok(Self::Unlisten(unlisten))
            }
            "auth" => data(name, argument()?).map(Self::Auth),
            "publish" => data(name, argument()?).map(Self::Publish),
            method if method.contains('.') => Ok(Self::Call {
                method: method.into(),
                params: match &*args {
                    [] => None,
                    _ => Some(argument()?.to_owned()),
                },
            }),
            unknown => {
                let known = "there are listen, unlisten, auth, publish and methods of plugins";
                let message = format!("unknown event {:?}: {known}", short(unknown));
                Err(Problem::new("unknown-event", message))
            }
        }
    }
}

fn check_any(name: &str, topics: &[Box<str>]) -> Result<(), Problem<'static>> {
    if topics.is_empty() {
        return Err(bad(name, "names no topic"));
    }
    Ok(())
}

fn data<'a, T: Deserialize<'a>>(name: &str, data: &'a RawValue) -> Result<T, Problem<'static>> {
    serde_json::from_str(data.get()).map_err(|error| bad(name, &error.to_string()))
}

fn bad(name: &str, what: &str) -> Problem<'static> {
    Problem::new("bad-message", format!("{}: {what}", short(name)))
}

fn short(name: &str) -> String {
    name.chars().take(64).collect()
}
