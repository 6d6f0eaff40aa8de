//! The import `sessions`, as it works on the I/O engine. A session is the broker's and its cookie the
//! caller's, so that what a call does with them counts only once the call is answered.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::reach::{Granted, Reach, refused, retryable};
use crate::plugin::bindings::imports::tidegate::types::errors::Error;
use crate::plugin::bindings::io::imports::tidegate::sessions::sessions as wit;
use crate::plugin::imports::HostState;
use crate::plugin::outside::StoredSession;

/// What becomes of the caller's session cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CookieChange {
    #[default]
    Keep,
    /// The value of a `Set-Cookie` header.
    Set(String),
    /// The caller's session is gone.
    Clear,
}

/// What one call does with sessions.
#[derive(Default)]
pub(super) struct CallSessions {
    /// The answer can carry a cookie.
    allowed: bool,
    /// The caller's own session.
    own: Option<Box<str>>,
    created: Option<Created>,
    own_is_gone: bool,
}

impl CallSessions {
    /// Of a call whose answer carries no cookie.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Of a call over HTTP; `own` is the session that the caller's cookie names.
    pub(super) fn of(own: Option<Box<str>>) -> Self {
        Self {
            allowed: true,
            own,
            ..Self::default()
        }
    }

    /// The call is over. What it created stays only if it has `succeeded`; what it destroyed is
    /// gone in any case.
    pub(super) fn conclude(&mut self, succeeded: bool) -> CookieChange {
        match self.created.take() {
            Some(created) if succeeded => CookieChange::Set(created.keep()),
            _ if self.own_is_gone => CookieChange::Clear,
            _ => CookieChange::Keep,
        }
    }
}

/// A session that a call under way has created; dropped, it is removed again.
struct Created {
    session: StoredSession,
    granted: Arc<Granted>,
    kept: bool,
}

impl Created {
    /// The cookie that goes to the caller.
    fn keep(mut self) -> String {
        self.kept = true;
        std::mem::take(&mut self.session.set_cookie)
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if !self.kept {
            let id = std::mem::take(&mut self.session.id);
            let removing = (self.granted.outside.destroy_session)(id);
            self.granted.runtime.spawn(async move {
                if let Err(error) = removing.await {
                    let code = error.code;
                    tracing::warn!(code, "a session of a call that failed was not removed");
                }
            });
        }
    }
}

impl wit::Host for HostState {
    async fn create(&mut self, document: String) -> wasmtime::Result<Result<String, Error>> {
        let reach = self.reach_of("sessions")?;
        Ok(create(reach, document).await)
    }

    async fn destroy(&mut self, id: String) -> wasmtime::Result<Result<(), Error>> {
        let reach = self.reach_of("sessions")?;
        Ok(destroy(reach, id).await)
    }
}

async fn create(reach: &mut Reach, document: String) -> Result<String, Error> {
    check(reach)?;
    reach.act()?;
    let granted = reach.granted.clone();
    let creating = (granted.outside.create_session)(document);
    let (give, take) = oneshot::channel();
    let runtime = granted.runtime.clone();
    // On a task of its own: a call that ends before it leaves no session behind.
    runtime.spawn(async move {
        let _ = give.send(creating.await.map(|session| Created {
            session,
            granted,
            kept: false,
        }));
    });
    let given = async {
        let lost = || retryable("unavailable", "the broker is stopping".into());
        let created = take.await.map_err(|_| lost())?;
        created.map_err(Error::from)
    };
    let created = reach.wait(given).await?;
    let id = created.session.id.clone();
    // The one before it, if any, is dropped.
    reach.sessions.created = Some(created);
    Ok(id)
}

async fn destroy(reach: &mut Reach, id: String) -> Result<(), Error> {
    check(reach)?;
    reach.act()?;
    let destroying = (reach.granted.outside.destroy_session)(id.clone());
    reach.wait(destroying).await?;
    let sessions = &mut reach.sessions;
    if let Some(created) = sessions.created.take_if(|created| created.session.id == id) {
        created.keep();
    }
    sessions.own_is_gone |= sessions.own.as_deref() == Some(id.as_str());
    Ok(())
}

fn check(reach: &Reach) -> Result<(), Error> {
    if reach.sessions.allowed {
        return Ok(());
    }
    Err(refused(
        "needs-http",
        "sessions can be used in calls over POST /call whose answer may set a cookie".into(),
    ))
}
