//! Settings as given: each value well-formed and in range by itself, none compared with another.

use std::path::PathBuf;
use std::time::Duration;

use crate::auth::{CookieConfig, SameSite};
use crate::bus::RedisConfig;
use crate::limits::Limits;
use crate::observe::LogFormat;
use crate::outbox::TopicRule;
use crate::plugin::{AuthorizeRule, PluginConfig};
use crate::session::{ForeignNode, SocketIoConfig};
use crate::source::{IngestRule, KafkaConfig};
use crate::store::{DEFAULT_QUEUE, DynamodbConfig};

use super::origin::Origin;
use super::plugins::NamedPlugin;

#[derive(Clone)]
pub struct Raw {
    pub server: RawServer,
    pub limits: Limits,
    pub socketio: RawSocketIo,
    pub topics: Vec<TopicRule>,
    pub redis_url: Option<String>,
    pub redis: RedisConfig,
    pub kafka_brokers: Option<String>,
    pub kafka: KafkaConfig,
    /// `None` = the list is not there, which is not the same as an empty one.
    pub ingest: Option<Vec<NamedIngest>>,
    pub auth: RawAuth,
    pub session: RawSession,
    pub store: RawStore,
    pub plugins_folder: Option<PathBuf>,
    pub plugin_cache: Option<PathBuf>,
    pub plugins: PluginConfig,
    /// `None` = the setting is not there, which is not the same as an empty list.
    pub handlers: Option<Vec<String>>,
    /// `None` = the table is not there, which is not the same as an empty one.
    pub authorize: Option<Vec<AuthorizeRule>>,
    pub named_plugins: Vec<NamedPlugin>,
    pub admin_address: Option<String>,
    pub log_filter: String,
    pub log_format: LogFormat,
    pub sentry_dsn: Option<String>,
    pub sentry_environment: Option<String>,
}

/// An `[[ingest]]` entry and its place.
#[derive(Clone)]
pub struct NamedIngest {
    pub origin: Origin,
    pub rule: IngestRule,
}

#[derive(Clone)]
pub struct RawServer {
    pub address: String,
    pub port: u16,
    /// 0 = one per core.
    pub workers: usize,
    pub data: Option<PathBuf>,
    /// `None` = the default, which is not the same as the empty path, none.
    pub pages: Option<PathBuf>,
    pub node_id: Option<String>,
    pub trusted_proxies: Vec<String>,
    pub client_address_header: Option<String>,
    pub drain_timeout: Duration,
    pub drain_spread: Duration,
}

#[derive(Clone)]
pub struct RawSocketIo {
    pub enabled: bool,
    pub path: String,
    pub namespaces: Vec<String>,
    pub transports: Vec<String>,
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    pub upgrade_timeout: Duration,
    pub connect_timeout: Duration,
    pub max_payload: usize,
    pub attachments: usize,
    pub listen: Vec<String>,
    pub anonymous: bool,
    /// `None` = as fits where it runs.
    pub foreign_node: Option<ForeignNode>,
}

#[derive(Clone)]
pub struct RawAuth {
    pub keys: Vec<String>,
    pub trusted_keys: Vec<String>,
    pub trusted_secret: Option<String>,
    pub jwks_url: Option<String>,
    pub issuer: String,
    pub audience: String,
    pub foreign_issuer: Option<String>,
    pub foreign_audience: Option<String>,
    pub leeway: Duration,
    pub token_ttl: Duration,
    pub revocation_ttl: Duration,
    pub remembered_tokens: usize,
}

#[derive(Clone)]
pub struct RawSession {
    pub secrets: Vec<String>,
    pub cookie: CookieConfig,
    pub secure: Secure,
    pub store: SessionBackend,
    pub redis_prefix: String,
    pub ttl: Duration,
    pub allowed_origins: Vec<String>,
}

/// Whether cookies are for HTTPS only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// If a session domain is set or on fly.io, where TLS stands in front.
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionBackend {
    /// Redis if there is one.
    Auto,
    Embedded,
    Redis,
}

#[derive(Clone)]
pub struct RawStore {
    pub backend: StoreKind,
    pub queue: usize,
    pub dynamodb: DynamodbConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    Embedded,
    Dynamodb,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            server: RawServer::default(),
            limits: Limits::default(),
            socketio: RawSocketIo::default(),
            topics: Vec::new(),
            redis_url: None,
            redis: RedisConfig::default(),
            kafka_brokers: None,
            kafka: KafkaConfig::default(),
            ingest: None,
            auth: RawAuth::default(),
            session: RawSession::default(),
            store: RawStore::default(),
            plugins_folder: None,
            plugin_cache: None,
            plugins: PluginConfig::default(),
            handlers: None,
            authorize: None,
            named_plugins: Vec::new(),
            admin_address: None,
            log_filter: "info".to_owned(),
            log_format: LogFormat::Auto,
            sentry_dsn: None,
            sentry_environment: None,
        }
    }
}

impl Default for RawServer {
    fn default() -> Self {
        Self {
            address: "::".to_owned(),
            port: 4444,
            workers: 0,
            data: None,
            pages: None,
            node_id: None,
            trusted_proxies: Vec::new(),
            client_address_header: None,
            drain_timeout: Duration::from_secs(30),
            drain_spread: Duration::from_secs(10),
        }
    }
}

impl Default for RawSocketIo {
    fn default() -> Self {
        let SocketIoConfig {
            enabled,
            path,
            namespaces,
            ping_interval,
            ping_timeout,
            upgrade_timeout,
            connect_timeout,
            max_payload,
            attachments,
            listen,
            anonymous,
            ..
        } = SocketIoConfig::default();
        Self {
            enabled,
            path,
            namespaces,
            transports: vec!["polling".to_owned(), "websocket".to_owned()],
            ping_interval,
            ping_timeout,
            upgrade_timeout,
            connect_timeout,
            max_payload,
            attachments,
            listen,
            anonymous,
            foreign_node: None,
        }
    }
}

impl Default for RawAuth {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            trusted_keys: Vec::new(),
            trusted_secret: None,
            jwks_url: None,
            issuer: "tidegate".to_owned(),
            audience: "tidegate".to_owned(),
            foreign_issuer: None,
            foreign_audience: None,
            leeway: Duration::from_secs(5),
            token_ttl: Duration::from_secs(3_600),
            revocation_ttl: Duration::from_secs(86_400),
            remembered_tokens: 100_000,
        }
    }
}

impl Default for RawSession {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            cookie: CookieConfig {
                name: "connect.sid".to_owned(),
                domain: None,
                secure: false,
                http_only: true,
                same_site: SameSite::Lax,
            },
            secure: Secure::Auto,
            store: SessionBackend::Auto,
            redis_prefix: "sess:".to_owned(),
            ttl: Duration::from_secs(14 * 86_400),
            allowed_origins: Vec::new(),
        }
    }
}

impl Default for RawStore {
    fn default() -> Self {
        Self {
            backend: StoreKind::Embedded,
            queue: DEFAULT_QUEUE,
            dynamodb: DynamodbConfig::default(),
        }
    }
}
