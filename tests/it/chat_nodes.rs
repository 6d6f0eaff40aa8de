//! Two nodes, one Redis, one DynamoDB: one chat.

use std::sync::Arc;

use aws_sdk_dynamodb::Client as Dynamo;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection, ProjectionType, ScalarAttributeType,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::chat::{NEW, Person, call, hear, history, register, send, texts_of};
use tidegate_tests::client::Client;
use tidegate_tests::dynamodb::Dynamodb;
use tidegate_tests::page::{cookie_of, swap};
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::tokens;

/// What the nodes share, and tables that no other test knows.
struct House {
    server: Arc<Dynamodb>,
    redis: Redis,
    keys: String,
    prefix: String,
}

impl House {
    async fn new(server: Arc<Dynamodb>) -> Self {
        Self {
            prefix: server.config().table_prefix,
            server,
            redis: Redis::start().await,
            keys: tokens::keys("EdDSA"),
        }
    }

    fn setup(&self) -> Setup {
        let mut setup = Setup::new()
            .env("TIDEGATE_STORE", "dynamodb")
            .env("REDIS_URL", &self.redis.url())
            .env("TIDEGATE_KEYS", &self.keys)
            .env("SESSION_SECRET", "keyboard cat");
        for (name, value) in self.server.environment() {
            setup = setup.env(&name, &value);
        }
        setup.settings(&format!("[store]\ntable_prefix = \"{}\"\n", self.prefix))
    }

    /// As an operator makes the tables, before any node is there.
    fn create_tables(&self) -> String {
        tokens::stdout(self.setup().run(&["store", "create-tables"]))
    }

    async fn nodes(&self) -> [Broker; 2] {
        [self.setup().start().await, self.setup().start().await]
    }

    fn client(&self) -> Dynamo {
        self.server.client()
    }

    /// The tables as another program has made them: `CreatedAt` is a number.
    async fn make_with_numbers(&self) {
        let (text, number) = (ScalarAttributeType::S, ScalarAttributeType::N);
        let by_session = GlobalSecondaryIndex::builder()
            .index_name("GSI_SessionLookup")
            .key_schema(key("SessionId", KeyType::Hash))
            .projection(
                Projection::builder()
                    .projection_type(ProjectionType::All)
                    .build(),
            );
        let users = self
            .client()
            .create_table()
            .table_name(format!("{}Users", self.prefix))
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("UserName", &text))
            .attribute_definitions(attribute("SessionId", &text))
            .key_schema(key("UserName", KeyType::Hash))
            .global_secondary_indexes(by_session.build().unwrap());
        users.send().await.unwrap();
        let messages = self
            .client()
            .create_table()
            .table_name(format!("{}Messages", self.prefix))
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("PartitionKey", &text))
            .attribute_definitions(attribute("CreatedAt", &number))
            .key_schema(key("PartitionKey", KeyType::Hash))
            .key_schema(key("CreatedAt", KeyType::Range));
        messages.send().await.unwrap();
    }
}

fn key(name: &str, role: KeyType) -> KeySchemaElement {
    let element = KeySchemaElement::builder().attribute_name(name);
    element.key_type(role).build().unwrap()
}

fn attribute(name: &str, kind: &ScalarAttributeType) -> AttributeDefinition {
    let definition = AttributeDefinition::builder().attribute_name(name);
    definition.attribute_type(kind.clone()).build().unwrap()
}

const WRITERS: usize = 4;
const EACH: usize = 50;

/// Writers on both nodes at once; whoever listens, on whichever node, hears the same.
async fn write_and_hear(nodes: &[Broker; 2]) -> Vec<Value> {
    let mut people = Vec::new();
    for n in 0..WRITERS {
        people.push(Person::enters(&nodes[n % 2], &format!("writer {n}")).await);
    }
    let mut listeners = Vec::new();
    for (n, person) in people.iter().enumerate() {
        // Not on the node where the person registered and writes.
        listeners.push(person.listening(&nodes[(n + 1) % 2]).await);
    }
    let writing = people.iter().enumerate().map(async |(n, person)| {
        let mut window = person.window(&nodes[n % 2]).await;
        let mut sent = Vec::new();
        for message in 0..EACH {
            let text = format!("{message} of {n}");
            sent.push(send(&mut window, &format!("{message}"), &text).await);
        }
        sent
    });
    let listening = listeners.iter_mut().map(async |listener| {
        let mut heard = Vec::new();
        for _ in 0..WRITERS * EACH {
            heard.push(hear(listener).await);
        }
        heard
    });
    let (sent, heard) = tokio::join!(join_all(writing), join_all(listening));
    for other in &heard[1..] {
        assert_eq!(&heard[0], other, "Redis gives all one order");
    }
    let mut shown = heard.into_iter().next().unwrap();
    shown.sort_by_key(|message| message["created_at"].as_str().map(str::to_owned));
    let mut written = sent.concat();
    written.sort_by_key(|message| message["created_at"].as_str().map(str::to_owned));
    assert_eq!(shown, written, "each message once");
    shown
}

async fn both_histories(nodes: &[Broker; 2], reader: &Person) -> Vec<Value> {
    let mut first = reader.window(&nodes[0]).await;
    let mut second = reader.window(&nodes[1]).await;
    let there = history(&mut first).await;
    assert_eq!(history(&mut second).await, there);
    there
}

#[tokio::test]
async fn windows_on_both_nodes_show_the_same_in_the_same_order() {
    let house = House::new(Dynamodb::dynalite().await).await;
    let made = house.create_tables();
    for table in ["Users: made", "Messages: made"] {
        assert!(made.contains(table), "{made}");
    }
    let nodes = house.nodes().await;
    let shown = write_and_hear(&nodes).await;
    let reader = Person::enters(&nodes[1], "reader").await;
    assert_eq!(both_histories(&nodes, &reader).await, shown);
}

#[tokio::test]
async fn tables_that_are_there_may_have_numbers_for_created_at() {
    let house = House::new(Dynamodb::dynalite().await).await;
    house.make_with_numbers().await;
    let text = |text: &str| AttributeValue::S(text.into());
    let number = |number: &str| AttributeValue::N(number.into());
    let old = "1764110000123000417";
    let put = house
        .client()
        .put_item()
        .table_name(format!("{}Messages", house.prefix))
        .item("PartitionKey", text("general"))
        .item("CreatedAt", number(old))
        .item("UserName", text("grandma"))
        .item("Text", text("from before"));
    put.send().await.unwrap();
    let made = house.create_tables();
    for table in ["Users: is there", "Messages: is there"] {
        assert!(made.contains(table), "{made}");
    }
    let nodes = house.nodes().await;
    let shown = write_and_hear(&nodes).await;
    let reader = Person::enters(&nodes[0], "reader").await;
    let there = both_histories(&nodes, &reader).await;
    assert_eq!(
        there[0],
        json!({
            "id": format!("general/{old}"), "room": "general", "name": "grandma",
            "text": "from before", "created_at": old, "time_ms": 1_764_110_000_123_u64,
        })
    );
    assert_eq!(there[1..], shown);
    let mut window = reader.window(&nodes[0]).await;
    for place in ["0", "1", "9999999999999999999"] {
        let before = json!({"before": place, "limit": 1});
        let batch = call(&mut window, "chat.history", before).await;
        assert_eq!(batch["more"], place.len() > 1, "{place}: {batch}");
    }
}

#[tokio::test]
async fn a_name_is_one_persons_on_all_nodes() {
    let house = House::new(Dynamodb::moto().await).await;
    house.create_tables();
    let nodes = house.nodes().await;
    Person::enters(&nodes[0], "ann").await;
    let taken = register(&nodes[1], "ann").await;
    assert_eq!(taken.json()["error"], "name-taken");
    for round in 0..10 {
        let name = format!("racer {round}");
        let racing = (0..6).map(|n| register(&nodes[n % 2], &name));
        let answers = join_all(racing).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 200);
        assert_eq!(won.len(), 1, "{name}");
        for answer in lost {
            assert_eq!(answer.json()["error"], "name-taken");
            assert_eq!(answer.header("set-cookie"), "");
        }
        let cookie = cookie_of(won[0]);
        for node in &nodes {
            assert_eq!(swap(node, &cookie).await.status, 200);
        }
    }
}

#[tokio::test]
async fn who_logs_out_on_one_node_is_out_on_the_other() {
    let house = House::new(Dynamodb::dynalite().await).await;
    house.create_tables();
    let nodes = house.nodes().await;
    let ann = Person::enters(&nodes[0], "ann").await;
    let bob = Person::enters(&nodes[0], "bob").await;
    let mut windows = [
        ann.listening(&nodes[0]).await,
        ann.listening(&nodes[1]).await,
    ];
    let mut other = bob.listening(&nodes[1]).await;
    let token = ann.token(&nodes[1]).await;
    ann.leaves(&nodes[1]).await;
    for window in &mut windows {
        let revoked = json!({"type": "AUTH_REVOKED", "data": {"topics": [NEW]}});
        window.expect(revoked).await;
        let params = json!({"text": "still here", "nonce": "1"});
        let data = json!({"method": "chat.send", "params": params});
        let response = window.ask("CALL", data).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
    }
    for node in &nodes {
        assert_eq!(swap(node, &ann.cookie).await.status, 401);
        let mut late = Client::connect(node).await;
        let response = late.ask("AUTH", json!({"auth_token": token})).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
    }
    let next = Person::enters(&nodes[0], "ann").await;
    let mut window = next.window(&nodes[0]).await;
    let said = send(&mut window, "1", "me again").await;
    assert_eq!(hear(&mut other).await, said);
    assert_eq!(
        texts_of(&both_histories(&nodes, &bob).await, "text"),
        ["me again"]
    );
}
