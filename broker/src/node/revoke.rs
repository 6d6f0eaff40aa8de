use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::listener::Grant;
use super::subscribe::Binding;
use super::{Listener, Node, Notice, is_past};
use crate::auth::Principal;
use crate::hub::ListenerId;
use crate::plugin::Verdict;
use crate::topic::Topic;

/// Asking again after a reload takes at most this much of a worker's turn.
const RECHECK_BUDGET: Duration = Duration::from_millis(1);

impl Node {
    /// The connection has a new token: topics that its old one carried are asked about again in
    /// the new name.
    pub fn rebind(&self, id: ListenerId, principal: &Arc<Principal>) {
        let revoked = match self.listeners.borrow().get(id as usize) {
            None => return,
            Some(listener) => listener.review(|grant| {
                if grant.binding == Binding::Own {
                    return true;
                }
                let same = grant.principal.subject == principal.subject
                    && grant.principal.scopes == principal.scopes;
                grant.principal = principal.clone();
                grant.expires = self.expiry(principal);
                same || self.may_stay(grant)
            }),
        };
        self.revoked(id, &revoked);
    }

    /// Takes the topics whose token has expired from a listener, whatever the sweep has seen.
    pub fn expire(&self, id: ListenerId) {
        let expired = match self.listeners.borrow().get(id as usize) {
            None => return,
            Some(listener) => listener.review(|grant| !is_past(grant.principal.expires_at)),
        };
        self.revoked(id, &expired);
    }

    /// Begins asking about every open listener again (a plugin was replaced).
    pub fn start_recheck(&self) {
        self.recheck_at.set(Some(0));
    }

    pub fn is_rechecking(&self) -> bool {
        self.recheck_at.get().is_some()
    }

    /// Asks about some more listeners, one turn's share.
    pub fn recheck_some(&self) {
        let Some(mut at) = self.recheck_at.get() else {
            return;
        };
        let until = Instant::now() + RECHECK_BUDGET;
        let end = self.listeners.borrow().capacity();
        while at < end {
            self.recheck(at as ListenerId, |_| true);
            at += 1;
            if at.is_multiple_of(16) && Instant::now() >= until {
                break;
            }
        }
        self.recheck_at.set((at < end).then_some(at));
    }

    /// Asks about a listener's grants that are `due`; what the plugin denies is revoked.
    pub(super) fn recheck(&self, id: ListenerId, due: impl Fn(&Grant) -> bool) {
        let revoked = match self.listeners.borrow().get(id as usize) {
            None => return,
            Some(listener) => listener.review(|grant| !due(grant) || self.may_stay(grant)),
        };
        self.revoked(id, &revoked);
    }

    /// Only an explicit denial revokes: a failure revokes nothing that was granted.
    fn may_stay(&self, grant: &mut Grant) -> bool {
        let Principal {
            subject, scopes, ..
        } = &*grant.principal;
        let answer = self
            .plugins
            .borrow_mut()
            .recheck(grant.topic.as_str(), subject, scopes);
        let again = match &answer {
            Ok(decision) if matches!(decision.verdict, Verdict::Deny(_)) => return false,
            Ok(decision) => decision.recheck_after,
            Err(_) => (grant.recheck > 0).then_some(Duration::from_secs(1)),
        };
        grant.recheck = again.map_or(0, |after| self.clock.after(after));
        true
    }

    /// Takes topics whose grants are gone from the hub and tells the client.
    pub(super) fn revoked(&self, id: ListenerId, topics: &[Topic]) {
        if topics.is_empty() {
            return;
        }
        self.numbers.revoked.increment(topics.len() as u64);
        for topic in topics {
            self.leave(id, topic);
        }
        if let Some(listener) = self.listeners.borrow().get(id as usize) {
            let names: Vec<&str> = topics.iter().map(Topic::as_str).collect();
            listener.notify(Notice::Revoked(&names));
            listener.connection.flush();
        }
    }

    /// RECONNECT at a random time within the spread, at most once a minute.
    pub(super) fn schedule_reconnect(&self, listener: &Listener) {
        let now = self.clock.now();
        let times = &listener.times;
        let recent = times.reconnected.get();
        if times.reconnect.get() > 0 || (recent > 0 && now.saturating_sub(recent) < 600) {
            return;
        }
        times
            .reconnect
            .set(self.clock.after(jitter(RECONNECT_SPREAD)));
    }
}

/// Clients that may have missed something come back over this time, not all at once.
const RECONNECT_SPREAD: Duration = Duration::from_secs(5);

/// A random part of `spread`.
pub fn jitter(spread: Duration) -> Duration {
    let mut bytes = [0u8; 4];
    // Without randomness all come at once, which is the worst that may happen.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    spread.mul_f64(f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX))
}
