//! Queries: what is asked for, checked, and the pages that answer it.

use super::cursor::{Asked, Position};
use super::table::{Table, check_partition, check_sort};
use super::{Item, StoreError};

/// Items of a page, at most.
pub const PAGE_ITEMS_MAX: u32 = 1_000;
/// JSON of a page, at most, unless its only item is larger: what another program stored as binary
/// grows as base64.
pub const PAGE_BYTES_MAX: usize = 512 << 10;

/// Which items of a partition, by their sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Included.
    pub first: Option<String>,
    /// Included.
    pub last: Option<String>,
    pub descending: bool,
    /// 1 to [`PAGE_ITEMS_MAX`]; what is outside counts as the nearest.
    pub limit: u32,
    /// Of the page before, of the same query.
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most [`PAGE_BYTES_MAX`] of JSON; may be none with more to come.
    pub items: Vec<Item>,
    /// Where the next page begins; `None` = this was the last one.
    pub cursor: Option<String>,
}

/// A checked query, as backends get it.
pub(super) struct Query<'a> {
    pub(super) table: &'a str,
    pub(super) index: Option<&'a str>,
    pub(super) partition: &'a str,
    pub(super) first: Option<&'a str>,
    pub(super) last: Option<&'a str>,
    pub(super) descending: bool,
    pub(super) limit: usize,
    pub(super) position: Option<Position>,
    pub(super) consistent: bool,
}

impl<'a> Query<'a> {
    /// # Errors
    /// `BadKey`, `BadCursor`.
    pub(super) fn checked(
        asked: &Asked<'a>,
        range: &Range,
        consistent: bool,
    ) -> Result<Self, StoreError> {
        check_partition(asked.partition)?;
        for bound in asked.first.iter().chain(&asked.last) {
            check_sort(bound)?;
        }
        let cursor = range.cursor.as_deref();
        Ok(Self {
            table: asked.table,
            index: asked.index,
            partition: asked.partition,
            // No sort key is empty: DynamoDB does not take it as a bound.
            first: asked.first.filter(|first| !first.is_empty()),
            last: asked.last,
            descending: range.descending,
            limit: range.limit.clamp(1, PAGE_ITEMS_MAX) as usize,
            position: cursor.map(|cursor| asked.position(cursor)).transpose()?,
            consistent,
        })
    }

    /// The members that are the keys of what is asked. Bounds need a sort key.
    pub(super) fn keys<'t>(
        &self,
        table: &'t Table,
    ) -> Result<(&'t str, Option<&'t str>), StoreError> {
        let (partition, sort, what) = match self.index {
            None => (&table.partition, &table.sort, "table"),
            Some(name) => {
                let (_, index) = table.index(name)?;
                (&index.partition, &index.sort, "index")
            }
        };
        if sort.is_none() && (self.first.is_some() || self.last.is_some()) {
            let name = self.index.unwrap_or(self.table);
            let what = format!("{what} `{name}` has no sort key for `first` and `last`");
            return Err(StoreError::BadKey(what));
        }
        Ok((partition, sort.as_deref()))
    }

    /// Whether no string can be within the bounds.
    pub(super) fn is_empty(&self) -> bool {
        let empty = |last: &str| last.is_empty() || self.first.is_some_and(|first| first > last);
        self.last.is_some_and(empty)
    }
}
