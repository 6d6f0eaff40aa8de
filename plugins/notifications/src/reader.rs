//! A record becomes publications.

use serde_json::value::RawValue;
use tidegate_plugin::{Error, Outcome, Publication, Record};

use crate::pointer::Found;
use crate::recipients::recipients;
use crate::settings::RecordSettings;
use crate::source::{EventName, Source};

/// What one record may grow to: the payload once for each of its users. An instance has 64 MiB,
/// and several records are mapped in one call.
const PUBLICATIONS_BYTES_MAX: usize = 4 << 20;

pub(crate) struct Reader {
    settings: RecordSettings,
}

impl Reader {
    pub(crate) fn new(settings: RecordSettings) -> Self {
        Self { settings }
    }

    /// No error is retryable: the same record would fail in the same way again.
    pub(crate) fn read(&self, record: &Record<'_>) -> Result<Outcome, Error> {
        let Some(bytes) = record.value else {
            return Ok(Outcome::skip("a tombstone"));
        };
        let value: &RawValue = serde_json::from_slice(bytes).map_err(not_json)?;
        if value.get() == "null" {
            return Ok(Outcome::skip("a tombstone: the value is null"));
        }
        let users = recipients(&self.settings.users, record, value)?;
        if users.is_empty() {
            return Ok(Outcome::skip("its list of users is empty"));
        }
        let event = self.event(record, value)?;
        let payload = self.payload(value)?;
        self.check_size(users.len(), payload)?;
        let publications: Result<_, _> = users
            .iter()
            .map(|user| self.publication(user, &event, payload))
            .collect();
        Ok(Outcome::publish(publications?))
    }

    fn publication(
        &self,
        user: &str,
        event: &EventName,
        payload: &str,
    ) -> Result<Publication, Error> {
        let topic = self.settings.topic.of(user).map_err(|cause| {
            let start: String = user.chars().take(32).collect();
            let message = format!("the user id that begins with {start:?} makes no topic: {cause}");
            Error::new("bad-user-id", message)
        })?;
        Ok(Publication::new(topic, payload).event(&event.0))
    }

    fn event(&self, record: &Record<'_>, value: &RawValue) -> Result<EventName, Error> {
        for source in &self.settings.event.0 {
            if let Some(name) = event_at(source, record, value)? {
                let bad = |cause| Error::new("bad-event", format!("{}: {cause}", source.name()));
                return EventName::try_from(name).map_err(bad);
            }
        }
        Ok(self.settings.default_event.clone())
    }

    fn payload<'v>(&self, value: &'v RawValue) -> Result<&'v str, Error> {
        for pointer in &self.settings.payload.0 {
            if let Found::One(payload) = pointer.find(value).map_err(not_json)? {
                return Ok(payload.get());
            }
        }
        let places = self.settings.payload.0.iter();
        let places: Vec<&str> = places.map(|pointer| pointer.as_str()).collect();
        let message = format!(
            "the value has no payload: there is nothing at {}",
            places.join(", ")
        );
        Err(Error::new("no-payload", message))
    }

    fn check_size(&self, users: usize, payload: &str) -> Result<(), Error> {
        let most = self.settings.recipients_max;
        if u32::try_from(users).is_ok_and(|users| users <= most) {
            let bytes = users.saturating_mul(payload.len());
            if bytes <= PUBLICATIONS_BYTES_MAX {
                return Ok(());
            }
            return Err(Error::new(
                "too-large",
                format!(
                    "{} bytes for {users} users each are more than {PUBLICATIONS_BYTES_MAX} bytes",
                    payload.len()
                ),
            ));
        }
        Err(Error::new(
            "too-many-recipients",
            format!("the record is for {users} users, more than records.recipients_max = {most}"),
        ))
    }
}

fn event_at(
    source: &Source,
    record: &Record<'_>,
    value: &RawValue,
) -> Result<Option<String>, Error> {
    let Source::Value(pointer) = source else {
        return Ok(text_at(source, record, "bad-event")?.map(str::to_owned));
    };
    match pointer.find(value).map_err(not_json)? {
        Found::One(found) if found.get() != "null" => match serde_json::from_str(found.get()) {
            Ok(name) => Ok(Some(name)),
            Err(_) => Err(Error::new(
                "bad-event",
                format!("{} is {}, not a name", source.name(), kind(found.get())),
            )),
        },
        _ => Ok(None),
    }
}

/// The key or a header as a text. One that is empty is as if it were not there: some producers
/// cannot leave them out.
pub(crate) fn text_at<'r>(
    source: &Source,
    record: &Record<'r>,
    code: &str,
) -> Result<Option<&'r str>, Error> {
    let bytes = match source {
        Source::Key => record.key,
        Source::Header(name) => header_of(record, name),
        Source::Value(_) => None,
    };
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
        return Ok(None);
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(cause) => Err(Error::new(
            code,
            format!("{} is not UTF-8: {cause}", source.name()),
        )),
    }
}

/// In any case: a record that came by HTTP has its headers' names in lower case.
fn header_of<'r>(record: &Record<'r>, name: &str) -> Option<&'r [u8]> {
    let mut from_last = record.headers.iter().rev();
    let header = from_last.find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(&header.value)
}

pub(crate) fn not_json(cause: serde_json::Error) -> Error {
    Error::new("not-json", format!("the value is not JSON: {cause}"))
}

/// What a piece of JSON is, for messages.
pub(crate) fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
