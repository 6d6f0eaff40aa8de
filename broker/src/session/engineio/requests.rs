use bytes::Bytes;
use tokio::sync::oneshot;

use crate::protocol::engineio::Refusal;

/// Takes the body of the answer to an HTTP request. Dropped on the other side = the client has
/// given the request up.
pub type Answer = oneshot::Sender<Result<Bytes, Refusal>>;

/// What an HTTP request, wherever it arrived, wants of the session that its `sid` names.
pub enum Request {
    /// A GET: whatever waits, or what comes.
    Poll(Answer),
    /// The head of a POST. If granted, one `PostEnded` follows, whatever becomes of the body.
    PostBegun(Answer),
    PostEnded(Upload, Answer),
    /// Asked before a WebSocket handshake is answered.
    Upgrade(Answer),
    /// A WebSocket that wants to take the session over, with the bytes that came early.
    Candidate(std::net::TcpStream, Bytes),
}

/// What became of a POST's body.
pub enum Upload {
    Whole(Bytes),
    /// Above the limit; the session goes on.
    TooBig,
    /// Cut off, or of a type that is none of ours; the session ends.
    Broken,
}

impl Request {
    /// Answers what a session does not.
    pub fn refuse(self, refusal: Refusal) {
        match self {
            Self::Poll(answer)
            | Self::PostBegun(answer)
            | Self::PostEnded(_, answer)
            | Self::Upgrade(answer) => {
                // Whoever asked may be gone.
                let _ = answer.send(Err(refusal));
            }
            Self::Candidate(..) => {}
        }
    }
}
