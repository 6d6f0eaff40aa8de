//! Sessions of a single node, in one file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError,
    TableDefinition, WriteTransaction,
};

use super::{SessionError, SessionStartError, Stored, date, millis};
use crate::private_file;

/// Id to the end of its life (ms since 1970) and its document.
const SESSIONS: TableDefinition<'_, &str, (i64, &str)> = TableDefinition::new("sessions");
/// The same ends in their order, so that ended sessions are found without a scan.
const ENDS: TableDefinition<'_, (i64, &str), ()> = TableDefinition::new("ends");

/// redb's own default is 1 GiB; session documents are small and read once per token.
const CACHE_BYTES: usize = 8 << 20;
/// Ended sessions taken out per new one: more than one, so that the file shrinks again, and few,
/// so that no visitor waits for others' leavings.
const SWEPT_PER_SAVE: usize = 64;

pub(super) struct Embedded(Database);

impl Embedded {
    pub(super) fn open(path: &Path) -> Result<Self, SessionStartError> {
        let error = |reason: String| SessionStartError::Embedded {
            path: path.display().to_string(),
            reason,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| error(e.to_string()))?;
        }
        let database = database(path).map_err(|e| error(e.to_string()))?;
        let store = Self(database);
        store.make_tables().map_err(|e| error(e.to_string()))?;
        Ok(store)
    }

    fn make_tables(&self) -> Result<(), redb::Error> {
        let write = self.0.begin_write()?;
        write.open_table(SESSIONS)?;
        write.open_table(ENDS)?;
        write.commit()?;
        Ok(())
    }

    pub(super) async fn load(self: Arc<Self>, id: String) -> Result<Stored, SessionError> {
        let found = self.blocking(move |db| {
            let sessions = db.begin_read()?.open_table(SESSIONS)?;
            let found = sessions.get(id.as_str())?;
            Ok(found.map(|entry| {
                let (end, json) = entry.value();
                (end, json.to_owned())
            }))
        });
        let (end, json) = found.await?.ok_or(SessionError::Unknown)?;
        match u64::try_from(end.saturating_sub(date::unix_millis())) {
            Ok(left) if left > 0 => Ok(Stored {
                json,
                left: Some(Duration::from_millis(left)),
            }),
            _ => Err(SessionError::Expired),
        }
    }

    pub(super) async fn save(
        self: Arc<Self>,
        id: String,
        json: String,
        ttl: Duration,
    ) -> Result<(), SessionError> {
        let now = date::unix_millis();
        let end = now.saturating_add(millis(ttl));
        self.blocking(move |db| {
            let write = db.begin_write()?;
            sweep(&write, now)?;
            take(&write, &id)?;
            put(&write, &id, end, &json)?;
            write.commit()?;
            Ok(())
        })
        .await
    }

    /// A session that is gone meanwhile stays gone.
    pub(super) async fn renew(
        self: Arc<Self>,
        id: String,
        ttl: Duration,
    ) -> Result<(), SessionError> {
        let end = date::unix_millis().saturating_add(millis(ttl));
        self.blocking(move |db| {
            let write = db.begin_write()?;
            if let Some(json) = take(&write, &id)? {
                put(&write, &id, end, &json)?;
            }
            write.commit()?;
            Ok(())
        })
        .await
    }

    pub(super) async fn remove(self: Arc<Self>, id: String) -> Result<(), SessionError> {
        self.blocking(move |db| {
            let write = db.begin_write()?;
            take(&write, &id)?;
            write.commit()?;
            Ok(())
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, SessionError> {
        let result = tokio::task::spawn_blocking(move || work(&self.0)).await;
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(%error, "the session store failed");
                Err(SessionError::Unavailable)
            }
            Err(_) => Err(SessionError::Unavailable),
        }
    }
}

fn database(path: &Path) -> Result<Database, DatabaseError> {
    let file = private_file::open(path).map_err(StorageError::Io)?;
    Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(FileBackend::new(file)?)
}

fn put(write: &WriteTransaction, id: &str, end: i64, json: &str) -> Result<(), redb::Error> {
    write.open_table(SESSIONS)?.insert(id, (end, json))?;
    write.open_table(ENDS)?.insert((end, id), ())?;
    Ok(())
}

fn take(write: &WriteTransaction, id: &str) -> Result<Option<String>, redb::Error> {
    let mut sessions = write.open_table(SESSIONS)?;
    let taken = sessions.remove(id)?.map(|entry| {
        let (end, json) = entry.value();
        (end, json.to_owned())
    });
    let Some((end, json)) = taken else {
        return Ok(None);
    };
    write.open_table(ENDS)?.remove((end, id))?;
    Ok(Some(json))
}

fn sweep(write: &WriteTransaction, now: i64) -> Result<(), redb::Error> {
    let mut ended = Vec::new();
    for entry in write
        .open_table(ENDS)?
        .range(..(now, ""))?
        .take(SWEPT_PER_SAVE)
    {
        ended.push(entry?.0.value().1.to_owned());
    }
    for id in ended {
        take(write, &id)?;
    }
    Ok(())
}

#[cfg(test)]
impl Embedded {
    pub(super) fn len(&self) -> u64 {
        use redb::ReadableTableMetadata;
        let read = self.0.begin_read().expect("begins a read");
        let sessions = read.open_table(SESSIONS).expect("opens sessions").len();
        let ends = read.open_table(ENDS).expect("opens ends").len();
        assert_eq!(
            sessions.as_ref().expect("counts"),
            ends.as_ref().expect("counts")
        );
        sessions.expect("counts")
    }
}
