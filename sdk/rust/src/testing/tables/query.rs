use serde::{Deserialize, Serialize};

use super::{IndexSpec, Stored, Table, Tables};
use crate::Error;
use crate::testing::double::store::{Key, Page};

#[derive(Debug)]
pub(in crate::testing) struct Range<'a> {
    pub(in crate::testing) partition: &'a str,
    pub(in crate::testing) first: Option<&'a str>,
    pub(in crate::testing) last: Option<&'a str>,
    pub(in crate::testing) descending: bool,
    pub(in crate::testing) limit: u32,
    pub(in crate::testing) cursor: Option<&'a str>,
}

/// Where an item stands in a query's order: items of an index may share its keys.
type Place = (Option<String>, (String, Option<String>));

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// Of the query: a cursor is of no use to another.
    of: String,
    last: Place,
}

impl Tables {
    pub(in crate::testing) fn query(
        &self,
        table: &str,
        index: Option<&str>,
        range: &Range<'_>,
        now: f64,
    ) -> Result<Page, Error> {
        let name = table;
        let table = self.table(table)?;
        let index = index.map(|index| table.index(index)).transpose()?;
        if !(1..=1000).contains(&range.limit) {
            return Err(Error::new("bad-limit", "the limit is not 1 to 1000"));
        }
        let of = range.identity(name, index);
        let start = range.start(&of)?;
        let mut found = table.places(index, range, now);
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        if range.descending {
            found.reverse();
        }
        let past_cursor = |place: &Place| match &start {
            None => true,
            Some(last) if range.descending => place < last,
            Some(last) => place > last,
        };
        found.retain(|(place, _)| past_cursor(place));
        let limit = range.limit.min(self.page_items_max.unwrap_or(u32::MAX)) as usize;
        let more = found.len() > limit;
        found.truncate(limit);
        let cursor = found.last().filter(|_| more).map(|(last, _)| {
            let last = last.clone();
            serde_json::to_string(&Cursor { of, last }).expect("a cursor is JSON")
        });
        Ok(Page {
            items: found.into_iter().map(|(_, stored)| stored.item()).collect(),
            cursor,
        })
    }
}

impl Table {
    fn index(&self, name: &str) -> Result<&IndexSpec, Error> {
        let mut indexes = self.spec.indexes.iter();
        indexes.find(|index| index.name == name).ok_or_else(|| {
            let message = format!("{} has no index {name}", self.spec.name);
            Error::new("unknown-index", message)
        })
    }

    fn places(
        &self,
        index: Option<&IndexSpec>,
        range: &Range<'_>,
        now: f64,
    ) -> Vec<(Place, &Stored)> {
        let place = |key: &Key| {
            let stored = self.live(key, now)?;
            let member = |name: &str| stored.object.get(name)?.as_str().map(ToOwned::to_owned);
            let (partition, sort) = match index {
                None => (key.partition.clone(), key.sort.clone()),
                Some(index) => {
                    let sort = match &index.sort {
                        Some(sort) => Some(member(sort)?),
                        None => None,
                    };
                    (member(&index.partition)?, sort)
                }
            };
            let within = partition == range.partition && range.holds(sort.as_deref());
            let place = (sort, (key.partition.clone(), key.sort.clone()));
            within.then_some((place, stored))
        };
        self.items.keys().filter_map(place).collect()
    }
}

impl Range<'_> {
    fn holds(&self, sort: Option<&str>) -> bool {
        let sort = sort.unwrap_or_default();
        self.first.is_none_or(|first| first <= sort) && self.last.is_none_or(|last| sort <= last)
    }

    fn identity(&self, table: &str, index: Option<&IndexSpec>) -> String {
        let index = index.map(|index| &index.name);
        let Self {
            partition,
            first,
            last,
            descending,
            ..
        } = self;
        format!("{table:?} {index:?} {partition:?} {first:?} {last:?} {descending}")
    }

    fn start(&self, of: &str) -> Result<Option<Place>, Error> {
        let Some(text) = self.cursor else {
            return Ok(None);
        };
        let cursor = serde_json::from_str::<Cursor>(text).ok();
        match cursor.filter(|cursor| cursor.of == of) {
            Some(cursor) => Ok(Some(cursor.last)),
            None => Err(Error::new("bad-cursor", "the cursor is of another query")),
        }
    }
}
