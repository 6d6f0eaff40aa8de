//! The import `store`, as it works on the I/O engine. A plugin reaches the tables that its manifest
//! declares; how much it may ask for at once is the store's to say.

use super::reach::{Reach, refused, shorten};
use crate::plugin::bindings::imports::tidegate::types::errors::Error;
use crate::plugin::bindings::io::imports::tidegate::store::store as wit;
use crate::plugin::imports::HostState;
use crate::store::{Condition, Item, Key, Page, Put, Range, Stopped, Store, StoreError};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl wit::Host for HostState {
    async fn get(
        &mut self,
        table: String,
        key: wit::Key,
        consistent: bool,
    ) -> Answer<Option<wit::Item>> {
        let reach = self.reach_of("store")?;
        let got = async {
            let store = store(reach, &table)?;
            let key = key.into();
            let item = reach.wait(store.get(&table, &key, consistent)).await?;
            Ok(item.map(Into::into))
        };
        Ok(got.await)
    }

    async fn batch_get(
        &mut self,
        table: String,
        keys: Vec<wit::Key>,
        consistent: bool,
    ) -> Answer<Vec<Option<wit::Item>>> {
        let reach = self.reach_of("store")?;
        let got = async {
            let store = store(reach, &table)?;
            let keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
            let getting = store.batch_get(&table, &keys, consistent);
            let items = reach.wait(getting).await?;
            Ok(items.into_iter().map(|item| item.map(Into::into)).collect())
        };
        Ok(got.await)
    }

    async fn put(
        &mut self,
        table: String,
        json: String,
        condition: u8,
        unchanged: String,
    ) -> Answer<String> {
        let reach = self.reach_of("store")?;
        let put = async {
            let store = store(reach, &table)?;
            let condition = asked(condition, unchanged)?;
            reach.act()?;
            reach.wait(store.put(&table, &json, condition)).await
        };
        Ok(put.await)
    }

    async fn put_in_order(
        &mut self,
        writes: Vec<wit::Write>,
    ) -> wasmtime::Result<Result<Vec<String>, wit::Stopped>> {
        let reach = self.reach_of("store")?;
        let put = async {
            let Some(first) = writes.first() else {
                return Ok(Vec::new());
            };
            let store = store(reach, &first.table)?;
            let puts = writes.into_iter().map(|write| put(reach, write));
            let puts = puts.collect::<Result<Vec<_>, _>>()?;
            reach.act()?;
            let putting = async { Ok::<_, Error>(store.put_in_order(puts).await) };
            reach.wait(putting).await?.map_err(wit::Stopped::from)
        };
        Ok(put.await)
    }

    async fn delete(
        &mut self,
        table: String,
        key: wit::Key,
        unchanged: Option<String>,
    ) -> Answer<()> {
        let reach = self.reach_of("store")?;
        let deleted = async {
            let store = store(reach, &table)?;
            let key = key.into();
            reach.act()?;
            let deleting = store.delete(&table, &key, unchanged.as_deref());
            reach.wait(deleting).await
        };
        Ok(deleted.await)
    }

    async fn query(
        &mut self,
        table: String,
        partition: String,
        first: Option<String>,
        last: Option<String>,
        descending: bool,
        limit: u32,
        cursor: Option<String>,
        consistent: bool,
    ) -> Answer<wit::Page> {
        let reach = self.reach_of("store")?;
        let found = async {
            let store = store(reach, &table)?;
            let range = range(first, last, descending, limit, cursor);
            let querying = store.query(&table, &partition, &range, consistent);
            Ok(page(reach.wait(querying).await?))
        };
        Ok(found.await)
    }

    async fn query_index(
        &mut self,
        table: String,
        index: String,
        partition: String,
        first: Option<String>,
        last: Option<String>,
        descending: bool,
        limit: u32,
        cursor: Option<String>,
    ) -> Answer<wit::Page> {
        let reach = self.reach_of("store")?;
        let found = async {
            let store = store(reach, &table)?;
            let range = range(first, last, descending, limit, cursor);
            let querying = store.query_index(&table, &index, &partition, &range);
            Ok(page(reach.wait(querying).await?))
        };
        Ok(found.await)
    }
}

/// The store, if the plugin has declared this table.
fn store<'a>(reach: &'a Reach, table: &str) -> Result<&'a Store, Error> {
    let granted = &reach.granted;
    let declared = granted.tables.iter().any(|name| name == table);
    match &granted.outside.store {
        Some(store) if declared => Ok(store),
        _ => {
            let table = shorten(table);
            let message = format!("the manifest declares no table {table:?}");
            Err(refused("unknown-table", message))
        }
    }
}

fn put(reach: &Reach, write: wit::Write) -> Result<Put, Error> {
    store(reach, &write.table)?;
    Ok(Put {
        condition: asked(write.condition, write.unchanged)?,
        table: write.table,
        json: write.json,
    })
}

fn asked(condition: u8, unchanged: String) -> Result<Condition, Error> {
    match condition {
        0 => Ok(Condition::Always),
        1 => Ok(Condition::IfAbsent),
        2 => Ok(Condition::IfUnchanged(unchanged)),
        other => {
            let unknown = format!("there is no condition {other}");
            Err(refused("bad-condition", unknown))
        }
    }
}

fn range(
    first: Option<String>,
    last: Option<String>,
    descending: bool,
    limit: u32,
    cursor: Option<String>,
) -> Range {
    Range {
        first,
        last,
        descending,
        limit,
        cursor,
    }
}

fn page(page: Page) -> wit::Page {
    wit::Page {
        items: page.items.into_iter().map(Into::into).collect(),
        cursor: page.cursor,
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self {
            code: error.code().into(),
            message: error.to_string(),
            retryable: error.retryable(),
        }
    }
}

impl From<Stopped> for wit::Stopped {
    fn from(stopped: Stopped) -> Self {
        Self {
            written: stopped.written,
            error: stopped.error.into(),
        }
    }
}

/// Nothing was begun, or nobody knows what was done.
impl From<Error> for wit::Stopped {
    fn from(error: Error) -> Self {
        Self {
            written: Vec::new(),
            error,
        }
    }
}

impl From<wit::Key> for Key {
    fn from(key: wit::Key) -> Self {
        Self {
            partition: key.partition,
            sort: key.sort,
        }
    }
}

impl From<Item> for wit::Item {
    fn from(item: Item) -> Self {
        Self {
            json: item.json,
            version: item.version,
        }
    }
}
