use std::time::Duration;

use crate::{Error, Plugin, Scopes, authorizer::whole_ms};

/// Says whether somebody who has shown a valid token, or over HTTP a session, may stay. Called off
/// the workers and may wait: [`http`](crate::http), [`store`](crate::store) and
/// [`publisher`](crate::publisher) work here. Several instances are asked beside each other, each
/// is replaced now and then, and a call that takes too long is ended.
pub trait Admission: Plugin {
    /// An error is no answer: the visitor is turned away with it, and nothing is remembered.
    fn admit(&mut self, visitor: &Visitor<'_>) -> Result<Admitted, Error>;
}

/// Who wants to stay.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// The token's or the session's; not empty.
    pub subject: &'a str,
    pub scopes: Scopes<'a>,
    /// `websocket`, `socket.io` or `http`; more may come.
    pub transport: &'a str,
}

/// The answer about a [`Visitor`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// None = yes.
    refusal: Option<Error>,
    data: Option<String>,
    remember_ms: u32,
}

impl Admitted {
    /// Yes. Remembered only if [`Admitted::remember_for`] says so.
    pub const fn yes() -> Self {
        Self {
            refusal: None,
            data: None,
            remember_ms: 0,
        }
    }

    /// No. The client gets to see both; `code` is a stable kebab-case word.
    pub fn no(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            refusal: Some(Error::new(code, message)),
            data: None,
            remember_ms: 0,
        }
    }

    /// Of a refusal: the visitor may come back later.
    pub fn retryable(mut self) -> Self {
        self.refusal = self.refusal.map(Error::retryable);
        self
    }

    /// Of a refusal: more for the client, JSON text.
    pub fn data(mut self, json: impl Into<String>) -> Self {
        self.data = Some(json.into());
        self
    }

    /// How long the broker may answer the same question, by subject and scopes, itself (in whole
    /// milliseconds, at most 49 days).
    pub fn remember_for(mut self, time: Duration) -> Self {
        self.remember_ms = whole_ms(time);
        self
    }

    pub fn is_yes(&self) -> bool {
        self.refusal.is_none()
    }

    /// What the client is told, if it is not admitted.
    pub fn refusal(&self) -> Option<&Error> {
        self.refusal.as_ref()
    }

    pub fn remembered_for(&self) -> Duration {
        Duration::from_millis(self.remember_ms.into())
    }
}

#[cfg(target_arch = "wasm32")]
pub fn answer<P: Admission>(
    plugin: &mut P,
    subject: &str,
    scopes: &str,
    transport: &str,
) -> Result<crate::bindings::admission::Answer, Error> {
    let admitted = plugin.admit(&Visitor {
        subject,
        scopes: Scopes::new(scopes),
        transport,
    })?;
    let admit = admitted.refusal.is_none();
    let refusal = admitted.refusal.unwrap_or_else(|| Error::new("", ""));
    Ok(crate::bindings::admission::Answer {
        admit,
        code: refusal.code,
        message: refusal.message,
        retryable: refusal.retryable,
        data: admitted.data,
        remember_ms: admitted.remember_ms,
    })
}

/// The glue of the hook for `export!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_admission {
    ($component:ident, $instance:ident) => {
        impl $crate::bindings::admission::Guest for $component {
            fn admit(
                subject: ::std::string::String,
                scopes: ::std::string::String,
                transport: ::std::string::String,
            ) -> ::std::result::Result<
                $crate::bindings::admission::Answer,
                $crate::bindings::Error,
            > {
                Ok($instance.with(|slot| {
                    slot.with(|plugin| {
                        $crate::private::admission(plugin, &subject, &scopes, &transport)
                    })
                })?)
            }
        }
        $crate::bindings::admission::export!($component with_types_in $crate::bindings::admission);
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_what_it_is() {
        let yes = Admitted::yes().remember_for(Duration::from_secs(60));
        assert!(yes.is_yes());
        assert_eq!(yes.remembered_for(), Duration::from_secs(60));
        let no = Admitted::no("unknown-user", "nobody is called ann").retryable();
        let refusal = no.refusal().expect("it is a no");
        assert_eq!(refusal.code, "unknown-user");
        assert!(refusal.retryable);
        assert!(!no.is_yes());
    }
}
