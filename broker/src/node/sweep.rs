use std::time::Duration;

use super::clock::{Tick, ticks};
use super::revoke::jitter;
use super::{Listener, Node, Notice, Wire};
use crate::hub::ListenerId;
use crate::protocol::close::CloseCode;

/// At least so many listeners are looked at in one sweep, and at least a tenth of all: everything
/// due is done within a second, and soon where there are few.
const SWEEP: usize = 2_000;

impl Node {
    /// The worker's coarse timer, once a tick: heartbeats, deadlines, expired grants.
    pub fn sweep(&self) {
        let now = self.clock.advance();
        let end = self.listeners.borrow().capacity();
        let share = (end / 10).max(SWEEP).min(end);
        let mut at = self.sweep_at.get();
        for _ in 0..share {
            if at >= end {
                at = 0;
            }
            self.look_at(at as ListenerId, now);
            at += 1;
        }
        self.sweep_at.set(at);
    }

    fn look_at(&self, id: ListenerId, now: Tick) {
        let due = match self.listeners.borrow().get(id as usize) {
            None => return,
            Some(listener) => {
                if listener.connection.waiting_bytes() == 0 {
                    listener.caught_up();
                }
                if listener.wire == Wire::Pubsub {
                    self.check_write(listener, now);
                }
                if listener.wire == Wire::Pubsub && listener.connection.is_open() {
                    self.check_deadlines(listener, now);
                    self.check_reconnect(listener, now);
                }
                is_due(listener.times.grants.get(), now)
            }
        };
        if due {
            self.check_grants(id, now);
        }
    }

    /// Gives up a connection whose client takes nothing, be it its close frame.
    fn check_write(&self, listener: &Listener, now: Tick) {
        let limit = ticks(self.limits.write_timeout);
        if listener.connection.is_stalled(now, limit) {
            self.numbers.write_timeouts.increment(1);
            listener.connection.abandon();
        }
    }

    fn check_deadlines(&self, listener: &Listener, now: Tick) {
        let limits = &self.limits;
        let passed = |since: Tick, limit: Duration| {
            !limit.is_zero() && now.saturating_sub(since) > ticks(limit)
        };
        let times = &listener.times;
        if !listener.is_commanded() && passed(times.connected, limits.first_command_timeout) {
            self.end(listener, CloseCode::Unused);
        } else if passed(times.heard.get(), limits.idle_timeout) {
            self.end(listener, CloseCode::Silent);
        } else if is_due(times.close.get(), now) {
            let code = if self.draining.get() {
                CloseCode::GoingAway
            } else {
                CloseCode::Reconnect
            };
            self.end(listener, code);
        } else if passed(times.heard.get(), limits.heartbeat)
            && passed(times.pinged.get(), limits.heartbeat)
        {
            times.pinged.set(now);
            listener.notify(Notice::Ping);
            listener.connection.flush();
        }
    }

    fn end(&self, listener: &Listener, code: CloseCode) {
        listener.connection.close(code);
        listener.connection.flush();
    }

    fn check_reconnect(&self, listener: &Listener, now: Tick) {
        let times = &listener.times;
        if !is_due(times.reconnect.get(), now) {
            return;
        }
        times.reconnect.set(0);
        times.reconnected.set(now);
        listener.notify(Notice::Reconnect);
        listener.connection.flush();
    }

    /// Topics whose token has expired are revoked, others that are due are asked about.
    fn check_grants(&self, id: ListenerId, now: Tick) {
        let expired = match self.listeners.borrow().get(id as usize) {
            None => return,
            Some(listener) => listener.review(|grant| !is_due(grant.expires, now)),
        };
        self.revoked(id, &expired);
        self.recheck(id, |grant| is_due(grant.recheck, now));
    }

    /// Tells every listener to leave and closes it after, both spread over `spread`.
    pub fn drain(&self, spread: Duration) {
        self.draining.set(true);
        self.clock.advance();
        for (_, listener) in &*self.listeners.borrow() {
            let leave = jitter(spread);
            listener.times.reconnect.set(self.clock.after(leave));
            listener
                .times
                .close
                .set(self.clock.after(leave + spread.max(DRAIN_GRACE)));
        }
    }

    /// Closes what is still open.
    pub fn close_all(&self) {
        for (_, listener) in &*self.listeners.borrow() {
            self.end(listener, CloseCode::GoingAway);
        }
    }
}

/// What a client gets at least, from RECONNECT to the close, to be listening elsewhere.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

fn is_due(at: Tick, now: Tick) -> bool {
    at > 0 && at <= now
}
