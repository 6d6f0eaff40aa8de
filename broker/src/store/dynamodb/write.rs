//! Puts and deletes, with their conditions.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::attribute::{Attributes, KeyType, from_key, from_members};
use super::failure::Asked;
use super::shape::Shape;
use super::{Declared, Dynamodb};
use crate::store::item::{Members, VERSION_MEMBER, now};
use crate::store::table::{Key, Table};
use crate::store::{Condition, Put, Stopped, StoreError};

impl Dynamodb {
    pub(in crate::store) async fn put(
        &self,
        table: &str,
        json: &str,
        condition: Condition,
    ) -> Result<String, StoreError> {
        self.prepare(table, json, condition).await?.send(self).await
    }

    pub(in crate::store) async fn put_in_order(
        &self,
        puts: Vec<Put>,
    ) -> Result<Vec<String>, Stopped> {
        let mut prepared = Vec::with_capacity(puts.len());
        for put in puts {
            let item = self.prepare(&put.table, &put.json, put.condition).await?;
            prepared.push(item);
        }
        let mut written = Vec::with_capacity(prepared.len());
        for item in prepared {
            match item.send(self).await {
                Ok(version) => written.push(version),
                Err(error) => return Err(Stopped { written, error }),
            }
        }
        Ok(written)
    }

    async fn prepare(
        &self,
        table: &str,
        json: &str,
        condition: Condition,
    ) -> Result<Prepared, StoreError> {
        let table = self.table(table)?;
        let mut item = table.item(self.shape(&table).await?, json)?;
        let version = fresh_version()?;
        item.insert(
            VERSION_MEMBER.to_owned(),
            AttributeValue::S(version.clone()),
        );
        Ok(Prepared {
            table,
            item,
            condition,
            version,
        })
    }

    pub(in crate::store) async fn delete(
        &self,
        table: &str,
        key: &Key,
        unchanged: Option<&str>,
    ) -> Result<(), StoreError> {
        let table = self.table(table)?;
        let key = table.key(self.shape(&table).await?, key)?;
        let mut request = self
            .client
            .delete_item()
            .table_name(&table.name)
            .set_key(Some(key));
        if let Some(version) = unchanged {
            let Holds {
                expression,
                names,
                values,
            } = Holds::unchanged(&table.table, version);
            request = request
                .condition_expression(expression)
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()));
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure(&error, &table.name, Asked::Read)),
        }
    }
}

/// An item that is ready to be written, if the condition holds.
struct Prepared {
    table: Arc<Declared>,
    item: Attributes,
    condition: Condition,
    version: String,
}

impl Prepared {
    async fn send(self, store: &Dynamodb) -> Result<String, StoreError> {
        let Self {
            table,
            item,
            condition,
            version,
        } = self;
        let mut request = store
            .client
            .put_item()
            .table_name(&table.name)
            .set_item(Some(item));
        if let Some(Holds {
            expression,
            names,
            values,
        }) = Holds::of(&table.table, &condition)
        {
            request = request
                .condition_expression(expression)
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                );
        }
        match request.send().await {
            Ok(_) => Ok(version),
            // A try that got no answer had done it, and the next one found what it wrote.
            Err(error) if is_ours(error.as_service_error(), &version) => Ok(version),
            Err(error) => Err(store.failure(&error, &table.name, Asked::Write)),
        }
    }
}

impl Declared {
    fn item(&self, shape: &Shape, json: &str) -> Result<Attributes, StoreError> {
        let members = Members::parse(json)?;
        let key = self.key(shape, &members.key(&self.table)?)?;
        let mut numbers = Vec::new();
        for index in &self.table.indexes {
            let Some(key) = members.index_key(index)? else {
                continue;
            };
            let keys = [
                (Some(&index.partition), Some(key.partition)),
                (index.sort.as_ref(), key.sort),
            ];
            for (member, text) in keys {
                if let (Some(member), Some(text)) = (member, text)
                    && shape.key_type(member) == KeyType::Number
                {
                    let value = from_key(&text, KeyType::Number, member)?;
                    numbers.push((member.clone(), value));
                }
            }
        }
        let mut attributes = from_members(members)?;
        attributes.extend(key);
        attributes.extend(numbers);
        Ok(attributes)
    }
}

fn is_ours(error: Option<&PutItemError>, version: &str) -> bool {
    let Some(PutItemError::ConditionalCheckFailedException(failed)) = error else {
        return false;
    };
    let found = failed.item().and_then(|item| item.get(VERSION_MEMBER));
    found == Some(&AttributeValue::S(version.to_owned()))
}

/// Random: no other put makes the same.
fn fresh_version() -> Result<String, StoreError> {
    let mut random = [0_u8; 12];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| StoreError::Unavailable("no randomness for a version".into()))?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}

/// A condition in DynamoDB's words. An item that has expired is not there.
struct Holds {
    expression: String,
    names: std::collections::HashMap<String, String>,
    values: Attributes,
}

impl Holds {
    fn of(table: &Table, condition: &Condition) -> Option<Self> {
        match condition {
            Condition::Always => None,
            Condition::IfAbsent => Some(Self::absent(table)),
            Condition::IfUnchanged(version) => Some(Self::unchanged(table, version)),
        }
    }

    fn absent(table: &Table) -> Self {
        let mut holds = Self::new(table, "attribute_not_exists(#p)");
        if holds.name_end(table) {
            holds.expression += " OR (attribute_type(#e, :number) AND #e <= :now)";
        }
        holds
    }

    fn unchanged(table: &Table, version: &str) -> Self {
        let mut holds = Self::new(table, "attribute_exists(#p)");
        holds.names.insert("#v".into(), VERSION_MEMBER.into());
        if version.is_empty() {
            holds.expression += " AND attribute_not_exists(#v)";
        } else {
            holds.expression += " AND #v = :v";
            let version = AttributeValue::S(version.to_owned());
            holds.values.insert(":v".into(), version);
        }
        if holds.name_end(table) {
            holds.expression += " AND NOT (attribute_type(#e, :number) AND #e <= :now)";
        }
        holds
    }

    fn new(table: &Table, expression: &str) -> Self {
        Self {
            expression: expression.to_owned(),
            names: [("#p".to_owned(), table.partition.clone())].into(),
            values: Attributes::new(),
        }
    }

    fn name_end(&mut self, table: &Table) -> bool {
        let Some(member) = &table.expires else {
            return false;
        };
        self.names.insert("#e".into(), member.clone());
        // Compared with a text, a server might find either.
        let number = AttributeValue::S("N".into());
        self.values.insert(":number".into(), number);
        let now = AttributeValue::N(now().to_string());
        self.values.insert(":now".into(), now);
        true
    }
}
