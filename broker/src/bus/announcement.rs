//! What nodes tell each other beside publications: one JSON object on a channel of its own,
//! `{"revoke_session":"<sid>","origin":"<node>"}`. Pure.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Heard by every node that is connected at that moment; nobody repeats it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// The session has ended: tokens made from it are refused.
    RevokeSession(Box<str>),
    /// Tokens of the subject that were issued until then (seconds since 1970) are refused.
    RevokeSubject {
        subject: Box<str>,
        issued_until: u64,
    },
}

#[derive(Default, Serialize, Deserialize)]
struct Object<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    revoke_session: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    revoke_subject: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_until: Option<u64>,
    /// The node that says it; for whoever watches the channel.
    #[serde(skip_deserializing)]
    origin: Cow<'a, str>,
}

/// Reads an announcement; `None` = of a kind that this version does not know.
pub(super) fn decode(message: &[u8]) -> Result<Option<Announcement>, serde_json::Error> {
    let object: Object<'_> = serde_json::from_slice(message)?;
    Ok(match object {
        Object {
            revoke_session: Some(session),
            ..
        } => Some(Announcement::RevokeSession(session.into())),
        Object {
            revoke_subject: Some(subject),
            issued_until: Some(issued_until),
            ..
        } => Some(Announcement::RevokeSubject {
            subject: subject.into(),
            issued_until,
        }),
        _ => None,
    })
}

pub(super) fn encode(announcement: &Announcement, node: &str) -> Vec<u8> {
    let origin = Cow::Borrowed(node);
    let object = match announcement {
        Announcement::RevokeSession(session) => Object {
            revoke_session: Some((&**session).into()),
            origin,
            ..Object::default()
        },
        Announcement::RevokeSubject {
            subject,
            issued_until,
        } => Object {
            revoke_subject: Some((&**subject).into()),
            issued_until: Some(*issued_until),
            origin,
            ..Object::default()
        },
    };
    // Texts and a number are always JSON: there is no error to have.
    serde_json::to_vec(&object).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shapes_are_those_of_the_docs() {
        let session = encode(&Announcement::RevokeSession("s\"1".into()), "n");
        assert_eq!(session, br#"{"revoke_session":"s\"1","origin":"n"}"#);
        let subject = Announcement::RevokeSubject {
            subject: "alice".into(),
            issued_until: 7,
        };
        assert_eq!(
            encode(&subject, "n"),
            br#"{"revoke_subject":"alice","issued_until":7,"origin":"n"}"#
        );
    }

    #[test]
    fn unknown_kinds_are_passed_over_and_wrong_types_are_errors() {
        for unknown in [
            "{}",
            r#"{"new_kind":[1],"origin":"n"}"#,
            r#"{"revoke_subject":"a"}"#,
        ] {
            assert_eq!(decode(unknown.as_bytes()).expect(unknown), None);
        }
        for wrong in ["", "[", "7", r#"{"revoke_session":7}"#] {
            assert!(decode(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in any::<String>(), issued_until in any::<u64>()) {
            let subject = Announcement::RevokeSubject { subject: name.as_str().into(), issued_until };
            for said in [Announcement::RevokeSession(name.as_str().into()), subject] {
                let wire = encode(&said, "n");
                prop_assert_eq!(decode(&wire).expect("its own wire form"), Some(said));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
