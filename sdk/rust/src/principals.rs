use crate::{Error, Plugin};

/// Turns a session document into who the caller is (`/auth/ws`). Called on the worker: no I/O.
pub trait Principals: Plugin {
    /// `session` is the session document, JSON text as the session's owner stored it. An error
    /// answers the client 401 with its code and message.
    fn principal(&mut self, session: &str) -> Result<Principal, Error>;
}

/// Who a token is made out to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Not empty.
    pub subject: String,
    /// Each without white space.
    pub scopes: Vec<String>,
}

#[cfg(target_arch = "wasm32")]
pub fn answer<P: Principals>(
    plugin: &mut P,
    session: &str,
) -> Result<crate::bindings::principals::Answer, Error> {
    let Principal { subject, scopes } = plugin.principal(session)?;
    Ok(crate::bindings::principals::Answer {
        subject,
        scopes: scopes.join(" "),
    })
}

/// The glue of the hook for `export!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_principals {
    ($component:ident, $instance:ident) => {
        impl $crate::bindings::principals::Guest for $component {
            fn principal(
                session: ::std::string::String,
            ) -> ::std::result::Result<
                $crate::bindings::principals::Answer,
                $crate::bindings::Error,
            > {
                Ok($instance.with(|slot| {
                    slot.with(|plugin| $crate::private::principals(plugin, &session))
                })?)
            }
        }
        $crate::bindings::principals::export!($component with_types_in $crate::bindings::principals);
    };
}
