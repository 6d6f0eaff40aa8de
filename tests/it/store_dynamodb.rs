//! What only DynamoDB has: tables that others made, items that others wrote, a server that is not
//! there.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use serde_json::{Value, json};
use tidegate::store::Condition::{Always, IfAbsent, IfUnchanged};
use tidegate::store::{DynamodbConfig, Range, Store, StoreConfig, StoreError};
use tidegate_tests::dynamodb::{self, Dynamodb};
use tidegate_tests::ports;
use tidegate_tests::store::{all, key, messages, open, users};

/// A store, and a client of its server that knows nothing of it.
struct Bed {
    store: Store,
    client: Client,
    prefix: String,
    _server: Arc<Dynamodb>,
}

async fn each() -> [Bed; 2] {
    [
        Bed::new(Dynamodb::dynalite().await).await,
        Bed::new(Dynamodb::moto().await).await,
    ]
}

impl Bed {
    async fn new(server: Arc<Dynamodb>) -> Self {
        let config = server.config();
        Self {
            prefix: config.table_prefix.clone(),
            store: open(StoreConfig::dynamodb(config)).await.unwrap(),
            client: server.client(),
            _server: server,
        }
    }

    /// A table as an operator made it by hand.
    async fn make(&self, name: &str, keys: &[(&str, KeyType, ScalarAttributeType)]) {
        let mut request = self
            .client
            .create_table()
            .table_name(format!("{}{name}", self.prefix))
            .billing_mode(BillingMode::PayPerRequest);
        for (member, role, kind) in keys {
            let definition = AttributeDefinition::builder()
                .attribute_name(*member)
                .attribute_type(kind.clone());
            let element = KeySchemaElement::builder()
                .attribute_name(*member)
                .key_type(role.clone());
            request = request
                .attribute_definitions(definition.build().unwrap())
                .key_schema(element.build().unwrap());
        }
        request.send().await.unwrap();
    }

    async fn write(&self, name: &str, item: &[(&str, AttributeValue)]) {
        let item = item.iter();
        let item: HashMap<_, _> = item
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let put = self.client.put_item().set_item(Some(item));
        let put = put.table_name(format!("{}{name}", self.prefix));
        put.send().await.unwrap();
    }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_made_before_may_have_numbers_for_keys() {
    for bed in each().await {
        bed.make(
            "Messages",
            &[
                ("PartitionKey", KeyType::Hash, ScalarAttributeType::S),
                ("CreatedAt", KeyType::Range, ScalarAttributeType::N),
            ],
        )
        .await;
        let mut table = messages();
        table.indexes.clear();
        let store = &bed.store;
        store.declare("chat", &[table]).await.unwrap();
        // Ordered as numbers are, not as texts.
        for number in ["9", "10", "1764110000123000417", "-3"] {
            let item = json!({"PartitionKey": "r", "CreatedAt": number, "N": 1}).to_string();
            store.put("Messages", &item, IfAbsent).await.unwrap();
            let again = store.put("Messages", &item, IfAbsent).await;
            assert_eq!(again, Err(StoreError::Conflict));
        }
        let five = AttributeValue::N("5".into());
        let room = AttributeValue::S("r".into());
        bed.write("Messages", &[("PartitionKey", room), ("CreatedAt", five)])
            .await;
        let mut range = Range {
            first: Some("-3".into()),
            last: Some("10".into()),
            ..all(3)
        };
        let page = store.query("Messages", "r", &range, true).await.unwrap();
        let texts: Vec<Value> = page.items.iter().map(|item| parsed(&item.json)).collect();
        let texts: Vec<&Value> = texts.iter().map(|item| &item["CreatedAt"]).collect();
        assert_eq!(texts, ["-3", "5", "9"], "a key is a text to the plugin");
        range.cursor = page.cursor;
        let page = store.query("Messages", "r", &range, true).await.unwrap();
        assert_eq!(parsed(&page.items[0].json)["CreatedAt"], json!("10"));
        assert_eq!(parsed(&page.items[0].json)["N"], json!(1));

        let found = store.get("Messages", &key("r", Some("10")), true).await;
        assert!(found.unwrap().is_some());
        let backwards = Range {
            first: Some("10".into()),
            last: Some("9".into()),
            ..all(3)
        };
        let page = store
            .query("Messages", "r", &backwards, true)
            .await
            .unwrap();
        assert_eq!(page.items, []);
        for wrong in ["007", "1.5", "x", "1e3"] {
            let got = store.get("Messages", &key("r", Some(wrong)), true).await;
            assert_eq!(got.unwrap_err().code(), "bad-key", "{wrong}");
            let item = json!({"PartitionKey": "r", "CreatedAt": wrong}).to_string();
            let put = store.put("Messages", &item, Always).await;
            assert_eq!(put.unwrap_err().code(), "bad-key", "{wrong}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_of_other_programs_are_read_and_taken_over() {
    for bed in each().await {
        let store = &bed.store;
        store.create_tables(&[users()], false).await.unwrap();
        store.declare("chat", &[users()]).await.unwrap();
        bed.write(
            "Users",
            &[
                ("UserName", AttributeValue::S("ann".into())),
                ("Tags", AttributeValue::Ss(vec!["x".into()])),
                ("Raw", AttributeValue::B(Blob::new("hi"))),
            ],
        )
        .await;
        let found = store.get("Users", &key("ann", None), true).await.unwrap();
        let found = found.unwrap();
        let expected = json!({"UserName": "ann", "Tags": ["x"], "Raw": "aGk="});
        assert_eq!(
            (parsed(&found.json), found.version.as_str()),
            (expected, "")
        );
        let unversioned = IfUnchanged(String::new());
        let taken = store.put("Users", &found.json, unversioned.clone()).await;
        let version = taken.unwrap();
        let late = store.put("Users", &found.json, unversioned.clone()).await;
        assert_eq!(late, Err(StoreError::Conflict));
        let nobody = json!({"UserName": "bob"}).to_string();
        let nobody = store.put("Users", &nobody, unversioned).await;
        assert_eq!(
            nobody,
            Err(StoreError::Conflict),
            "what is not there has no version"
        );
        let ann = key("ann", None);
        assert_eq!(store.delete("Users", &ann, Some(&version)).await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_missing_or_another_one_is_refused_with_what_to_do() {
    for bed in each().await {
        let store = &bed.store;
        let refused = store.declare("chat", &[users()]).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("tidegate store create-tables"), "{text}");
        assert!(text.contains(&format!("`{}Users`", bed.prefix)), "{text}");
        let used = store.get("Users", &key("ann", None), true).await;
        assert_eq!(used.unwrap_err().code(), "unknown-table");

        bed.make(
            "Users",
            &[("UserId", KeyType::Hash, ScalarAttributeType::S)],
        )
        .await;
        let refused = store.declare("chat", &[users()]).await.unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("`UserId`") && text.contains("`UserName`"),
            "{text}"
        );

        let key_type = (KeyType::Hash, ScalarAttributeType::S);
        bed.make("Rooms", &[("Room", key_type.0, key_type.1)]).await;
        let mut rooms = users();
        rooms.name = "Rooms".into();
        rooms.partition = "Room".into();
        let refused = store.declare("chat", &[rooms]).await.unwrap_err();
        assert!(
            refused.to_string().contains("no index `GSI_SessionLookup`"),
            "{refused}"
        );

        bed.make("Blobs", &[("Key", KeyType::Hash, ScalarAttributeType::B)])
            .await;
        let mut blobs = users();
        blobs.name = "Blobs".into();
        blobs.partition = "Key".into();
        blobs.indexes.clear();
        let refused = store.declare("chat", &[blobs]).await.unwrap_err();
        assert!(refused.to_string().contains("type B"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_made_once_and_never_changed() {
    for (bed, knows_time_to_live) in each().await.into_iter().zip([false, true]) {
        let (store, tables) = (&bed.store, [users(), messages()]);
        let planned = store.create_tables(&tables, true).await.unwrap();
        assert!(
            planned
                .iter()
                .all(|one| one.is_new && one.warning.is_none())
        );
        assert!(
            store.declare("chat", &tables).await.is_err(),
            "only planned"
        );
        let made = store.create_tables(&tables, false).await.unwrap();
        assert!(made.iter().all(|one| one.is_new && one.unfit.is_none()));
        assert_eq!(made[1].warning.is_none(), knows_time_to_live, "{made:?}");
        let again = store.create_tables(&tables, false).await.unwrap();
        assert!(again.iter().all(|one| !one.is_new && one.unfit.is_none()));
        store.declare("chat", &tables).await.unwrap();
        let name = format!("{}Messages", bed.prefix);
        let found = bed.client.describe_table().table_name(&name).send().await;
        let found = found.unwrap().table.unwrap();
        let billing = found.billing_mode_summary().unwrap().billing_mode();
        assert_eq!(billing, Some(&BillingMode::PayPerRequest));
        if knows_time_to_live {
            let asked = bed.client.describe_time_to_live().table_name(&name).send();
            let end = asked.await.unwrap().time_to_live_description.unwrap();
            assert_eq!(end.attribute_name(), Some("ExpiresAt"));
        }
        let mut other = users();
        other.sort = Some("CreatedAt".into());
        let unfit = store.create_tables(&[other], false).await.unwrap();
        let unfit = unfit[0].unfit.as_deref().unwrap();
        assert!(unfit.contains("no sort key"), "{unfit}");
    }
}

/// Answers within this, whatever the server does.
const BOUND: Duration = Duration::from_secs(10);

async fn unreachable(config: DynamodbConfig) {
    let config = DynamodbConfig {
        timeout: Duration::from_secs(2),
        ..config
    };
    let store = open(StoreConfig::dynamodb(config)).await.unwrap();
    let begun = Instant::now();
    store
        .declare("chat", &[users()])
        .await
        .expect("it may come");
    for _ in 0..2 {
        let ann = key("ann", None);
        let error = store.get("Users", &ann, true).await.unwrap_err();
        assert_eq!(
            (error.code(), error.retryable()),
            ("unavailable", true),
            "{error}"
        );
    }
    let put = store.put("Users", r#"{"UserName":"ann"}"#, Always).await;
    assert_eq!(put.unwrap_err().code(), "unavailable");
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_unavailable_soon() {
    unreachable(dynamodb::config(&format!(
        "http://127.0.0.1:{}",
        ports::free()
    )))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_answers_is_unavailable_soon() {
    // The kernel takes connections; nobody reads them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    unreachable(dynamodb::config(&url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_late_serves_what_was_declared_before() {
    let server = Dynamodb::moto().await;
    let config = server.config();
    let maker = open(StoreConfig::dynamodb(config.clone())).await.unwrap();
    // Reaches the server through a port that is not open yet.
    let port = ports::free();
    let late = DynamodbConfig {
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        timeout: Duration::from_secs(2),
        ..config
    };
    let store = open(StoreConfig::dynamodb(late)).await.unwrap();
    store.declare("chat", &[users()]).await.unwrap();
    let ann = key("ann", None);
    let early = store.get("Users", &ann, true).await.unwrap_err();
    assert_eq!(early.code(), "unavailable");

    maker.create_tables(&[users()], false).await.unwrap();
    let relay = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    let target = server.url().replace("http://", "");
    let relaying = tokio::spawn(async move {
        while let Ok((mut client, _)) = relay.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(target).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    assert_eq!(store.get("Users", &ann, true).await, Ok(None));
    relaying.abort();
}
