//! What a table in DynamoDB is, against what a plugin declares.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, KeySchemaElement, KeyType as SchemaRole, Projection, ProjectionType,
    ScalarAttributeType, TableDescription,
};

use super::attribute::KeyType;
use crate::store::StoreError;
use crate::store::table::{Table, shown_keys};

/// How the keys that a plugin declared are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    types: HashMap<String, KeyType>,
}

impl Shape {
    /// # Errors
    /// `Mismatch`, which says what the table is and what it should be.
    pub(super) fn of(
        table: &Table,
        found: &TableDescription,
        name: &str,
    ) -> Result<Self, StoreError> {
        let mismatch = |what: String| {
            StoreError::Mismatch(format!(
                "table `{name}` in DynamoDB is not what the plugin declares: {what}"
            ))
        };
        let is_declared = (table.partition.as_str(), table.sort.as_deref());
        let there = keys(found.key_schema());
        if there != (is_declared.0, is_declared.1) {
            return Err(mismatch(format!(
                "it has {}, declared is {}",
                shown_keys(there.0, there.1),
                table.shown_keys()
            )));
        }
        for index in &table.indexes {
            let global = found.global_secondary_indexes().iter();
            let global = global.map(|i| (i.index_name(), i.key_schema(), i.projection()));
            let local = found.local_secondary_indexes().iter();
            let local = local.map(|i| (i.index_name(), i.key_schema(), i.projection()));
            let there = global
                .chain(local)
                .find(|(name, ..)| *name == Some(index.name.as_str()));
            let Some((_, schema, projection)) = there else {
                let what = format!("it has no index `{}`; make it there", index.name);
                return Err(mismatch(what));
            };
            let there = keys(schema);
            if there != (index.partition.as_str(), index.sort.as_deref()) {
                return Err(mismatch(format!(
                    "its index `{}` has {}, declared is {}",
                    index.name,
                    shown_keys(there.0, there.1),
                    index.shown_keys()
                )));
            }
            let projected = projection.and_then(Projection::projection_type);
            if projected != Some(&ProjectionType::All) {
                let what = format!("its index `{}` has not all attributes", index.name);
                return Err(mismatch(what));
            }
        }
        Ok(Self {
            types: types(table, found.attribute_definitions()).map_err(mismatch)?,
        })
    }

    pub(super) fn key_type(&self, member: &str) -> KeyType {
        self.types.get(member).copied().unwrap_or(KeyType::Text)
    }
}

/// Partition key and sort key.
fn keys(schema: &[KeySchemaElement]) -> (&str, Option<&str>) {
    let of = |role: &SchemaRole| {
        let element = schema.iter().find(|element| element.key_type() == role);
        element.map(KeySchemaElement::attribute_name)
    };
    (
        of(&SchemaRole::Hash).unwrap_or_default(),
        of(&SchemaRole::Range),
    )
}

/// Of the declared keys alone: another program's index may have a number for a key that is a
/// number to the plugin as well.
fn types(
    table: &Table,
    definitions: &[AttributeDefinition],
) -> Result<HashMap<String, KeyType>, String> {
    let mut types = HashMap::new();
    let declared = definitions
        .iter()
        .filter(|definition| table.is_key(definition.attribute_name()));
    for definition in declared {
        let name = definition.attribute_name();
        let key_type = match definition.attribute_type() {
            ScalarAttributeType::S => KeyType::Text,
            ScalarAttributeType::N => KeyType::Number,
            other => {
                let what = format!("its key `{name}` has the type {}", other.as_str());
                return Err(format!("{what}; strings (S) and numbers (N) can be used"));
            }
        };
        types.insert(name.to_owned(), key_type);
    }
    Ok(types)
}
