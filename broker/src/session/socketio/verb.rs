//! Events to commands.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Problem;
use crate::protocol::socketio::Event;

/// What a client asks for by an event.
#[derive(Debug)]
pub(super) enum Verb {
    /// `listen(topics, token?)`: a topic or a list of them; the token is these topics' own.
    Listen {
        topics: Vec<Box<str>>,
        token: Option<Box<str>>,
    },
    /// `unlisten(topics)`
    Unlisten { topics: Vec<Box<str>> },
    /// `auth(token)`: the connection's token from here on.
    Auth { token: Box<str> },
    /// `publish(topic, payload, event?)`
    Publish {
        topic: Box<str>,
        payload: Box<RawValue>,
        event: Option<Box<str>>,
    },
    /// `<plugin>.<method>(params?)`
    Call {
        method: Box<str>,
        params: Option<Box<RawValue>>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Topics {
    One(Box<str>),
    Many(Vec<Box<str>>),
}

impl Verb {
    pub(super) fn read(event: &Event<'_>) -> Result<Self, Problem<'static>> {
        let name = &*event.name;
        if !event.attachments.is_empty() {
            let message = "binary arguments are not supported";
            return Err(Problem::new("binary-unsupported", message));
        }
        let args = Arguments {
            name,
            list: event.args.list(),
        };
        match name {
            "listen" => {
                args.between(1, 2, "topics, token?")?;
                let (topics, token) = (args.topics()?, args.optional(1)?);
                Ok(Self::Listen { topics, token })
            }
            "unlisten" => {
                args.between(1, 1, "topics")?;
                Ok(Self::Unlisten {
                    topics: args.topics()?,
                })
            }
            "auth" => {
                args.between(1, 1, "token")?;
                Ok(Self::Auth {
                    token: args.required(0)?,
                })
            }
            "publish" => {
                args.between(2, 3, "topic, payload, event?")?;
                Ok(Self::Publish {
                    topic: args.required(0)?,
                    payload: args.required(1)?,
                    event: args.optional(2)?,
                })
            }
            method if method.contains('.') => {
                args.between(0, 1, "params?")?;
                let params = args.list.first().map(|params| (*params).to_owned());
                Ok(Self::Call {
                    method: method.into(),
                    params,
                })
            }
            unknown => {
                let known = "there are listen, unlisten, auth, publish and methods of plugins";
                let unknown: String = unknown.chars().take(64).collect();
                let message = format!("unknown event {unknown:?}: {known}");
                Err(Problem::new("unknown-event", message))
            }
        }
    }
}

struct Arguments<'a> {
    name: &'a str,
    list: Vec<&'a RawValue>,
}

impl<'a> Arguments<'a> {
    fn between(&self, least: usize, most: usize, wanted: &str) -> Result<(), Problem<'static>> {
        if (least..=most).contains(&self.list.len()) {
            return Ok(());
        }
        Err(self.bad(&format!("wants ({wanted}), and got {}", self.list.len())))
    }

    fn topics(&self) -> Result<Vec<Box<str>>, Problem<'static>> {
        match self.required(0)? {
            Topics::One(topic) => Ok(vec![topic]),
            Topics::Many(topics) if topics.is_empty() => Err(self.bad("got no topic")),
            Topics::Many(topics) => Ok(topics),
        }
    }

    fn required<T: Deserialize<'a>>(&self, at: usize) -> Result<T, Problem<'static>> {
        let text = self.list.get(at).map_or("null", |value| value.get());
        serde_json::from_str(text)
            .map_err(|error| self.bad(&format!("argument {}: {error}", at + 1)))
    }

    fn optional<T: Deserialize<'a>>(&self, at: usize) -> Result<Option<T>, Problem<'static>> {
        match self.list.get(at) {
            Some(_) => self.required(at),
            None => Ok(None),
        }
    }

    fn bad(&self, what: &str) -> Problem<'static> {
        let name: String = self.name.chars().take(64).collect();
        Problem::new("bad-arguments", format!("{name} {what}"))
    }
}
