//! A Redis cluster of one test: masters that share the slots, and replicas of them.

use redis::{Client, Cmd, FromRedisValue, cmd};

use super::server::{RedisServer, free_port};
use crate::bus::tests::PATIENCE;

pub struct Cluster {
    pub masters: Vec<RedisServer>,
    /// One for each master, in the same order, or none.
    pub replicas: Vec<RedisServer>,
}

pub async fn ask<T: FromRedisValue>(server: &RedisServer, command: &Cmd) -> T {
    let client = Client::open(server.url()).expect("a url");
    let connected = client.get_multiplexed_async_connection().await;
    let mut connection = connected.expect("a connection");
    command
        .query_async(&mut connection)
        .await
        .expect("an answer")
}

/// Asks until the answer holds `text`.
pub async fn until_says(server: &RedisServer, command: &Cmd, text: &str) {
    let said = async {
        while !ask::<String>(server, command).await.contains(text) {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, said).await;
    assert!(in_time.is_ok(), "redis never says {text}");
}

impl Cluster {
    pub async fn start(masters: usize, replicated: bool) -> Self {
        // A replica that never synced cannot take over: let it sync at once.
        let settings = "--cluster-enabled yes --cluster-node-timeout 1000 \
                        --repl-diskless-sync-delay 0 --cluster-port";
        let start = || {
            let bus_port = free_port();
            let port_text = bus_port.to_string();
            let args: Vec<_> = settings.split_whitespace().chain([&*port_text]).collect();
            RedisServer::start(&args).with_bus_port(bus_port)
        };
        let cluster = Self {
            masters: (0..masters).map(|_| start()).collect(),
            replicas: (0..if replicated { masters } else { 0 })
                .map(|_| start())
                .collect(),
        };
        cluster.meet().await;
        cluster.replicate().await;
        cluster
    }

    pub fn urls(&self) -> String {
        let urls: Vec<_> = self.masters.iter().map(RedisServer::url).collect();
        urls.join(",")
    }

    fn all(&self) -> impl Iterator<Item = &RedisServer> {
        self.masters.iter().chain(&self.replicas)
    }

    async fn meet(&self) {
        let each = 16_384 / self.masters.len();
        for (at, master) in self.masters.iter().enumerate() {
            let last = if at + 1 == self.masters.len() {
                16_383
            } else {
                (at + 1) * each - 1
            };
            let add = cmd("CLUSTER")
                .arg("ADDSLOTSRANGE")
                .arg(at * each)
                .arg(last)
                .to_owned();
            ask::<()>(master, &add).await;
            // The configuration epochs must differ, or the nodes settle it in their own time.
            ask::<()>(master, cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(at + 1)).await;
        }
        let first = &self.masters[0];
        for server in self.all().skip(1) {
            let meet = cmd("CLUSTER")
                .arg("MEET")
                .arg("127.0.0.1")
                .arg(first.port)
                .arg(first.bus_port)
                .to_owned();
            ask::<()>(server, &meet).await;
        }
        let known = format!("cluster_known_nodes:{}", self.all().count());
        for server in self.all() {
            until_says(server, cmd("CLUSTER").arg("INFO"), &known).await;
            until_says(server, cmd("CLUSTER").arg("INFO"), "cluster_state:ok").await;
        }
    }

    async fn replicate(&self) {
        for (master, replica) in self.masters.iter().zip(&self.replicas) {
            let id: String = ask(master, cmd("CLUSTER").arg("MYID")).await;
            ask::<()>(replica, cmd("CLUSTER").arg("REPLICATE").arg(&id)).await;
        }
        for replica in &self.replicas {
            until_says(
                replica,
                cmd("INFO").arg("replication"),
                "master_link_status:up",
            )
            .await;
        }
    }
}
