//! Who was here lately, so that a name that is in use is not taken for idle.

use std::collections::BTreeMap;

use tidegate_plugin::{Error, debug};

use crate::refusal::is_conflict;
use crate::users;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Then all are forgotten, which costs a read each.
const NAMES_MAX: usize = 10_000;

/// When the row of a name was looked at by this instance, in milliseconds since 1970.
#[derive(Default)]
pub(crate) struct Seen(BTreeMap<String, u64>);

impl Seen {
    /// A failure costs nobody anything: the next call tries again.
    pub(crate) fn note(&mut self, name: &str) {
        let now = users::now_ms();
        let is_fresh = |at: u64| now.saturating_sub(at) < HOUR_MS;
        if self.0.get(name).is_some_and(|at| is_fresh(*at)) {
            return;
        }
        match refresh(name, now, is_fresh) {
            Ok(()) => {
                if self.0.len() >= NAMES_MAX {
                    self.0.clear();
                }
                self.0.insert(name.into(), now);
            }
            Err(cause) => debug!("that {name:?} was seen is not noted: {cause}"),
        }
    }
}

fn refresh(name: &str, now: u64, is_fresh: impl Fn(u64) -> bool) -> Result<(), Error> {
    let Some(mut item) = users::find(name)? else {
        return Ok(());
    };
    if item.value.seen_at.is_some_and(is_fresh) {
        return Ok(());
    }
    item.value.seen_at = Some(now);
    match users::replace(&item.value, &item.version) {
        // Somebody else has noted it, or the name was given back.
        Err(error) if is_conflict(&error) => Ok(()),
        written => written.map(drop),
    }
}
