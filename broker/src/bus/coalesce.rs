//! Publications that wait for company, so that a turn carries several and each connection is
//! written once for all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::publication::Draft;
use crate::topic::{Pattern, Topic};

/// How long the publications of a topic may wait.
#[derive(Clone, Debug, Default)]
pub struct Coalesce(Arc<[(Pattern, Duration)]>);

impl Coalesce {
    /// The most specific pattern comes first; one that waits not at all may stand before one that
    /// does.
    pub fn new(rules: impl IntoIterator<Item = (Pattern, Duration)>) -> Self {
        let rules: Arc<[_]> = rules.into_iter().collect();
        let any = rules.iter().any(|(_, wait)| !wait.is_zero());
        if any { Self(rules) } else { Self::default() }
    }

    /// Zero = not at all.
    pub fn wait(&self, topic: &Topic) -> Duration {
        let rule = self
            .0
            .iter()
            .find(|(pattern, _)| pattern.covers(topic.as_str()));
        rule.map_or(Duration::ZERO, |(_, wait)| *wait)
    }

    /// Whether no topic waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What one topic holds back goes out early when it is so much: beyond it a longer write is no
/// cheaper.
pub const RUN: usize = 256;
const RUN_BYTES: usize = 256 << 10;

/// Drafts that wait, by topic. Topics come from clients, so the map's hash is keyed.
#[derive(Debug, Default)]
pub struct Waiting {
    runs: HashMap<Topic, Run>,
    /// When the first of the runs is due.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Run {
    due: Instant,
    drafts: Vec<Draft>,
    bytes: usize,
}

impl Waiting {
    /// Holds a draft back until `due`, or until the topic's first one is.
    pub fn push(&mut self, draft: Draft, due: Instant) {
        let topic = draft.topic.clone();
        let run = self.runs.entry(topic).or_insert_with(|| Run {
            due,
            drafts: Vec::new(),
            bytes: 0,
        });
        run.bytes += super::draft_bytes(&draft);
        run.drafts.push(draft);
        if run.drafts.len() >= RUN || run.bytes >= RUN_BYTES {
            run.due = Instant::now();
        }
        let first = self.due.map_or(run.due, |first| first.min(run.due));
        self.due = Some(first);
    }

    /// When the next of them must go out.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Moves what is due into `batch`, each topic's in their order and together.
    pub fn take_due(&mut self, now: Instant, batch: &mut Vec<Draft>) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        for (_, run) in self.runs.extract_if(|_, run| run.due <= now) {
            batch.extend(run.drafts);
        }
        self.due = self.runs.values().map(|run| run.due).min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[(&str, u64)]) -> Coalesce {
        let rule = |(pattern, ms): &(&str, u64)| {
            let pattern = Pattern::parse(pattern).expect("a pattern");
            (pattern, Duration::from_millis(*ms))
        };
        Coalesce::new(rules.iter().map(rule))
    }

    fn draft(topic: &str, id: u32) -> Draft {
        let mut draft = crate::bus::tests::draft(topic, "1");
        draft.id = id.to_string().into();
        draft
    }

    fn ids(batch: &[Draft]) -> Vec<&str> {
        batch.iter().map(|draft| &*draft.id).collect()
    }

    #[test]
    fn the_first_rule_that_covers_a_topic_says_how_long_it_waits() {
        let rules = rules(&[("a:now", 0), ("a:*", 10)]);
        let wait = |topic| rules.wait(&Topic::parse(topic).expect("a topic"));
        assert_eq!(wait("a:now"), Duration::ZERO);
        assert_eq!(wait("a:later"), Duration::from_millis(10));
        assert_eq!(wait("b"), Duration::ZERO);
    }

    #[test]
    fn without_a_wait_there_are_no_rules() {
        assert!(rules(&[("a:*", 0)]).is_empty());
    }

    #[test]
    fn a_topic_goes_out_when_its_first_is_due_in_its_own_order() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut waiting = Waiting::default();
        waiting.push(draft("a", 1), at(10));
        waiting.push(draft("b", 2), at(5));
        waiting.push(draft("a", 3), at(12));
        assert_eq!(waiting.due(), Some(at(5)));
        let mut batch = Vec::new();
        waiting.take_due(at(5), &mut batch);
        assert_eq!(ids(&batch), ["2"]);
        waiting.take_due(at(10), &mut batch);
        assert_eq!(ids(&batch), ["2", "1", "3"]);
        assert_eq!(waiting.due(), None);
    }

    #[test]
    fn what_waits_is_bounded() {
        let later = Instant::now() + Duration::from_secs(10);
        let mut waiting = Waiting::default();
        for id in 0..RUN as u32 {
            assert_eq!(waiting.due().unwrap_or(later), later);
            waiting.push(draft("a", id), later);
        }
        assert!(waiting.due().is_some_and(|due| due <= Instant::now()));
    }
}
