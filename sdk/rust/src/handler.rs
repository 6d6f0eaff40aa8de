use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Error, Plugin, Scopes};

/// How much of what a caller sent may stand in an error's message, in bytes.
const SHOWN_BYTES: usize = 200;

/// Answers clients' calls: `CALL` on `/ws`, a Socket.IO event with acknowledgement, or
/// `POST /call/{method}`. Called off the workers and may wait: [`store`](crate::store),
/// [`publisher`](crate::publisher), [`sessions`](crate::sessions) and [`http`](crate::http) work
/// here. Several instances are called beside each other, each is replaced now and then, and a call
/// that takes too long is ended wherever it is.
pub trait Handler: Plugin {
    /// The plugin's methods are told apart by [`Call::own_method`]. An error reaches the caller with
    /// its code and message.
    fn handle(&mut self, call: &Call<'_>) -> Result<Reply, Error>;
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Whole: `chat.send`.
    pub method: &'a str,
    pub caller: Caller<'a>,
    params: &'a str,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// None for an anonymous caller.
    pub subject: Option<&'a str>,
    pub scopes: Scopes<'a>,
    /// `websocket`, `socket.io` or `http`; more may come.
    pub transport: &'a str,
    /// Of `http`: the session that the caller's cookie names, if it is one.
    pub session_id: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// `params` is JSON text, `null` if there are none.
    pub fn new(method: &'a str, params: &'a str, caller: Caller<'a>) -> Self {
        Self {
            method,
            caller,
            params,
        }
    }

    /// The method without the plugin's name, which settings may change: `send` of `chat.send`.
    pub fn own_method(&self) -> &'a str {
        self.method.split_once('.').map_or("", |(_, own)| own)
    }

    /// The parameters, typed. A call without any has those of an empty object, if a `T` is not made
    /// of `null`. The error (code `bad-params`) names the parameter by its path.
    pub fn params<T: Deserialize<'a>>(&self) -> Result<T, Error> {
        if self.params.trim_ascii() != "null" {
            return parse(self.params);
        }
        parse(self.params).or_else(|_| parse("{}"))
    }

    /// As the caller sent them: JSON text.
    pub fn params_text(&self) -> &'a str {
        self.params
    }

    /// The error for a method that the plugin does not have (code `unknown-method`).
    pub fn unknown_method(&self) -> Error {
        let message = format!("there is no method \"{}\"", shown(self.method));
        Error::new("unknown-method", message)
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let params = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|cause| bad_params(&cause.to_string()))?;
    deserializer
        .end()
        .map_err(|cause| bad_params(&cause.to_string()))?;
    Ok(params)
}

fn bad_params(cause: &str) -> Error {
    Error::new("bad-params", format!("params: {}", shown(cause)))
}

/// A message must not carry a megabyte back.
fn shown(text: &str) -> Cow<'_, str> {
    if text.len() <= SHOWN_BYTES {
        return text.into();
    }
    format!("{}…", &text[..text.floor_char_boundary(SHOWN_BYTES)]).into()
}

/// The answer to a [`Call`]: JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply(String);

impl Reply {
    /// Fails (code `bad-reply`) if it has no JSON form.
    pub fn json(reply: &impl Serialize) -> Result<Self, Error> {
        let text = serde_json::to_string(reply).map_err(|cause| {
            Error::new("bad-reply", format!("the reply has no JSON form: {cause}"))
        })?;
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(target_arch = "wasm32")]
pub fn answer<P: Handler>(
    plugin: &mut P,
    method: &str,
    params: &str,
    caller: &crate::bindings::handler::Caller,
) -> Result<String, Error> {
    let unless_empty = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let caller = Caller {
        subject: unless_empty(&caller.subject),
        scopes: Scopes::new(&caller.scopes),
        transport: &caller.transport,
        session_id: unless_empty(&caller.session_id),
    };
    let reply = plugin.handle(&Call::new(method, params, caller))?;
    Ok(reply.into_text())
}

/// The glue of the hook for `export!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_handler {
    ($component:ident, $instance:ident) => {
        impl $crate::bindings::handler::Guest for $component {
            fn handle(
                method: ::std::string::String,
                params: ::std::string::String,
                caller: $crate::bindings::handler::Caller,
            ) -> ::std::result::Result<::std::string::String, $crate::bindings::Error> {
                Ok($instance.with(|slot| {
                    slot.with(|plugin| {
                        $crate::private::handler(plugin, &method, &params, &caller)
                    })
                })?)
            }
        }
        $crate::bindings::handler::export!($component with_types_in $crate::bindings::handler);
    };
}

#[cfg(test)]
mod tests;
