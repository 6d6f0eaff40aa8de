//! The rules of one Engine.IO session: what came and when goes in, what to do comes out.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::engineio::{Packet, Transport};

#[derive(Debug)]
pub(super) struct State {
    interval: Duration,
    timeout: Duration,
    transport: Transport,
    /// The handshake or the last pong: both heartbeat deadlines count from here, however late a
    /// ping goes out.
    heard: Instant,
    pinged: bool,
    /// A GET waits for its answer.
    polling: bool,
    /// A POST's body is on its way.
    posting: bool,
    upgrade: Upgrade,
}

/// How far a WebSocket has come that wants to take a polling session over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgrade {
    None,
    /// It is there and has said nothing.
    Begun,
    /// Its probe was answered: the client waits until its polling request ends.
    Probed,
}

/// What a heartbeat is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    None,
    Ping,
    /// No pong came in time.
    Dead,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The session has left polling.
    Transport,
    /// One of its kind is under way: the session ends.
    Overlap,
}

/// What a packet of the client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Text(&'a str),
    Binary(Cow<'a, [u8]>),
    Pong,
    Close,
    /// A client may not send it, or not now: the session ends.
    Invalid,
}

/// What a packet on the candidate WebSocket asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// To be answered by `3probe`.
    Answer,
    /// The WebSocket takes the session over.
    TakeOver,
    /// The candidate is closed; the session goes on polling.
    Refuse,
}

impl State {
    pub(super) fn new(
        transport: Transport,
        interval: Duration,
        timeout: Duration,
        now: Instant,
    ) -> Self {
        Self {
            interval,
            timeout,
            transport,
            heard: now,
            pinged: false,
            polling: false,
            posting: false,
            upgrade: Upgrade::None,
        }
    }

    /// What is due `now`. A ping is told once.
    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        let silence = now.saturating_duration_since(self.heard);
        if silence >= self.interval.saturating_add(self.timeout) {
            Beat::Dead
        } else if silence >= self.interval && !self.pinged {
            self.pinged = true;
            Beat::Ping
        } else {
            Beat::None
        }
    }

    pub(super) fn packet<'a>(&mut self, packet: Packet<'a>, now: Instant) -> Step<'a> {
        match packet {
            Packet::Message(text) => Step::Text(text),
            Packet::Binary(bytes) => Step::Binary(bytes),
            Packet::Pong { probe: false } => {
                self.heard = now;
                self.pinged = false;
                Step::Pong
            }
            Packet::Close => Step::Close,
            // Among them "invalid heartbeat direction": since revision 4 the server pings.
            Packet::Open(_)
            | Packet::Ping { .. }
            | Packet::Pong { .. }
            | Packet::Upgrade
            | Packet::Noop => Step::Invalid,
        }
    }

    /// A GET came.
    pub(super) fn poll_begun(&mut self) -> Result<(), Wrong> {
        self.check_polling(self.polling)?;
        self.polling = true;
        Ok(())
    }

    pub(super) fn poll_ended(&mut self) {
        self.polling = false;
    }

    /// A POST came.
    pub(super) fn post_begun(&mut self) -> Result<(), Wrong> {
        self.check_polling(self.posting)?;
        self.posting = true;
        Ok(())
    }

    pub(super) fn post_ended(&mut self) {
        self.posting = false;
    }

    fn check_polling(&self, busy: bool) -> Result<(), Wrong> {
        match self.transport {
            Transport::WebSocket => Err(Wrong::Transport),
            Transport::Polling if busy => Err(Wrong::Overlap),
            Transport::Polling => Ok(()),
        }
    }

    /// Whether a WebSocket may become the candidate: one at a time, and only while polling.
    pub(super) fn upgrade_begun(&mut self) -> bool {
        let may = self.transport == Transport::Polling && self.upgrade == Upgrade::None;
        if may {
            self.upgrade = Upgrade::Begun;
        }
        may
    }

    pub(super) fn probe(&mut self, packet: &Packet<'_>) -> Probe {
        match (self.upgrade, packet) {
            (Upgrade::Begun, Packet::Ping { probe: true }) => {
                self.upgrade = Upgrade::Probed;
                Probe::Answer
            }
            (Upgrade::Probed, Packet::Upgrade) => {
                self.upgrade = Upgrade::None;
                self.transport = Transport::WebSocket;
                Probe::TakeOver
            }
            _ => Probe::Refuse,
        }
    }

    /// Whether waiting GETs have to be answered at once, so that the client can stop polling.
    pub(super) fn is_probed(&self) -> bool {
        self.upgrade == Upgrade::Probed
    }

    /// The candidate is gone, and polling goes on.
    pub(super) fn upgrade_failed(&mut self) {
        self.upgrade = Upgrade::None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(300);
    const TIMEOUT: Duration = Duration::from_millis(200);

    fn polling() -> (State, Instant) {
        let now = Instant::now();
        (State::new(Transport::Polling, INTERVAL, TIMEOUT, now), now)
    }

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_ping_is_due_once_and_its_pong_counts_from_when_it_comes() {
        let (mut state, start) = polling();
        assert_eq!(state.beat(after(start, 299)), Beat::None);
        assert_eq!(state.beat(after(start, 310)), Beat::Ping);
        assert_eq!(state.beat(after(start, 320)), Beat::None, "told once");
        let pong = Packet::Pong { probe: false };
        assert_eq!(state.packet(pong, after(start, 400)), Step::Pong);
        assert_eq!(state.beat(after(start, 699)), Beat::None);
        assert_eq!(state.beat(after(start, 700)), Beat::Ping);
        assert_eq!(state.beat(after(start, 899)), Beat::None);
        assert_eq!(state.beat(after(start, 900)), Beat::Dead);
    }

    #[test]
    fn a_late_ping_does_not_move_the_deadline() {
        let (mut state, start) = polling();
        assert_eq!(state.beat(after(start, 499)), Beat::Ping);
        assert_eq!(state.beat(after(start, 500)), Beat::Dead);
    }

    #[test]
    fn requests_of_a_kind_come_one_at_a_time() {
        let (mut state, _) = polling();
        assert_eq!(state.poll_begun(), Ok(()));
        assert_eq!(state.post_begun(), Ok(()), "beside a GET");
        assert_eq!(state.poll_begun(), Err(Wrong::Overlap));
        assert_eq!(state.post_begun(), Err(Wrong::Overlap));
        state.poll_ended();
        state.post_ended();
        assert_eq!(state.poll_begun(), Ok(()));
        assert_eq!(state.post_begun(), Ok(()));
    }

    #[test]
    fn a_client_may_not_send_what_is_the_servers() {
        let (mut state, now) = polling();
        for packet in [
            Packet::Open("{}"),
            Packet::Ping { probe: false },
            Packet::Ping { probe: true },
            Packet::Pong { probe: true },
            Packet::Upgrade,
            Packet::Noop,
        ] {
            assert_eq!(
                state.packet(packet.clone(), now),
                Step::Invalid,
                "{packet:?}"
            );
        }
        assert_eq!(state.packet(Packet::Close, now), Step::Close);
        assert_eq!(state.packet(Packet::Message("x"), now), Step::Text("x"));
    }

    #[test]
    fn an_upgrade_is_a_probe_and_then_a_take_over() {
        let (mut state, _) = polling();
        let probe = Packet::Ping { probe: true };
        assert!(state.upgrade_begun());
        assert!(!state.upgrade_begun(), "one candidate at a time");
        assert_eq!(state.probe(&Packet::Upgrade), Probe::Refuse, "not probed");
        assert!(!state.is_probed());
        assert_eq!(state.probe(&probe), Probe::Answer);
        assert!(state.is_probed());
        assert_eq!(state.probe(&probe), Probe::Refuse, "twice");
        assert_eq!(state.poll_begun(), Ok(()), "polling goes on meanwhile");
        assert_eq!(state.probe(&Packet::Upgrade), Probe::TakeOver);
        state.poll_ended();
        assert_eq!(state.poll_begun(), Err(Wrong::Transport));
        assert_eq!(state.post_begun(), Err(Wrong::Transport));
        assert!(!state.upgrade_begun(), "it is upgraded");
    }

    #[test]
    fn a_failed_upgrade_may_be_tried_again() {
        let (mut state, _) = polling();
        assert!(state.upgrade_begun());
        assert_eq!(state.probe(&Packet::Message("x")), Probe::Refuse);
        state.upgrade_failed();
        assert_eq!(state.poll_begun(), Ok(()));
        assert!(state.upgrade_begun());
    }
}
