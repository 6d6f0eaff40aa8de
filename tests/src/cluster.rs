//! A Redis Cluster of three masters.

use std::process::Command;

use crate::redis::{self, Redis};
use crate::{ports, wait};

pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    pub async fn start() -> Self {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let bus = ports::free().to_string();
            let arguments = [
                "--cluster-enabled",
                "yes",
                "--cluster-config-file",
                "nodes.conf",
                "--cluster-node-timeout",
                "1000",
                "--cluster-port",
                &bus,
            ];
            nodes.push(Redis::start_with(&arguments).await);
        }
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
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
