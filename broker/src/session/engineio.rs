//! Sessions of Engine.IO, revision 4: what carries Socket.IO over polling and WebSocket.
//!
//! [`state`] decides what a client may do when, and knows no socket; [`session`] is one client's
//! life; [`sessions`] holds those of one worker. What the messages mean is the application's.

mod application;
mod candidate;
mod requests;
mod session;
mod sessions;
mod state;

pub use application::Service;
pub use requests::{Answer, Request, Upload};
pub use session::Session;
pub use sessions::Sessions;
