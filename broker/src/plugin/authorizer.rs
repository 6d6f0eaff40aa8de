//! A worker's plugins: asks them, remembers, switches generations between turns.

use std::sync::Arc;
use std::time::Duration;

use super::bindings::authorizer::exports::tidegate::authorizer::authorizer::Decision as Told;
use super::bindings::principals::exports::tidegate::principals::principals::Identity as Named;
use super::clock;
use super::error::{CallError, PrincipalError};
use super::instance::Fault;
use super::mailbox::{Mailbox, PluginChanges};
use super::remembered::{Origin, Question, Remembered};
use super::route::Routes;
use super::seat::{Repeat, Seat};
use super::{Action, Decision, Identity, Verdict};

/// Longer reasons and names are malformed: they go to clients and into tokens.
const REASON_BYTES: usize = 1_024;
const SUBJECT_BYTES: usize = 1_024;
const SCOPES_BYTES: usize = 16 << 10;

const NO_RULE: &str = "no rule covers this topic";

/// The plugins of one worker. Moved to the worker's thread and used only there.
pub struct WorkerPlugins {
    routes: Arc<Routes>,
    principals: Option<usize>,
    /// By plugin; `None` = no call on a worker reaches it.
    seats: Vec<Option<Seat>>,
    remembered: Remembered,
    mailbox: Arc<Mailbox>,
    no_rule: Arc<str>,
}

impl WorkerPlugins {
    pub(super) fn new(
        routes: Arc<Routes>,
        principals: Option<usize>,
        seats: Vec<Option<Seat>>,
        remembered_decisions: usize,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        Self {
            routes,
            principals,
            seats,
            remembered: Remembered::new(remembered_decisions),
            mailbox,
            no_rule: NO_RULE.into(),
        }
    }

    /// Asks whether this caller may; remembered answers are given as often as the plugin allows.
    /// Runs the plugin on this thread, for at most its CPU deadline. No rule is a denial.
    ///
    /// # Errors
    ///
    /// The plugin gave no answer. Nothing may be granted then, and nothing already granted be
    /// taken away.
    pub fn authorize(
        &mut self,
        action: Action,
        topic: &str,
        subject: &str,
        scopes: &str,
    ) -> Result<Decision, CallError> {
        let question = Question {
            action,
            topic,
            subject,
            scopes,
        };
        self.decide(question, Repeat::OnThePrevious)
    }

    /// Asks again about a live listener, after [`switch`](Self::switch) or when a decision's
    /// `recheck_after` is over. A candidate's failure is not hidden by asking the generation
    /// before it.
    ///
    /// # Errors
    ///
    /// The plugin gave no answer: the listener stays.
    pub fn recheck(
        &mut self,
        topic: &str,
        subject: &str,
        scopes: &str,
    ) -> Result<Decision, CallError> {
        let question = Question {
            action: Action::Listen,
            topic,
            subject,
            scopes,
        };
        self.decide(question, Repeat::Never)
    }

    fn decide(&mut self, question: Question<'_>, repeat: Repeat) -> Result<Decision, CallError> {
        let now_ms = clock::coarse_ms();
        let hash = Remembered::hash(question);
        let seats = &self.seats;
        let seat = |origin: Origin| seats.get(origin.plugin).and_then(Option::as_ref);
        let is_live = |origin: Origin| seat(origin).is_some_and(|seat| seat.serves(origin));
        if let Some((origin, decision)) = self.remembered.get(hash, question, now_ms, is_live) {
            if let Some(seat) = seat(origin) {
                seat.tally().remembered.one_more();
            }
            return Ok(decision);
        }
        let Some(plugin) = self.routes.plugin(question.topic, question.subject) else {
            return Ok(Decision {
                verdict: Verdict::Deny(self.no_rule.clone()),
                recheck_after: None,
            });
        };
        let seat = self.seats.get_mut(plugin).and_then(Option::as_mut);
        let seat = seat.ok_or(CallError::NotConfigured)?;
        let (origin, answer) = seat.call(now_ms, repeat, |instance, deadline| {
            let answer = instance.authorize(
                deadline,
                question.action as u8,
                question.topic,
                question.subject,
                question.scopes,
            )?;
            Answer::new(answer)
        })?;
        if let Verdict::Deny(_) = answer.decision.verdict {
            seat.tally().denials.one_more();
        }
        // What the generation before answered for a failing candidate is not the candidate's.
        if !answer.remember.is_zero() && seat.serves(origin) {
            self.remembered.put(
                hash,
                question,
                origin,
                &answer.decision,
                answer.remember,
                now_ms,
            );
        }
        Ok(answer.decision)
    }

    /// Turns a session document (JSON text) into who it stands for. Runs the plugin on this
    /// thread, for at most its CPU deadline.
    ///
    /// # Errors
    ///
    /// The plugin's refusal, which is for the client; or there is no answer or no plugin.
    pub fn principal(&mut self, session_document: &str) -> Result<Identity, PrincipalError> {
        let plugin = self.principals.ok_or(PrincipalError::NoPlugin)?;
        let seat = self.seats.get_mut(plugin).and_then(Option::as_mut);
        let call = seat.ok_or(PrincipalError::NoPlugin)?.call(
            clock::coarse_ms(),
            Repeat::OnThePrevious,
            |instance, deadline| match instance.principal(deadline, session_document)? {
                Ok(named) => identity(named).map(Ok),
                Err(refusal) => Ok(Err(refusal)),
            },
        );
        let (_, answer) = call?;
        answer.map_err(|refusal| PrincipalError::Refused {
            code: refusal.code,
            message: refusal.message,
        })
    }

    /// Tells when [`switch`](Self::switch) has something to do, without a borrow of the plugins,
    /// which calls need meanwhile.
    pub fn changes(&self) -> PluginChanges {
        PluginChanges(self.mailbox.clone())
    }

    /// Takes up new generations and roll-backs; call it between turns. Returns whether live
    /// listeners must be asked about again: decisions of the generation before are void.
    pub fn switch(&mut self) -> bool {
        let mut ask_again = false;
        for post in self.mailbox.take() {
            let plugin = post.origin().plugin;
            if let Some(seat) = self.seats.get_mut(plugin).and_then(Option::as_mut) {
                ask_again |= seat.take_up(post) && self.routes.reach(plugin);
            }
        }
        ask_again
    }
}

struct Answer {
    decision: Decision,
    remember: Duration,
}

impl Answer {
    fn new(told: Told) -> Result<Self, Fault> {
        if told.reason.len() > REASON_BYTES {
            return Err(malformed("the reason", told.reason.len(), REASON_BYTES));
        }
        let verdict = if told.allow {
            Verdict::Allow
        } else {
            Verdict::Deny(told.reason.into())
        };
        let recheck_ms = u64::from(told.recheck_after_ms);
        Ok(Self {
            decision: Decision {
                verdict,
                recheck_after: (recheck_ms > 0).then(|| Duration::from_millis(recheck_ms)),
            },
            remember: Duration::from_millis(told.remember_ms.into()),
        })
    }
}

fn identity(named: Named) -> Result<Identity, Fault> {
    if named.subject.is_empty() {
        return Err(Fault {
            kind: CallError::Malformed,
            detail: "the principal has no subject".into(),
        });
    }
    if named.subject.len() > SUBJECT_BYTES {
        return Err(malformed("the subject", named.subject.len(), SUBJECT_BYTES));
    }
    if named.scopes.len() > SCOPES_BYTES {
        return Err(malformed("the scopes", named.scopes.len(), SCOPES_BYTES));
    }
    Ok(Identity {
        subject: named.subject,
        scopes: single_spaced(&named.scopes),
    })
}

/// As tokens hold them, and whoever compares them expects.
fn single_spaced(scopes: &str) -> String {
    let scopes: Vec<&str> = scopes.split_ascii_whitespace().collect();
    scopes.join(" ")
}

fn malformed(what: &str, bytes: usize, limit: usize) -> Fault {
    Fault {
        kind: CallError::Malformed,
        detail: format!("{what} has {bytes} bytes, at most {limit} are taken"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_separated_by_single_spaces() {
        let named = |scopes: &str| Named {
            subject: "ann".into(),
            scopes: scopes.into(),
        };
        for (scopes, expected) in [("", ""), ("a b", "a b"), ("  a \n\tb  c ", "a b c")] {
            let identity = identity(named(scopes)).expect("an identity");
            assert_eq!(identity.scopes, expected);
        }
    }
}
