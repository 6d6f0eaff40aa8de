//! From records to what becomes of them: asks the mapper and checks what it answers.

use serde_json::value::RawValue;

use crate::plugin::{CallError, Mapped, Outcome, Record, SourcePlugins};
use crate::publication::Draft;
use crate::topic::Topic;

/// What becomes of one record.
#[derive(Debug)]
pub(super) enum Fate {
    /// In this order; may be none.
    Publish(Vec<Draft>),
    Skip(String),
    Fail(Failure),
}

/// Why a record has no publications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub code: String,
    pub message: String,
    /// The same record may succeed later.
    pub retryable: bool,
}

/// Asks the mapper `plugin` for the fates of `records`, one each, in order. `name` makes the ids:
/// publication `i` of record `r` is `name(r)/i`, the same however often the record is read.
///
/// # Errors
/// The call failed as a whole.
pub(super) fn map(
    plugins: &mut SourcePlugins,
    plugin: &str,
    records: &[Record<'_>],
    name: impl Fn(&Record<'_>) -> String,
    publication_bytes: usize,
) -> Result<Vec<Fate>, CallError> {
    let outcomes = plugins.map(plugin, records)?;
    if outcomes.len() != records.len() {
        return Err(CallError::Malformed);
    }
    let may_publish = |topic: &str| plugins.may_publish(plugin, topic);
    let check = Check {
        may_publish: &may_publish,
        publication_bytes,
    };
    let fates = records.iter().zip(outcomes).map(|(record, outcome)| {
        let name = name(record);
        check.fate(outcome, &name, record.timestamp_ms)
    });
    Ok(fates.collect())
}

/// What a mapper's publications must be.
struct Check<'a> {
    may_publish: &'a dyn Fn(&str) -> bool,
    publication_bytes: usize,
}

impl Check<'_> {
    fn fate(&self, outcome: Outcome, name: &str, ts: Option<u64>) -> Fate {
        match outcome {
            Outcome::Skip { reason } => Fate::Skip(reason),
            Outcome::Fail {
                code,
                message,
                retryable,
            } => Fate::Fail(Failure {
                code,
                message,
                retryable,
            }),
            Outcome::Publish(mapped) => {
                let drafts = mapped.into_iter().enumerate().map(|(index, mapped)| {
                    let id = format!("{name}/{index}");
                    self.draft(mapped, id, ts)
                });
                match drafts.collect() {
                    Ok(drafts) => Fate::Publish(drafts),
                    Err(failure) => Fate::Fail(failure),
                }
            }
        }
    }

    fn draft(&self, mapped: Mapped, id: String, ts: Option<u64>) -> Result<Draft, Failure> {
        let Mapped {
            topic,
            event,
            payload,
        } = mapped;
        let failure = |code: &str, message: String| Failure {
            code: code.to_owned(),
            message,
            retryable: false,
        };
        let parsed = Topic::parse(&topic).map_err(|error| {
            failure(
                "bad-topic",
                format!("the mapper's topic {topic:?}: {error}"),
            )
        })?;
        if !(self.may_publish)(&topic) {
            let message = format!("the mapper has no grant to publish on {topic}");
            return Err(failure("not-granted", message));
        }
        if payload.len() > self.publication_bytes {
            let message = format!(
                "the payload for {topic} has {} bytes, more than {}",
                payload.len(),
                self.publication_bytes
            );
            return Err(failure("too-large", message));
        }
        let json: Box<RawValue> = RawValue::from_string(payload).map_err(|error| {
            failure(
                "bad-payload",
                format!("the payload for {topic} is no JSON: {error}"),
            )
        })?;
        Ok(Draft {
            topic: parsed,
            event: event.map(Into::into),
            id: id.into(),
            ts,
            origin: None,
            payload: json.into(),
        })
    }
}

/// What a failed call is called where records are counted and dead-lettered.
pub(super) fn failure_of(error: CallError) -> Failure {
    let code = match error {
        CallError::Trapped => "mapper-trapped",
        CallError::TimedOut => "mapper-timed-out",
        CallError::Malformed => "mapper-malformed",
        CallError::Tripped | CallError::Restarting | CallError::Busy | CallError::NotConfigured => {
            "mapper-unavailable"
        }
    };
    Failure {
        code: code.to_owned(),
        message: error.to_string(),
        retryable: true,
    }
}

/// Whether the call failed because of what the mapper is going through, not because of its input.
pub(super) fn is_passing(error: CallError) -> bool {
    matches!(
        error,
        CallError::Tripped | CallError::Restarting | CallError::Busy | CallError::NotConfigured
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(outcome: Outcome) -> Fate {
        let check = Check {
            may_publish: &|topic| topic.starts_with("user:"),
            publication_bytes: 20,
        };
        check.fate(outcome, "t/0/7", Some(5))
    }

    fn publish(topic: &str, payload: &str) -> Outcome {
        Outcome::Publish(vec![Mapped {
            topic: topic.to_owned(),
            event: Some("notification".to_owned()),
            payload: payload.to_owned(),
        }])
    }

    #[test]
    fn ids_name_the_record_and_the_place_in_it() {
        let two = Outcome::Publish(
            ["1", "2"]
                .map(|payload| Mapped {
                    topic: "user:a".to_owned(),
                    event: None,
                    payload: payload.to_owned(),
                })
                .into(),
        );
        let Fate::Publish(drafts) = fate(two) else {
            panic!("published");
        };
        let ids: Vec<_> = drafts.iter().map(|draft| &*draft.id).collect();
        assert_eq!(ids, ["t/0/7/0", "t/0/7/1"]);
        assert_eq!(
            (drafts[1].ts, drafts[1].payload.as_bytes()),
            (Some(5), &b"2"[..])
        );
    }

    #[test]
    fn what_the_mapper_may_not_publish_fails_for_good_and_says_why() {
        for (topic, payload, code, why) in [
            ("user::a", "1", "bad-topic", "empty segment"),
            ("channel:update", "1", "not-granted", "channel:update"),
            ("user:a", "{nonsense", "bad-payload", "no JSON"),
            ("user:a", "", "bad-payload", "no JSON"),
            ("user:a", "1 2", "bad-payload", "no JSON"),
            (
                "user:a",
                "\"123456789012345678901\"",
                "too-large",
                "more than 20",
            ),
        ] {
            let Fate::Fail(failure) = fate(publish(topic, payload)) else {
                panic!("{topic} {payload} was taken");
            };
            assert_eq!((failure.code.as_str(), failure.retryable), (code, false));
            assert!(failure.message.contains(why), "{}", failure.message);
        }
        assert!(matches!(fate(publish("user:a", " {} ")), Fate::Publish(_)));
    }
}
