//! The table of names that are in use: a row is there while somebody is called so.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_plugin::store::{Item, Table, Version, table};
use tidegate_plugin::{Error, clock};

use crate::refusal::unavailable;

const USERS: Table<'_> = table("Users");

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// No person has more than one, but two rows of one session are not worth an error.
const NAMES_MAX: u32 = 10;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Row {
    pub(crate) user_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<String>,
    /// Milliseconds since 1970. None = the row is not ours, and says nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen_at: Option<u64>,
    /// What others keep in the row stays in it.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Row {
    pub(crate) fn new(name: &str, session: &str) -> Self {
        let now = now_ms();
        let mut rest = Map::new();
        rest.insert("CreatedAt".into(), now.into());
        Self {
            user_name: name.into(),
            session_id: Some(session.into()),
            seen_at: Some(now),
            rest,
        }
    }

    pub(crate) fn is_of(&self, session: &str) -> bool {
        self.session_id.as_deref() == Some(session)
    }

    pub(crate) fn is_idle(&self, days: u32) -> bool {
        let idle_ms = u64::from(days) * DAY_MS;
        self.seen_at
            .is_some_and(|seen| now_ms().saturating_sub(seen) >= idle_ms)
    }
}

pub(crate) fn find(name: &str) -> Result<Option<Item<Row>>, Error> {
    USERS.consistent().get(name).map_err(unavailable)
}

/// Whether the session is the one that has the name.
pub(crate) fn has(session: &str, name: &str) -> Result<bool, Error> {
    let found = find(name)?;
    Ok(found.is_some_and(|item| item.value.is_of(session)))
}

/// The names of a session, as far as the index knows them yet.
pub(crate) fn names_of(session: &str) -> Result<Vec<String>, Error> {
    let rows = USERS.index("GSI_SessionLookup").query(session);
    let page = rows.limit(NAMES_MAX).full_page::<Row>();
    let items = page.map_err(unavailable)?.items;
    Ok(items.into_iter().map(|item| item.value.user_name).collect())
}

/// Errors come as the store has them: who asks looks at conflicts.
pub(crate) fn add(row: &Row) -> Result<Version, Error> {
    USERS.put_if_absent(row)
}

pub(crate) fn replace(row: &Row, version: &Version) -> Result<Version, Error> {
    USERS.put_if_unchanged(row, version)
}

pub(crate) fn remove(name: &str, version: &Version) -> Result<(), Error> {
    USERS.delete_if_unchanged(name, version)
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(clock::now().as_millis()).unwrap_or(u64::MAX)
}
