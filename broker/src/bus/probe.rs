//! Whether the bus hears what it publishes. Pure: time comes in as a value.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Probes that may be on their way; older ones are long lost.
const ON_THE_WAY: usize = 64;

/// What a heard probe means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub round_trip: Duration,
    /// The bus was lost and is back: publications in between may not have been heard.
    pub recovered: bool,
}

#[derive(Debug)]
pub struct Probe {
    timeout: Duration,
    state: State,
    next: u64,
    on_the_way: VecDeque<(u64, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing heard since the subscription was made.
    Waiting,
    Live,
    Lost,
}

impl Probe {
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            state: State::Waiting,
            next: 0,
            on_the_way: VecDeque::new(),
        }
    }

    pub fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// The number of the next probe, which the caller publishes now.
    pub fn send(&mut self, now: Instant) -> u64 {
        self.next += 1;
        if self.on_the_way.len() == ON_THE_WAY {
            self.on_the_way.pop_back();
        }
        self.on_the_way.push_back((self.next, now));
        self.next
    }

    /// The subscription was cut or made again: whoever makes it tells of the gap.
    pub fn restart(&mut self) {
        self.state = State::Waiting;
        self.on_the_way.clear();
    }

    /// A probe came back. One that took longer than the timeout proves nothing: `None`.
    pub fn heard(&mut self, number: u64, now: Instant) -> Option<Heard> {
        let at = self
            .on_the_way
            .iter()
            .position(|(sent, _)| *sent == number)?;
        let (_, sent) = self.on_the_way[at];
        self.on_the_way.drain(..=at);
        let round_trip = now.saturating_duration_since(sent);
        if round_trip > self.timeout {
            return None;
        }
        let recovered = self.state == State::Lost;
        self.state = State::Live;
        Some(Heard {
            round_trip,
            recovered,
        })
    }

    /// When the oldest probe on its way counts as lost.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Lost => None,
            State::Waiting | State::Live => self
                .on_the_way
                .front()
                .map(|(_, sent)| *sent + self.timeout),
        }
    }

    /// The deadline has passed.
    pub fn expire(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.state = State::Lost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(5);

    #[test]
    fn the_first_probe_heard_makes_it_live_without_a_gap() {
        let start = Instant::now();
        let mut probe = Probe::new(TIMEOUT);
        let number = probe.send(start);
        assert!(!probe.is_live());
        let heard = probe.heard(number, start + Duration::from_millis(3));
        assert_eq!(
            heard,
            Some(Heard {
                round_trip: Duration::from_millis(3),
                recovered: false
            })
        );
        assert!(probe.is_live());
    }

    #[test]
    fn an_unheard_probe_loses_the_bus_and_the_next_heard_recovers_it() {
        let start = Instant::now();
        let mut probe = Probe::new(TIMEOUT);
        let number = probe.send(start);
        probe.heard(number, start);
        let late = probe.send(start);
        assert_eq!(probe.deadline(), Some(start + TIMEOUT));
        probe.expire(start + TIMEOUT);
        assert!(!probe.is_live());

        assert_eq!(
            probe.heard(late, start + 2 * TIMEOUT),
            None,
            "too late to prove anything"
        );
        let number = probe.send(start + 2 * TIMEOUT);
        let heard = probe.heard(number, start + 2 * TIMEOUT).expect("heard");
        assert!(heard.recovered && probe.is_live());
    }

    #[test]
    fn after_a_restart_old_probes_prove_nothing() {
        let start = Instant::now();
        let mut probe = Probe::new(TIMEOUT);
        let old = probe.send(start);
        probe.restart();
        assert_eq!(probe.heard(old, start), None);
        assert!(!probe.is_live());
        let number = probe.send(start);
        assert!(!probe.heard(number, start).expect("heard").recovered);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_keeps_its_deadline() {
        let start = Instant::now();
        let mut probe = Probe::new(TIMEOUT);
        for _ in 0..1_000 {
            probe.send(start + Duration::from_secs(1));
        }
        assert_eq!(probe.on_the_way.len(), ON_THE_WAY);
        assert_eq!(probe.heard(17_000, start), None);
    }
}
