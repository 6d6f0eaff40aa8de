//! The bus over a real Redis.

mod broadcast;
mod channels;
mod cluster;
mod faults;
mod heard;
mod secured;
mod server;
mod sharded;

use std::time::Duration;

use redis::{Client, cmd};

use super::*;
use crate::bus::tests::{Node, draft, hear, payload, topic, until};
use crate::bus::{BusConfig, PublishError, SubscribeError};
use server::RedisServer;

/// Settings whose waits are short, for tests that wait for them.
fn settings(url: &str, mode: BusMode) -> RedisConfig {
    RedisConfig {
        url: url.to_owned(),
        mode,
        probe_interval: Duration::from_millis(100),
        probe_timeout: Duration::from_millis(1_500),
        ping_interval: Duration::from_millis(300),
        backoff_min: Duration::from_millis(20),
        backoff_max: Duration::from_millis(200),
        connect_timeout: Duration::from_secs(2),
        command_timeout: Duration::from_secs(1),
        ..RedisConfig::default()
    }
}

async fn node(server: &RedisServer, id: &str, mode: BusMode) -> Node {
    let node = Node::start(BusConfig::Redis(settings(&server.url(), mode)), id, 2);
    node.ready().await;
    node
}

async fn foreign(server: &RedisServer) -> redis::aio::MultiplexedConnection {
    Client::open(server.url())
        .expect("a url")
        .get_multiplexed_async_connection()
        .await
        .expect("a connection")
}

/// Publishes as any program would; answers how many clients got it.
async fn publish(server: &RedisServer, channel: &str, message: &str) -> usize {
    cmd("PUBLISH")
        .arg(channel)
        .arg(message)
        .query_async(&mut foreign(server).await)
        .await
        .expect("published")
}
