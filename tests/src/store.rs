//! A store of each backend, for tests that ask it as the plugin host does.

use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tidegate::store::{
    Condition, Index, Key, Page, Range, Store, StoreConfig, StoreStartError, Table,
};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::dynamodb::Dynamodb;

/// A store and what it lives in.
pub struct Bed {
    pub store: Store,
    _folder: Option<TempDir>,
    _server: Option<Arc<Dynamodb>>,
}

impl Bed {
    pub async fn embedded() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(StoreConfig::embedded(folder.path())).await;
        Self {
            store: store.expect("the store opens"),
            _folder: Some(folder),
            _server: None,
        }
    }

    pub async fn dynalite() -> Self {
        Self::on(Dynamodb::dynalite().await).await
    }

    pub async fn moto() -> Self {
        Self::on(Dynamodb::moto().await).await
    }

    async fn on(server: Arc<Dynamodb>) -> Self {
        let store = open(StoreConfig::dynamodb(server.config())).await;
        Self {
            store: store.expect("the store opens"),
            _folder: None,
            _server: Some(server),
        }
    }

    /// As an operator makes tables and a plugin declares them.
    pub async fn declare(&self, table: &Table) {
        let tables = std::slice::from_ref(table);
        let made = self.store.create_tables(tables, false).await;
        made.expect("the tables are made");
        let declared = self.store.declare("test", tables).await;
        declared.expect("the tables are taken");
    }

    /// Puts over whatever is there. Answers the version.
    pub async fn put(&self, table: &str, item: &Value) -> String {
        let item = item.to_string();
        let put = self.store.put(table, &item, Condition::Always).await;
        put.expect("the item is put")
    }

    /// All pages of a partition, by an index or without one.
    pub async fn pages(&self, index: Option<&str>, partition: &str, range: Range) -> Vec<Page> {
        let mut range = range;
        let mut pages = Vec::new();
        loop {
            let store = &self.store;
            let page = match index {
                None => store.query("Messages", partition, &range, true).await,
                Some(index) => {
                    let page = store.query_index("Messages", index, partition, &range);
                    page.await
                }
            };
            let page = page.expect("a page");
            range.cursor = page.cursor.clone();
            pages.push(page);
            if range.cursor.is_none() {
                return pages;
            }
        }
    }
}

/// Opening blocks.
pub async fn open(config: StoreConfig) -> Result<Store, StoreStartError> {
    let io = Handle::current();
    let opened = spawn_blocking(move || Store::open(&config, &io));
    opened.await.expect("opening does not panic")
}

/// As the chat has them, and an index by two keys.
pub fn messages() -> Table {
    Table {
        name: "Messages".into(),
        partition: "PartitionKey".into(),
        sort: Some("CreatedAt".into()),
        indexes: vec![Index {
            name: "by-user".into(),
            partition: "UserName".into(),
            sort: Some("SeenAt".into()),
        }],
        expires: Some("ExpiresAt".into()),
    }
}

pub fn users() -> Table {
    Table {
        name: "Users".into(),
        partition: "UserName".into(),
        sort: None,
        indexes: vec![Index {
            name: "GSI_SessionLookup".into(),
            partition: "SessionId".into(),
            sort: None,
        }],
        expires: None,
    }
}

pub fn key(partition: &str, sort: Option<&str>) -> Key {
    Key {
        partition: partition.into(),
        sort: sort.map(str::to_owned),
    }
}

/// All of a partition, ascending.
pub fn all(limit: u32) -> Range {
    Range {
        first: None,
        last: None,
        descending: false,
        limit,
        cursor: None,
    }
}

/// A member of each item, in their order.
pub fn members(pages: &[Page], name: &str) -> Vec<String> {
    let items = pages.iter().flat_map(|page| &page.items);
    let members = items.map(|item| {
        let item: Value = serde_json::from_str(&item.json).expect("an item is JSON");
        item[name].as_str().unwrap_or_default().to_owned()
    });
    members.collect()
}

/// A component that is only a manifest; nothing can be called in it.
pub fn component(manifest: &Value) -> Vec<u8> {
    const SECTION: &str = "tidegate:manifest";
    let manifest = manifest.to_string();
    let mut content = leb128(SECTION.len());
    content.extend_from_slice(SECTION.as_bytes());
    content.extend_from_slice(manifest.as_bytes());
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.push(0);
    component.extend(leb128(content.len()));
    component.extend(content);
    component
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
