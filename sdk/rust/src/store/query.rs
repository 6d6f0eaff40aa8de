use serde::de::DeserializeOwned;

use super::{Item, Table, store};
use crate::Error;

/// The most items that one host call gives.
const MOST_ITEMS: u32 = 1000;

/// An index of a [`Table`]. What was just written may be missing in it for a moment.
#[derive(Clone, Copy, Debug)]
pub struct Index<'a> {
    table: Table<'a>,
    name: &'a str,
}

/// A question to build up and ask: [`page`](Query::page), [`full_page`](Query::full_page).
#[derive(Clone, Debug)]
pub struct Query<'a> {
    table: Table<'a>,
    index: Option<&'a str>,
    partition: &'a str,
    first: Option<&'a str>,
    last: Option<&'a str>,
    descending: bool,
    limit: u32,
    cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<Item<T>>,
    /// Where the next page begins; None = this was the last one. Opaque, and of use only to a query
    /// that is the same in all but its limit.
    pub cursor: Option<String>,
}

impl<'a> Index<'a> {
    pub(super) fn new(table: Table<'a>, name: &'a str) -> Self {
        Self { table, name }
    }

    /// The items of one partition of the index, in the order of its sort keys, if it has them.
    pub fn query(&self, partition: &'a str) -> Query<'a> {
        Query::new(self.table, Some(self.name), partition)
    }
}

impl<'a> Query<'a> {
    pub(super) fn new(table: Table<'a>, index: Option<&'a str>, partition: &'a str) -> Self {
        Self {
            table,
            index,
            partition,
            first: None,
            last: None,
            descending: false,
            limit: 100,
            cursor: None,
        }
    }

    /// The lowest sort key, itself included.
    pub fn first(mut self, sort: &'a str) -> Self {
        self.first = Some(sort);
        self
    }

    /// The highest sort key, itself included.
    pub fn last(mut self, sort: &'a str) -> Self {
        self.last = Some(sort);
        self
    }

    /// From the highest sort key down.
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// The most items of a page; 100 unless set. A host call gives at most 1000.
    pub fn limit(mut self, items: u32) -> Self {
        self.limit = items;
        self
    }

    /// Goes on where a page ended.
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }

    /// One host call. The page may be shorter than the limit, or empty, with more to come: the
    /// cursor says so.
    pub fn page<T: DeserializeOwned>(&self) -> Result<Page<T>, Error> {
        self.read(self.limit.min(MOST_ITEMS), self.cursor.as_deref())
    }

    /// As many host calls as it takes for the limit's items, or all there are.
    pub fn full_page<T: DeserializeOwned>(&self) -> Result<Page<T>, Error> {
        let mut page = Page {
            items: Vec::new(),
            cursor: self.cursor.clone(),
        };
        let mut missing = self.limit;
        loop {
            let next = self.read::<T>(missing.min(MOST_ITEMS), page.cursor.as_deref())?;
            missing = missing.saturating_sub(u32::try_from(next.items.len()).unwrap_or(u32::MAX));
            page.items.extend(next.items);
            page.cursor = next.cursor;
            if missing == 0 || page.cursor.is_none() {
                return Ok(page);
            }
        }
    }

    fn read<T: DeserializeOwned>(
        &self,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<T>, Error> {
        let (table, partition) = (self.table.name, self.partition);
        let page = match self.index {
            None => store::query(
                table,
                partition,
                self.first,
                self.last,
                self.descending,
                limit,
                cursor,
                self.table.consistent,
            )?,
            Some(index) => store::query_index(
                table,
                index,
                partition,
                self.first,
                self.last,
                self.descending,
                limit,
                cursor,
            )?,
        };
        let typed = page.items.iter().map(|item| self.table.typed(item));
        Ok(Page {
            items: typed.collect::<Result<_, _>>()?,
            cursor: page.cursor,
        })
    }
}
