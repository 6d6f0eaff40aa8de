//! Where Redis is: from a URL to clients. The only place that sees the password.

use std::path::Path;
use std::time::Duration;

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    ProtocolVersion, RedisResult, TlsCertificates,
};

use crate::bus::{BusError, BusMode, RedisConfig};

/// Requests that may wait in a connection; the publisher has fewer pipelines in flight, so it is
/// never held up there.
const CONNECTION_QUEUE: usize = 128;
/// MOVED, ASK and a failover are followed by the client itself this often.
const CLUSTER_RETRIES: u32 = 3;

/// A parsed Redis URL (or several, for a cluster) with its timeouts.
#[derive(Clone)]
pub struct Endpoint {
    nodes: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
    pub cluster: bool,
    node_timeout: Duration,
    /// A cluster's nodes are asked where its slots are and then connected, some of which may hang.
    pub connect_timeout: Duration,
    pub command_timeout: Duration,
}

impl Endpoint {
    /// TLS is what the scheme says: `rediss://` has it, `redis://` has not.
    pub fn parse(config: &RedisConfig) -> Result<Self, BusError> {
        let cluster = config.mode == BusMode::Sharded;
        let nodes = config
            .url
            .split(',')
            .map(|url| parse_node(url.trim()))
            .collect::<Result<Vec<_>, _>>()?;
        if nodes.len() > 1 && !cluster {
            return Err(BusError::Url(
                "several urls need a cluster (mode sharded)".to_owned(),
            ));
        }
        let tls = nodes
            .iter()
            .any(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. }));
        if tls {
            // Fails when one is installed already, which is as good.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let endpoint = Self {
            nodes,
            certificates: config
                .ca_file
                .as_deref()
                .filter(|_| tls)
                .map(authorities)
                .transpose()?,
            cluster,
            node_timeout: config.connect_timeout,
            connect_timeout: config.connect_timeout * if cluster { 4 } else { 1 },
            command_timeout: config.command_timeout,
        };
        endpoint.check(config)?;
        Ok(endpoint)
    }

    /// Builds a client once, so that wrong settings are told at start and not at each connect.
    fn check(&self, config: &RedisConfig) -> Result<(), BusError> {
        let built = if self.cluster {
            self.cluster_builder().build().map(drop)
        } else {
            self.client(ProtocolVersion::RESP3).map(drop)
        };
        built.map_err(|error| match (&config.ca_file, &self.certificates) {
            (Some(path), Some(_)) => BusError::CaFile {
                path: path.display().to_string(),
                error: error.to_string(),
            },
            _ => BusError::Url(error.to_string()),
        })
    }

    /// Host and port, for logs.
    pub fn name(&self) -> String {
        let names: Vec<_> = self
            .nodes
            .iter()
            .map(|node| match node.addr() {
                ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }
                    if host.contains(':') =>
                {
                    format!("[{host}]:{port}")
                }
                other => other.to_string(),
            })
            .collect();
        names.join(",")
    }

    pub fn client(&self, protocol: ProtocolVersion) -> RedisResult<Client> {
        let node = self.nodes[0].clone();
        let settings = node.redis_settings().clone().set_protocol(protocol);
        let node = node.set_redis_settings(settings);
        match &self.certificates {
            Some(certificates) => Client::build_with_tls(node, certificates.clone()),
            None => Client::open(node),
        }
    }

    pub fn cluster_builder(&self) -> ClusterClientBuilder {
        let builder = ClusterClient::builder(self.nodes.clone())
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(self.node_timeout)
            .response_timeout(self.command_timeout)
            .overall_response_timeout(Some(self.command_timeout))
            .retries(CLUSTER_RETRIES)
            .tcp_settings(tcp());
        match &self.certificates {
            Some(certificates) => builder.certs(certificates.clone()),
            None => builder,
        }
    }

    pub fn connection_config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.node_timeout))
            .set_response_timeout(Some(self.command_timeout))
            .set_pipeline_buffer_size(CONNECTION_QUEUE)
    }
}

fn parse_node(url: &str) -> Result<ConnectionInfo, BusError> {
    // The crate's errors do not repeat the URL, which may hold a password.
    let node = url
        .into_connection_info()
        .map_err(|error| BusError::Url(error.to_string()))?;
    if matches!(node.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(BusError::Url(
            "#insecure is not supported; name the authority in a ca file".to_owned(),
        ));
    }
    Ok(node.set_tcp_settings(tcp()))
}

fn tcp() -> TcpSettings {
    // A pipeline is one write; waiting for the peer's acknowledgement would hold back the next.
    TcpSettings::default().set_nodelay(true)
}

fn authorities(path: &Path) -> Result<TlsCertificates, BusError> {
    let pem = std::fs::read(path).map_err(|error| BusError::CaFile {
        path: path.display().to_string(),
        error: error.to_string(),
    })?;
    Ok(TlsCertificates {
        client_tls: None,
        root_cert: Some(pem),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, mode: BusMode) -> Result<Endpoint, BusError> {
        Endpoint::parse(&RedisConfig {
            url: url.to_owned(),
            mode,
            ..RedisConfig::default()
        })
    }

    #[test]
    fn the_scheme_alone_decides_on_tls_and_the_name_holds_no_password() {
        for (url, tls, name) in [
            ("redis://u:secret@host:7000/3", false, "host:7000"),
            ("rediss://:secret@host", true, "host:6379"),
            (
                "redis://default:secret@fly-x.upstash.io:6379",
                false,
                "fly-x.upstash.io:6379",
            ),
            ("redis://[fdaa::1]:6380", false, "[fdaa::1]:6380"),
        ] {
            let endpoint = parse(url, BusMode::Broadcast).expect(url);
            let is_tls = matches!(endpoint.nodes[0].addr(), ConnectionAddr::TcpTls { .. });
            assert_eq!((is_tls, endpoint.name().as_str()), (tls, name));
        }
    }

    #[test]
    fn wrong_settings_are_told_without_the_password() {
        for (url, why) in [
            ("http://u:secret@host", "did not parse"),
            ("redis://u:secret@host:99999", "did not parse"),
            ("redis://u:secret@a,redis://u:secret@b", "mode sharded"),
            ("redis://u:secret@0.0.0.0", "wildcard"),
            ("rediss://u:secret@host/#insecure", "not supported"),
        ] {
            let error = parse(url, BusMode::Broadcast)
                .map(drop)
                .expect_err(url)
                .to_string();
            assert!(
                error.contains(why) && !error.contains("secret"),
                "{url}: {error}"
            );
        }
        let config = RedisConfig {
            url: "rediss://host".to_owned(),
            ca_file: Some("/nowhere/ca.pem".into()),
            ..RedisConfig::default()
        };
        let error = Endpoint::parse(&config)
            .map(drop)
            .expect_err("no file")
            .to_string();
        assert!(
            error.starts_with("redis ca file /nowhere/ca.pem: "),
            "{error}"
        );
    }
}
