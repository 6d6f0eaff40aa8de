use crate::auth::{Auth, SessionError};
use crate::bus::{Announcement, Bus, OnAnnouncement, PublishError};

/// Logs out on all nodes. A handle for any thread; clones are one.
#[derive(Clone, Debug)]
pub struct Logout {
    auth: Auth,
    bus: Bus,
}

/// What came of a logout. On this node the tokens are refused in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    /// Whether the session's document is gone.
    pub stored: Result<(), SessionError>,
    /// Whether the other nodes were told; else its tokens are good there until they expire.
    pub announced: Result<(), PublishError>,
}

impl Logout {
    pub fn new(auth: Auth, bus: Bus) -> Self {
        Self { auth, bus }
    }

    /// Removes the session and refuses the tokens made from it; listeners that used them get
    /// AUTH_REVOKED. May be repeated. Not cancel-safe: the other nodes may not be told.
    pub async fn session(&self, id: &str) -> LoggedOut {
        let announcement = Announcement::RevokeSession(id.into());
        // Beside each other: a store that hangs must not keep the other nodes from hearing of it.
        let (stored, announced) = tokio::join!(
            self.auth.destroy_session(id),
            self.bus.announce(announcement)
        );
        LoggedOut { stored, announced }
    }

    /// Refuses the tokens that the subject has by now. Its sessions stay: a browser that holds a
    /// cookie may swap it for a new token. May be repeated. Not cancel-safe, as above.
    pub async fn subject(&self, subject: &str) -> LoggedOut {
        let issued_until = self.auth.revoke_subject_now(subject);
        let announcement = Announcement::RevokeSubject {
            subject: subject.into(),
            issued_until,
        };
        LoggedOut {
            stored: Ok(()),
            announced: self.bus.announce(announcement).await,
        }
    }

    /// Does what another node announces.
    pub fn hearing(auth: &Auth) -> OnAnnouncement {
        let auth = auth.clone();
        Box::new(move |announcement| match &announcement {
            Announcement::RevokeSession(session) => auth.revoke_session(session),
            Announcement::RevokeSubject {
                subject,
                issued_until,
            } => auth.revoke_subject(subject, *issued_until),
        })
    }
}
