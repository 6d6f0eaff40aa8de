//! A Redis Cluster of three masters, with or without replicas.

use std::process::Command;

use crate::redis::{self, Redis};
use crate::{ports, wait};

const MASTERS: usize = 3;

pub struct Cluster {
    /// The masters, then their replicas.
    nodes: Vec<Redis>,
}

impl Cluster {
    pub async fn start() -> Self {
        Self::start_with(0).await
    }

    /// Each master has a replica that takes over when it is gone.
    pub async fn start_replicated() -> Self {
        let cluster = Self::start_with(1).await;
        wait::until("every replica has synced", async || {
            let synced = |node: &Redis| {
                let role = node.cli(&["INFO", "replication"]);
                role.contains("master_link_status:up")
            };
            cluster.nodes[MASTERS..].iter().all(synced).then_some(())
        })
        .await;
        cluster
    }

    async fn start_with(replicas: usize) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..MASTERS * (1 + replicas) {
            nodes.push(start_node().await);
        }
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", &replicas.to_string()])
            .arg("--cluster-yes")
            .output()
            .expect("redis-cli is there");
        let words = String::from_utf8_lossy(&created.stdout);
        assert!(
            created.status.success(),
            "redis-cli --cluster create: {words}"
        );
        let cluster = Self { nodes };
        cluster.is_whole().await;
        cluster
    }

    /// All nodes, comma-separated, as `REDIS_URL` takes a cluster.
    pub fn url(&self) -> String {
        let urls: Vec<String> = self.nodes.iter().map(Redis::url).collect();
        urls.join(",")
    }

    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// As `kill -9` of the master that has subscribers of this shard channel.
    pub fn kill_master_of(&mut self, channel: &str) {
        let owner = self.nodes[..MASTERS].iter_mut().find(|node| {
            let listed = node.cli(&["PUBSUB", "SHARDCHANNELS"]);
            listed.lines().any(|line| line == channel)
        });
        owner.expect("a master has subscribers of it").kill();
    }

    async fn is_whole(&self) {
        wait::until("every node sees the whole cluster", async || {
            let whole = |node: &Redis| {
                redis::cli(node.port, &["CLUSTER", "INFO"]).contains("cluster_state:ok")
            };
            self.nodes.iter().all(whole).then_some(())
        })
        .await;
    }
}

async fn start_node() -> Redis {
    let bus = ports::free().to_string();
    let arguments = [
        "--cluster-enabled",
        "yes",
        "--cluster-config-file",
        "nodes.conf",
        "--cluster-node-timeout",
        "1000",
        // A replica that has not synced cannot take over: let it sync at once.
        "--repl-diskless-sync-delay",
        "0",
        "--cluster-port",
        &bus,
    ];
    Redis::start_with(&arguments).await
}
