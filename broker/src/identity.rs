//! Names of nodes and of sessions.
//!
//! A session's id is `<node>.<worker>.<random>`. It says where the session lives, so that a request
//! that lands elsewhere can be passed on, and it is a secret of its client: whoever knows the id of
//! a polling session speaks for it.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest node id, in bytes.
pub const NODE_ID_BYTES_MAX: usize = 64;

/// 120 bits: nobody guesses them, no process makes them twice, and they are whole characters.
const RANDOM_BYTES: usize = 15;
/// Characters that the random bytes are in base64url.
const RANDOM_CHARS: usize = RANDOM_BYTES / 3 * 4;

/// Names a node among those of one Redis: 1 to [`NODE_ID_BYTES_MAX`] of `A-Z a-z 0-9 - _`.
/// Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(Arc<str>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no node id (1 to {NODE_ID_BYTES_MAX} of A-Z a-z 0-9 - _)")]
pub struct BadNodeId;

impl NodeId {
    /// Enough to tell the nodes of one Redis apart; no secret.
    pub fn random() -> Self {
        Self(format!("{:012x}", RandomState::new().build_hasher().finish() >> 16).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeId {
    type Err = BadNodeId;

    fn from_str(text: &str) -> Result<Self, BadNodeId> {
        is_node(text).then(|| Self(text.into())).ok_or(BadNodeId)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a session. `Debug` shows where the session lives and not the secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId {
    text: Box<str>,
    /// Bytes of the node's name in `text`.
    node: u8,
    worker: u16,
}

/// The text is no session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no session id")]
pub struct BadSessionId;

impl SessionId {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The node it lives on, by its id.
    pub fn node(&self) -> &str {
        self.text.get(..usize::from(self.node)).unwrap_or_default()
    }

    /// The worker of that node. A forged id may name one that does not exist.
    pub fn worker(&self) -> usize {
        usize::from(self.worker)
    }
}

impl FromStr for SessionId {
    type Err = BadSessionId;

    /// Takes what [`SessionIds::fresh`] makes, in that one spelling; total on anything else.
    fn from_str(text: &str) -> Result<Self, BadSessionId> {
        let mut parts = text.split('.');
        let (Some(node), Some(worker), Some(random), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadSessionId);
        };
        let good = is_node(node)
            && random.len() == RANDOM_CHARS
            && random.bytes().all(is_plain)
            && worker.bytes().all(|b| b.is_ascii_digit())
            && (worker == "0" || !worker.starts_with('0'));
        match (good, worker.parse(), u8::try_from(node.len())) {
            (true, Ok(worker), Ok(node)) => Ok(Self {
                text: text.into(),
                node,
                worker,
            }),
            _ => Err(BadSessionId),
        }
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({}.{}.…)", self.node(), self.worker)
    }
}

/// Makes the ids of one worker's sessions.
#[derive(Debug)]
pub struct SessionIds {
    node: NodeId,
    worker: u16,
}

/// The system has no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no random bits for a session id")]
pub struct NoRandomness;

impl SessionIds {
    /// Workers above 65,535 would share a number; settings allow 1,024.
    pub fn new(node: NodeId, worker: usize) -> Self {
        Self {
            node,
            worker: u16::try_from(worker).unwrap_or(u16::MAX),
        }
    }

    /// A fresh id. The bits come from AWS-LC's generator of the calling thread, which the system
    /// seeds once: no system call, about a microsecond.
    pub fn fresh(&self) -> Result<SessionId, NoRandomness> {
        let mut random = [0; RANDOM_BYTES];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| NoRandomness)?;
        let Self { node, worker } = self;
        let random = URL_SAFE_NO_PAD.encode(random);
        Ok(SessionId {
            text: format!("{node}.{worker}.{random}").into(),
            // A node id has at most NODE_ID_BYTES_MAX.
            node: u8::try_from(node.as_str().len()).unwrap_or_default(),
            worker: *worker,
        })
    }
}

fn is_node(text: &str) -> bool {
    (1..=NODE_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn node(text: &str) -> NodeId {
        text.parse().expect("a node id")
    }

    #[test]
    fn an_id_says_where_its_session_lives_and_is_never_made_twice() {
        let workers = [0, 1, 1_023].map(|worker| SessionIds::new(node("e784e94b465618"), worker));
        let mut made = HashSet::new();
        for ids in &workers {
            for _ in 0..10_000 {
                let id = ids.fresh().expect("random bits");
                assert_eq!(id.node(), "e784e94b465618");
                assert_eq!(id.worker(), usize::from(ids.worker));
                assert_eq!(id.as_str().parse(), Ok(id.clone()));
                let plain = |b: u8| is_plain(b) || b == b'.';
                assert!(id.as_str().bytes().all(plain), "{}", id.as_str());
                assert!(made.insert(id));
            }
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let id = SessionIds::new(node("n"), 3).fresh().expect("random bits");
        assert_eq!(format!("{id:?}"), "SessionId(n.3.…)");
    }

    #[test]
    fn only_one_spelling_is_an_id() {
        let random = "AAAAAAAAAAAAAAAAAA-_";
        let good: SessionId = format!("n.10.{random}").parse().expect("an id");
        assert_eq!((good.node(), good.worker()), ("n", 10));
        let long = "n".repeat(NODE_ID_BYTES_MAX + 1);
        for bad in [
            "",
            ".",
            "..",
            "0-17",
            &format!(".0.{random}"),
            &format!("n..{random}"),
            "n.0.",
            &format!("n.0.{random}."),
            &format!("n.0.{random}A"),
            &format!("n.0.{}", &random[1..]),
            &format!("n.00.{random}"),
            &format!("n.+1.{random}"),
            &format!("n.-1.{random}"),
            &format!("n.65536.{random}"),
            &format!("n.99999999999999999999999.{random}"),
            &format!("n.٣.{random}"),
            &format!("a.b.0.{random}"),
            &format!("{long}.0.{random}"),
            &format!("n\0.0.{random}"),
            "n.0.AAAAAAAAAAAAAAAAAA+/",
            "n.0.ééééééééé-_",
        ] {
            assert_eq!(bad.parse::<SessionId>(), Err(BadSessionId), "{bad:?}");
        }
    }

    #[test]
    fn node_ids_are_checked() {
        assert_eq!(NodeId::random().as_str().len(), 12);
        assert_ne!(NodeId::random(), NodeId::random());
        for bad in ["", "a.b", "a b", "é", &"n".repeat(NODE_ID_BYTES_MAX + 1)] {
            assert_eq!(bad.parse::<NodeId>(), Err(BadNodeId), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_not_and_an_id_is_kept_as_it_is(text in ".{0,120}") {
            if let Ok(id) = text.parse::<SessionId>() {
                prop_assert_eq!(id.as_str(), &text);
            }
        }

        #[test]
        fn near_ids_are_read_without_a_panic(
            text in r"[a-z0-9.+_-]{0,70}\.[0-9.]{0,7}\.[A-Za-z0-9_.-]{18,22}"
        ) {
            if let Ok(id) = text.parse::<SessionId>() {
                let random = text.rsplit('.').next().unwrap_or_default();
                prop_assert_eq!(format!("{}.{}.{random}", id.node(), id.worker()), text);
            }
        }
    }
}
