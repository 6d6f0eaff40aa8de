use std::borrow::Cow;
use std::time::Duration;

use crate::{Plugin, Scopes};

/// Decides who may listen to and publish on what. Called on the worker, between messages: it
/// must answer in microseconds and can do no I/O.
pub trait Authorizer: Plugin {
    /// A denial is an answer; there is no error. A panic fails closed: the caller gets
    /// `ERR_SERVER`.
    fn authorize(&mut self, question: &Question<'_>) -> Decision;
}

/// May this caller do this?
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub action: Action,
    /// A checked topic: 1 to 255 bytes, no empty segment.
    pub topic: &'a str,
    /// None for an anonymous caller.
    pub subject: Option<&'a str>,
    pub scopes: Scopes<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Listen,
    Publish,
}

impl Action {
    /// None for an action that this version of the SDK does not know.
    pub fn from_wire(action: u8) -> Option<Self> {
        match action {
            0 => Some(Self::Listen),
            1 => Some(Self::Publish),
            _ => None,
        }
    }
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    allow: bool,
    reason: Cow<'static, str>,
    remember_ms: u32,
    recheck_after_ms: u32,
}

impl Decision {
    /// Yes. Remembered only if [`Decision::remember_for`] says so.
    pub const fn allow() -> Self {
        Self {
            allow: true,
            reason: Cow::Borrowed(""),
            remember_ms: 0,
            recheck_after_ms: 0,
        }
    }

    /// No. The client gets to see the reason.
    pub fn deny(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            allow: false,
            reason: reason.into(),
            remember_ms: 0,
            recheck_after_ms: 0,
        }
    }

    /// How long the broker may answer the same question itself (in whole milliseconds, at most
    /// 49 days).
    pub fn remember_for(mut self, time: Duration) -> Self {
        self.remember_ms = whole_ms(time);
        self
    }

    /// When an open listener is asked about again (in whole milliseconds). Without it: on
    /// reload, and when its token changes.
    pub fn recheck_after(mut self, time: Duration) -> Self {
        self.recheck_after_ms = whole_ms(time);
        self
    }

    pub fn is_allowed(&self) -> bool {
        self.allow
    }

    /// Empty when allowed.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    pub fn remembered_for(&self) -> Duration {
        Duration::from_millis(self.remember_ms.into())
    }
}

pub(crate) fn whole_ms(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(target_arch = "wasm32")]
pub fn answer<P: Authorizer>(
    plugin: &mut P,
    action: u8,
    topic: &str,
    subject: &str,
    scopes: &str,
) -> crate::bindings::authorizer::Answer {
    let decision = match Action::from_wire(action) {
        Some(action) => plugin.authorize(&Question {
            action,
            topic,
            subject: (!subject.is_empty()).then_some(subject),
            scopes: Scopes::new(scopes),
        }),
        None => Decision::deny(format!("this plugin does not know the action {action}")),
    };
    crate::bindings::authorizer::Answer {
        allow: decision.allow,
        reason: decision.reason.into_owned(),
        remember_ms: decision.remember_ms,
        recheck_after_ms: decision.recheck_after_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_capped_not_wrapped() {
        let decision = Decision::allow().remember_for(Duration::MAX);
        assert_eq!(
            decision.remembered_for(),
            Duration::from_millis(u32::MAX.into())
        );
    }

    #[test]
    fn an_unknown_action_is_not_taken_for_a_known_one() {
        assert_eq!(Action::from_wire(0), Some(Action::Listen));
        assert_eq!(Action::from_wire(1), Some(Action::Publish));
        assert_eq!(Action::from_wire(2), None);
    }
}
