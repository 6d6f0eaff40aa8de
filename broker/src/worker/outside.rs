//! What plugins may do with the rest of the node.

use crate::auth::{Auth, SessionError};
use crate::bus::{Bus, PublishError};
use crate::node::{LoggedOut, Logout};
use crate::plugin::{Outside, OutsideError, StoredSession, Verb};
use crate::publication::Draft;
use crate::store::Store;

/// Publications have at most `publication_bytes`.
pub(super) fn outside(store: Store, bus: &Bus, auth: &Auth, publication_bytes: usize) -> Outside {
    Outside {
        store: Some(store),
        publish: publish(bus.clone(), publication_bytes),
        create_session: create_session(auth.clone()),
        destroy_session: destroy_session(Logout::new(auth.clone(), bus.clone())),
    }
}

fn publish(bus: Bus, limit: usize) -> Verb<Draft, ()> {
    Box::new(move |draft| {
        let bus = bus.clone();
        Box::pin(async move {
            if draft.payload.as_bytes().len() > limit {
                let message = format!("the payload is larger than {limit} bytes");
                return Err(refused("too-large", message));
            }
            bus.publish(draft).await.map_err(|error| match error {
                PublishError::Overloaded => retryable("overloaded", error.to_string()),
                PublishError::Unavailable => retryable("unavailable", error.to_string()),
            })
        })
    })
}

fn create_session(auth: Auth) -> Verb<String, StoredSession> {
    Box::new(move |document| {
        let auth = auth.clone();
        Box::pin(async move {
            let created = auth.create_session(&document).await;
            let created = created.map_err(|error| match error {
                SessionError::Malformed => refused("bad-document", error.to_string()),
                _ => retryable("unavailable", "sessions cannot be written now".into()),
            })?;
            Ok(StoredSession {
                id: created.id,
                set_cookie: created.set_cookie,
            })
        })
    })
}

fn destroy_session(logout: Logout) -> Verb<String, ()> {
    Box::new(move |id| {
        let logout = logout.clone();
        Box::pin(async move {
            let LoggedOut { stored, announced } = logout.session(&id).await;
            stored.map_err(|_| {
                let message = "its tokens are revoked, but the session is still stored";
                retryable("unavailable", message.into())
            })?;
            announced.map_err(|_| {
                let message = "it is gone, but the other nodes could not be told";
                retryable("unavailable", message.into())
            })
        })
    })
}

fn refused(code: &'static str, message: String) -> OutsideError {
    OutsideError {
        code,
        message,
        retryable: false,
    }
}

fn retryable(code: &'static str, message: String) -> OutsideError {
    OutsideError {
        retryable: true,
        ..refused(code, message)
    }
}
