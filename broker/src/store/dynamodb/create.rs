//! Making tables: on-demand billing, keys of type S, indexes of all attributes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::failure::Asked;
use super::shape::Shape;
use super::{Dynamodb, incomplete};
use crate::store::StoreError;
use crate::store::table::Table;

/// A table with indexes takes DynamoDB about a minute.
const CREATION_MAX: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(500);

/// What became, or would become, of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Its name in DynamoDB.
    pub table: String,
    /// Whether it was not there.
    pub is_new: bool,
    /// Why it cannot be used: it is there and is another one.
    pub unfit: Option<String>,
    /// What an operator should know.
    pub warning: Option<String>,
}

impl Dynamodb {
    pub(in crate::store) async fn create_tables(
        &self,
        tables: &[Table],
        dry_run: bool,
    ) -> Result<Vec<Creation>, StoreError> {
        let mut creations = Vec::new();
        for table in tables {
            let name = self.name_of(table);
            let found = self.describe(&name).await?;
            let mut creation = Creation {
                table: name.clone(),
                is_new: found.is_none(),
                unfit: None,
                warning: None,
            };
            match found {
                Some(found) => {
                    let shape = Shape::of(table, &found, &name);
                    creation.unfit = shape.err().map(|error| error.to_string());
                    creation.warning = self.has_no_end(table, &name).await;
                }
                None if dry_run => {}
                None => {
                    self.create(table, &name).await?;
                    creation.warning = self.set_end(table, &name).await;
                }
            }
            creations.push(creation);
        }
        Ok(creations)
    }

    async fn create(&self, table: &Table, name: &str) -> Result<(), StoreError> {
        let mut request = self
            .client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(schema(&table.partition, table.sort.as_deref())?));
        for member in members(table) {
            let definition = AttributeDefinition::builder()
                .attribute_name(member)
                .attribute_type(ScalarAttributeType::S)
                .build();
            request = request.attribute_definitions(definition.map_err(incomplete)?);
        }
        for index in &table.indexes {
            let all = Projection::builder().projection_type(ProjectionType::All);
            let index = GlobalSecondaryIndex::builder()
                .index_name(&index.name)
                .set_key_schema(Some(schema(&index.partition, index.sort.as_deref())?))
                .projection(all.build())
                .build();
            request = request.global_secondary_indexes(index.map_err(incomplete)?);
        }
        match request.send().await {
            Ok(_) => {}
            // Another node, or the same command once more.
            Err(error) if error.code() == Some("ResourceInUseException") => {}
            Err(error) => return Err(self.failure(&error, name, Asked::Read)),
        }
        let begun = Instant::now();
        loop {
            let found = self.describe(name).await?;
            let status = found.as_ref().and_then(|table| table.table_status());
            if status == Some(&TableStatus::Active) {
                return Ok(());
            }
            if begun.elapsed() > CREATION_MAX {
                let what = format!("table `{name}` is still not ready after {CREATION_MAX:?}");
                return Err(StoreError::Unavailable(what));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Answers what is wrong if it cannot.
    async fn set_end(&self, table: &Table, name: &str) -> Option<String> {
        let member = table.expires.as_ref()?;
        let end = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(member);
        let asked = match end.build() {
            Ok(end) => {
                let request = self.client.update_time_to_live().table_name(name);
                request.time_to_live_specification(end).send().await
            }
            Err(error) => return Some(error.to_string()),
        };
        let error = asked.err()?;
        let why = error.message().or(error.code());
        let why = why.unwrap_or("no answer");
        Some(format!(
            "time to live by `{member}` could not be set ({why}): expired items are not shown, but \
             stay in the table"
        ))
    }

    /// Of a table that was there; it is not changed.
    async fn has_no_end(&self, table: &Table, name: &str) -> Option<String> {
        let member = table.expires.as_ref()?;
        let asked = self.client.describe_time_to_live().table_name(name).send();
        let found = asked.await.ok()?.time_to_live_description?;
        let is_set = matches!(
            found.time_to_live_status(),
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
        );
        if is_set && found.attribute_name() == Some(member) {
            return None;
        }
        Some(format!(
            "time to live by `{member}` is not enabled: expired items are not shown, but stay in \
             the table"
        ))
    }
}

fn schema(partition: &str, sort: Option<&str>) -> Result<Vec<KeySchemaElement>, StoreError> {
    let keys = [(Some(partition), KeyType::Hash), (sort, KeyType::Range)];
    let elements = keys.into_iter().filter_map(|(member, key_type)| {
        let element = KeySchemaElement::builder().attribute_name(member?);
        Some(element.key_type(key_type).build().map_err(incomplete))
    });
    elements.collect()
}

/// All that are keys of something, each once.
fn members(table: &Table) -> BTreeSet<&str> {
    let indexes = table.indexes.iter();
    let indexes = indexes.flat_map(|index| [Some(&index.partition), index.sort.as_ref()]);
    let keys = [Some(&table.partition), table.sort.as_ref()];
    let all = keys.into_iter().chain(indexes).flatten();
    all.map(String::as_str).collect()
}
