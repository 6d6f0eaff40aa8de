//! Gets, queries and scans.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::attribute::{Attributes, KeyType, from_key, to_item, to_key};
use super::failure::Asked;
use super::shape::Shape;
use super::{Declared, Dynamodb, FIRST_BACKOFF, LONGEST_BACKOFF, incomplete};
use crate::backoff::Backoff;
use crate::store::cursor::Position;
use crate::store::table::Key;
use crate::store::{Item, PAGE_BYTES_MAX, Query, StoreError};

impl Dynamodb {
    pub(in crate::store) async fn get(
        &self,
        table: &str,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<Item>, StoreError> {
        let table = self.table(table)?;
        let key = table.key(self.shape(&table).await?, key)?;
        let asked = self
            .client
            .get_item()
            .table_name(&table.name)
            .set_key(Some(key))
            .consistent_read(consistent)
            .send()
            .await;
        match asked {
            Ok(found) => Ok(found.item.and_then(|attributes| table.live(attributes))),
            Err(error) => Err(self.failure(&error, &table.name, Asked::Read)),
        }
    }

    /// DynamoDB refuses a key that stands twice, and may answer only some: the others are asked
    /// for again.
    pub(in crate::store) async fn batch_get(
        &self,
        table: &str,
        keys: &[Key],
        consistent: bool,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        let table = self.table(table)?;
        let shape = self.shape(&table).await?;
        let mut wanted: HashMap<&Key, Attributes> = HashMap::new();
        for key in keys {
            wanted.insert(key, table.key(shape, key)?);
        }
        let mut found: HashMap<Key, Item> = HashMap::new();
        let mut left: Vec<Attributes> = wanted.into_values().collect();
        let mut backoff = Backoff::new(FIRST_BACKOFF, LONGEST_BACKOFF);
        for attempt in 0..self.attempts {
            if left.is_empty() {
                break;
            }
            if attempt > 0 {
                tokio::time::sleep(backoff.wait()).await;
            }
            let (read, rest) = self.batch(&table, left, consistent).await?;
            for attributes in read {
                let key = table.key_of(&attributes)?;
                if let Some(item) = table.live(attributes) {
                    found.insert(key, item);
                }
            }
            left = rest;
        }
        if !left.is_empty() {
            return Err(StoreError::Throttled);
        }
        // The last one that stands for a key may take the item, the others need a copy.
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    /// What was read, and the keys that were left out.
    async fn batch(
        &self,
        table: &Declared,
        keys: Vec<Attributes>,
        consistent: bool,
    ) -> Result<(Vec<Attributes>, Vec<Attributes>), StoreError> {
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(consistent)
            .build()
            .map_err(incomplete)?;
        let asked = self
            .client
            .batch_get_item()
            .request_items(&table.name, keys);
        let answer = asked.send().await;
        let answer = answer.map_err(|error| self.failure(&error, &table.name, Asked::Read))?;
        let found = answer.responses.unwrap_or_default().remove(&table.name);
        let left = answer.unprocessed_keys.unwrap_or_default();
        let left = left.get(&table.name).map(|keys| keys.keys.clone());
        Ok((found.unwrap_or_default(), left.unwrap_or_default()))
    }

    pub(in crate::store) async fn query(
        &self,
        query: &Query<'_>,
    ) -> Result<(Vec<Item>, Option<Position>), StoreError> {
        let table = self.table(query.table)?;
        let shape = self.shape(&table).await?;
        let Some(request) = self.request(query, &table, shape)? else {
            return Ok((Vec::new(), None));
        };
        let asked = match query.position {
            Some(_) => Asked::Continue,
            None => Asked::Read,
        };
        let found = request.send().await;
        let found = found.map_err(|error| self.failure(&error, &table.name, asked))?;
        table.page(
            query.index,
            found.items.unwrap_or_default(),
            found.last_evaluated_key,
        )
    }

    /// `None` = nothing can be within the bounds.
    fn request(
        &self,
        query: &Query<'_>,
        table: &Declared,
        shape: &Shape,
    ) -> Result<Option<QueryFluentBuilder>, StoreError> {
        let (partition, sort) = query.keys(&table.table)?;
        let value = |member: &str, text| from_key(text, shape.key_type(member), member);
        let mut request = self
            .client
            .query()
            .table_name(&table.name)
            .set_index_name(query.index.map(str::to_owned))
            .consistent_read(query.consistent)
            .scan_index_forward(!query.descending)
            .limit(i32::try_from(query.limit).unwrap_or(i32::MAX))
            .expression_attribute_names("#p", partition)
            .expression_attribute_values(":p", value(partition, query.partition)?);
        let mut condition = "#p = :p".to_owned();
        if let Some(sort) = sort {
            let is_empty = match shape.key_type(sort) {
                KeyType::Text => query.is_empty(),
                KeyType::Number => is_backwards(query),
            };
            let bound = |text| value(sort, text);
            let first = query.first.map(bound).transpose()?;
            let last = query.last.map(bound).transpose()?;
            if is_empty {
                return Ok(None);
            }
            condition += match (&first, &last) {
                (None, None) => "",
                (Some(_), None) => " AND #s >= :first",
                (None, Some(_)) => " AND #s <= :last",
                (Some(_), Some(_)) => " AND #s BETWEEN :first AND :last",
            };
            if first.is_some() || last.is_some() {
                request = request.expression_attribute_names("#s", sort);
            }
            for (name, bound) in [(":first", first), (":last", last)] {
                if let Some(bound) = bound {
                    request = request.expression_attribute_values(name, bound);
                }
            }
        }
        let start = query.position.as_ref();
        let start = start.map(|position| table.start(shape, query, position));
        Ok(Some(
            request
                .key_condition_expression(condition)
                .set_exclusive_start_key(start.transpose()?),
        ))
    }

    pub(in crate::store) async fn scan(
        &self,
        table: &str,
        after: Option<&Key>,
    ) -> Result<(Vec<Item>, Option<Key>), StoreError> {
        let table = self.table(table)?;
        let shape = self.shape(&table).await?;
        let start = after.map(|key| table.key(shape, key)).transpose()?;
        let scan = self.client.scan().table_name(&table.name);
        let found = scan.set_exclusive_start_key(start).send().await;
        let found = found.map_err(|error| self.failure(&error, &table.name, Asked::Read))?;
        let items = found.items.unwrap_or_default().into_iter();
        let after = found.last_evaluated_key;
        Ok((
            items
                .filter_map(|attributes| table.live(attributes))
                .collect(),
            after.map(|key| table.key_of(&key)).transpose()?,
        ))
    }
}

impl Declared {
    /// Cut at [`PAGE_BYTES_MAX`]: DynamoDB's own pages may be larger.
    fn page(
        &self,
        index: Option<&str>,
        found: Vec<Attributes>,
        last_evaluated: Option<Attributes>,
    ) -> Result<(Vec<Item>, Option<Position>), StoreError> {
        let mut items: Vec<Item> = Vec::new();
        let (mut bytes, mut looked_at) = (0, None);
        for attributes in found {
            let position = self.position(index, &attributes)?;
            if let Some(item) = self.live(attributes) {
                if bytes + item.json.len() > PAGE_BYTES_MAX && !items.is_empty() {
                    return Ok((items, looked_at));
                }
                bytes += item.json.len();
                items.push(item);
            }
            looked_at = Some(position);
        }
        let more = last_evaluated.map(|key| self.position(index, &key));
        Ok((items, more.transpose()?))
    }

    fn live(&self, attributes: Attributes) -> Option<Item> {
        let has_expired = self.has_expired(&attributes);
        (!has_expired).then(|| to_item(attributes, |member| self.table.is_key(member)))
    }

    fn position(
        &self,
        index: Option<&str>,
        attributes: &Attributes,
    ) -> Result<Position, StoreError> {
        let index_sort = match index {
            None => None,
            Some(name) => self.table.index(name)?.1.sort.as_ref(),
        };
        let index_sort = index_sort.map(|member| key_text(attributes, member));
        Ok(Position::of(
            self.key_of(attributes)?,
            index_sort.transpose()?,
        ))
    }

    fn key_of(&self, attributes: &Attributes) -> Result<Key, StoreError> {
        let sort = self.table.sort.as_ref();
        let sort = sort.map(|member| key_text(attributes, member));
        Ok(Key {
            partition: key_text(attributes, &self.table.partition)?,
            sort: sort.transpose()?,
        })
    }

    /// The key after which a page starts: the table's, and the index's.
    fn start(
        &self,
        shape: &Shape,
        query: &Query<'_>,
        position: &Position,
    ) -> Result<Attributes, StoreError> {
        let wrong = |_| StoreError::BadCursor;
        let mut start = self.key(shape, &position.key()).map_err(wrong)?;
        if let Some(name) = query.index {
            let (_, index) = self.table.index(name)?;
            let value = |member: &str, text: &str| from_key(text, shape.key_type(member), member);
            let partition = value(&index.partition, query.partition).map_err(wrong)?;
            start.insert(index.partition.clone(), partition);
            if let (Some(member), Some(text)) = (&index.sort, &position.index_sort) {
                start.insert(member.clone(), value(member, text).map_err(wrong)?);
            }
        }
        Ok(start)
    }
}

fn key_text(
    attributes: &HashMap<String, AttributeValue>,
    member: &str,
) -> Result<String, StoreError> {
    let text = attributes.get(member).and_then(to_key);
    text.ok_or_else(|| StoreError::Unavailable(format!("DynamoDB left out the key `{member}`")))
}

/// Numbers of at most 38 digits, checked by [`from_key`].
fn is_backwards(query: &Query<'_>) -> bool {
    let number = |text: &str| text.parse::<i128>().ok();
    let bounds = (query.first.and_then(number), query.last.and_then(number));
    matches!(bounds, (Some(first), Some(last)) if first > last)
}
