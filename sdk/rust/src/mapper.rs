use crate::{Error, Plugin};

/// Turns records of a source (Kafka, `POST /ingest/TOPIC`) into publications. Called off the
/// workers, with a batch at a time; no I/O.
pub trait Mapper: Plugin {
    /// Called for each record of a batch, in order. A retryable error has the record tried again
    /// (as often as `retries` in [`export!`](crate::export!) says), then it goes to the
    /// dead-letter topic, like one with any other error. A panic fails the whole batch.
    ///
    /// The topics of publications must be granted (`publisher` in the broker's settings).
    fn map(&mut self, record: &Record<'_>) -> Result<Outcome, Error>;
}

/// A record as the source has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// The source's topic, not one that clients listen to.
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// Since 1970-01-01T00:00:00Z.
    pub timestamp_ms: Option<u64>,
    pub key: Option<&'a [u8]>,
    pub headers: &'a [Header],
    /// None is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// The value of the last header of this name: what is added later in a record's life stands
    /// behind what it replaces.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let of_this_name = |header: &&'a Header| header.name == name;
        let header = self.headers.iter().rev().find(of_this_name)?;
        Some(&header.value)
    }
}

/// Names are as the producer wrote them, and may repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: Vec<u8>,
}

/// What becomes of a [`Record`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Publish(Vec<Publication>),
    Skip(String),
}

impl Outcome {
    /// Publishes these, in this order.
    pub fn publish(publications: Vec<Publication>) -> Self {
        Self(Kind::Publish(publications))
    }

    /// Nothing comes of it; the reason is for the operator.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self(Kind::Skip(reason.into()))
    }

    /// Empty if it was skipped.
    pub fn publications(&self) -> &[Publication] {
        match &self.0 {
            Kind::Publish(publications) => publications,
            Kind::Skip(_) => &[],
        }
    }

    /// Why it was skipped, if it was.
    pub fn skipped(&self) -> Option<&str> {
        match &self.0 {
            Kind::Publish(_) => None,
            Kind::Skip(reason) => Some(reason),
        }
    }
}

/// Something for the listeners of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    pub topic: String,
    pub event: Option<String>,
    /// JSON text, handed on byte for byte.
    pub payload: String,
}

impl Publication {
    /// `payload` is JSON text. Topic and payload are checked by the broker: a record with one
    /// that is wrong or not granted goes to the dead-letter topic.
    pub fn new(topic: impl Into<String>, payload: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            event: None,
            payload: payload.into(),
        }
    }

    /// Its event's name, for Socket.IO.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }
}

#[cfg(target_arch = "wasm32")]
pub fn answer<P: Mapper>(
    plugin: &mut P,
    records: Vec<crate::bindings::mapper::SourceRecord>,
) -> Vec<crate::bindings::mapper::Outcome> {
    records
        .into_iter()
        .map(|record| {
            let headers: Vec<Header> = record
                .headers
                .into_iter()
                .map(|header| Header {
                    name: header.name,
                    value: header.value,
                })
                .collect();
            let outcome = plugin.map(&Record {
                topic: &record.topic,
                partition: record.partition,
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                key: record.key.as_deref(),
                headers: &headers,
                value: record.value.as_deref(),
            });
            wire::outcome(outcome)
        })
        .collect()
}

#[cfg(target_arch = "wasm32")]
mod wire {
    use super::{Error, Kind, Outcome, Publication};
    use crate::bindings::mapper as wit;

    const PUBLISH: u8 = 0;
    const SKIP: u8 = 1;
    const FAIL: u8 = 2;

    pub(super) fn outcome(outcome: Result<Outcome, Error>) -> wit::Outcome {
        let mut told = wit::Outcome {
            kind: PUBLISH,
            publications: Vec::new(),
            code: String::new(),
            message: String::new(),
            retryable: false,
        };
        match outcome {
            Ok(Outcome(Kind::Publish(publications))) => {
                told.publications = publications.into_iter().map(publication).collect();
            }
            Ok(Outcome(Kind::Skip(reason))) => {
                told.kind = SKIP;
                told.message = reason;
            }
            Err(error) => {
                told.kind = FAIL;
                told.code = error.code;
                told.message = error.message;
                told.retryable = error.retryable;
            }
        }
        told
    }

    fn publication(publication: Publication) -> wit::Publication {
        let Publication {
            topic,
            event,
            payload,
        } = publication;
        wit::Publication {
            topic,
            event,
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_header_of_a_name_counts() {
        let header = |name: &str, value: &str| Header {
            name: name.into(),
            value: value.into(),
        };
        let headers = [header("v", "1"), header("V", "x"), header("v", "2")];
        let record = Record {
            headers: &headers,
            ..Record::default()
        };
        assert_eq!(record.header("v"), Some(&b"2"[..]));
        assert_eq!(record.header("w"), None);
    }

    #[test]
    fn an_outcome_tells_what_it_is() {
        let publication = Publication::new("user:ann:notification", "{}").event("notification");
        let outcome = Outcome::publish(vec![publication.clone()]);
        assert_eq!(outcome.publications(), [publication]);
        assert_eq!(outcome.skipped(), None);
        let outcome = Outcome::skip("tombstone");
        assert!(outcome.publications().is_empty());
        assert_eq!(outcome.skipped(), Some("tombstone"));
    }
}
