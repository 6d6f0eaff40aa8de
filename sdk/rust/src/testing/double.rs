//! The functions of `wit/`'s imports, with the signatures of the generated ones.

pub(crate) mod sessions;
pub(crate) mod store;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::calls::{Cookie, Current};
use super::fault::Watch;
use super::tables::Tables;
use super::{LogLine, Published};
use crate::Error;
use crate::http::{Request, Response};

/// 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

type Fetch = Box<dyn FnMut(&Request) -> Result<Response, Error>>;

#[derive(Default)]
pub(super) struct Double {
    pub(super) elapsed: Duration,
    pub(super) settings: Value,
    pub(super) fetch: Option<Fetch>,
    pub(super) watch: Option<Watch>,
    pub(super) tables: Tables,
    pub(super) sessions: BTreeMap<String, Value>,
    pub(super) sessions_made: u64,
    pub(super) http_methods: Vec<String>,
    /// The one that is being answered.
    pub(super) call: Option<Current>,
    pub(super) cookie: Option<Cookie>,
    pub(super) logs: Vec<LogLine>,
    pub(super) published: Vec<Published>,
    random: u64,
}

impl Double {
    /// Since 1970-01-01T00:00:00Z.
    pub(super) fn now(&self) -> Duration {
        START + self.elapsed
    }
}

thread_local! {
    static DOUBLE: RefCell<Double> = RefCell::default();
}

pub(super) fn reset() {
    change(|double| *double = Double::default());
}

pub(super) fn change<R>(change: impl FnOnce(&mut Double) -> R) -> R {
    DOUBLE.with_borrow_mut(change)
}

pub(crate) mod clock {
    use super::change;

    pub(crate) fn now_ms() -> u64 {
        let now = change(|double| double.now());
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn monotonic_ns() -> u64 {
        let elapsed = change(|double| double.elapsed);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}

pub(crate) mod random {
    use super::change;

    /// SplitMix64: no secret, but the same in every run.
    pub(crate) fn u64() -> u64 {
        let state = change(|double| {
            double.random = double.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
            double.random
        });
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn bytes(length: u32) -> Vec<u8> {
        assert!(length <= 4096, "the host traps on more than 4096 bytes");
        std::iter::repeat_with(|| u64().to_le_bytes())
            .flatten()
            .take(length as usize)
            .collect()
    }
}

pub(crate) mod log {
    use super::{LogLine, change};
    use crate::log::Level;

    pub(crate) fn log(level: u8, message: &str) {
        let level = match level {
            0 => Level::Error,
            1 => Level::Warn,
            2 => Level::Info,
            3 => Level::Debug,
            _ => Level::Trace,
        };
        change(|double| {
            double.logs.push(LogLine {
                level,
                message: message.to_owned(),
            });
        });
    }
}

pub(crate) mod settings {
    use super::change;

    pub(crate) fn get(name: &str) -> Option<String> {
        change(|double| double.settings.get(name).map(ToString::to_string))
    }
}

pub(crate) mod publisher {
    use super::{Published, change};
    use crate::testing::fault::watched;
    use crate::{Error, check_topic};

    pub(crate) fn publish(topic: &str, event: Option<&str>, payload: &str) -> Result<(), Error> {
        check_topic(topic).map_err(|cause| Error::new("bad-topic", cause.to_string()))?;
        let payload = serde_json::from_str(payload)
            .map_err(|cause| Error::new("bad-payload", cause.to_string()))?;
        let published = Published {
            topic: topic.to_owned(),
            event: event.map(ToOwned::to_owned),
            payload,
        };
        watched("publisher.publish", topic, || {
            change(|double| double.published.push(published));
            Ok(())
        })
    }
}

pub(crate) mod http {
    use std::time::Duration;

    use super::change;
    use crate::Error;
    use crate::http::Request;

    pub(crate) struct Header {
        pub(crate) name: String,
        pub(crate) value: String,
    }

    pub(crate) struct Response {
        pub(crate) status: u16,
        pub(crate) headers: Vec<Header>,
        pub(crate) body: Vec<u8>,
    }

    pub(crate) fn fetch(
        method: &str,
        url: &str,
        headers: &[Header],
        body: &[u8],
        timeout_ms: u32,
    ) -> Result<Response, Error> {
        let request = Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers
                .iter()
                .map(|header| (header.name.clone(), header.value.clone()))
                .collect(),
            body: body.to_owned(),
            timeout: Duration::from_millis(timeout_ms.into()),
        };
        // Taken out meanwhile, so that the answer may use the double itself.
        let Some(mut answer) = change(|double| double.fetch.take()) else {
            return Err(Error::new("unreachable", format!("nothing answers {url}")).retryable());
        };
        let answered = answer(&request);
        change(|double| {
            double.fetch.get_or_insert(answer);
        });
        let response = answered?;
        Ok(Response {
            status: response.status,
            headers: response
                .headers
                .into_iter()
                .map(|(name, value)| Header { name, value })
                .collect(),
            body: response.body,
        })
    }
}
