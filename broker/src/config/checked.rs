//! From values that are well-formed by themselves to settings that are right together.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::admin::AdminConfig;
use crate::auth::{AuthConfig, CookieConfig, KeySource, SameSite, SessionConfig, SessionStore};
use crate::bus::{BusConfig, RedisConfig};
use crate::identity::NodeId;
use crate::listener::ServerConfig;
use crate::observe::{LogConfig, SentryConfig};
use crate::plugin::PluginConfig;
use crate::session::{ForeignNode, SocketIoConfig};
use crate::store::{StoreBackend, StoreConfig};

use super::Settings;
use super::ingest;
use super::origin::{Origin, Problems};
use super::plugins;
use super::raw::{Secure, SessionBackend, StoreKind};
use super::reading::Reading;

/// On fly.io every machine has it.
const FLY_APP: &str = "FLY_APP_NAME";
const FLY_MACHINE: &str = "FLY_MACHINE_ID";

impl Reading {
    /// The settings, checked against each other: enough for the tools (`token mint`, …).
    ///
    /// # Errors
    /// All contradictions, each with its place.
    pub fn settings(&self) -> Result<Settings, Problems> {
        let mut problems = Problems::default();
        self.compare(&mut problems);
        self.check_channels(&mut problems);
        let data = self.data();
        let mut plugin = self.plugins(&data, &mut problems);
        let source = ingest::assemble(&self.raw, &plugin);
        plugin.mappers = ingest::claims(&source);
        let settings = Settings {
            server: self.server(&mut problems),
            source,
            plugin,
            limits: self.raw.limits.clone(),
            socketio: self.socketio(),
            topics: self.raw.topics.clone(),
            bus: self.bus(),
            auth: self.auth(&data, &mut problems),
            store: self.store(&data),
            admin: AdminConfig {
                bind: parsed(self.raw.admin_address.as_deref()),
            },
            log: LogConfig {
                filter: self.raw.log_filter.clone(),
                format: self.raw.log_format,
            },
            sentry: self.raw.sentry_dsn.clone().map(|dsn| SentryConfig {
                dsn,
                environment: self.raw.sentry_environment.clone(),
            }),
        };
        problems.none_or(settings)
    }

    /// Like [`Self::settings`], and what only `serve` asks for: plugins that are there, and on
    /// fly.io keys, for machines there keep no files.
    ///
    /// # Errors
    /// All that stands in the way, each with its place.
    pub fn serving(&self) -> Result<Settings, Problems> {
        let settings = self.settings()?;
        let mut problems = Problems::default();
        if self.variable(FLY_APP).is_some() && self.raw.auth.keys.is_empty() {
            let what = "must be set on fly.io, where machines keep no files: \
                        `tidegate keys generate --out keys.pem`, \
                        then `fly secrets set TIDEGATE_KEYS=\"$(cat keys.pem)\"`";
            problems.add(Origin::Default, "TIDEGATE_KEYS", what);
        }
        if let Some(folder) = settings.server.pages.as_deref().filter(|f| !f.is_dir()) {
            let what = format!("{} is no folder", folder.display());
            problems.add(self.origin_of("server.pages"), "server.pages", what);
        }
        plugins::check_serving(
            &settings.plugin,
            &self.raw,
            &self.plugins_folder(),
            |name| self.origin_of(name),
            &mut problems,
        );
        ingest::check_serving(
            &settings.source,
            &settings.plugin,
            &self.raw,
            self.origin_of("kafka.brokers"),
            &mut problems,
        );
        problems.none_or(settings)
    }

    fn compare(&self, problems: &mut Problems) {
        let raw = &self.raw;
        let mut at_most = |holds: bool, smaller: &str, larger: &str| {
            if !holds {
                let what = format!("must be at most {larger} ({})", self.origin_of(larger));
                problems.add(self.origin_of(smaller), smaller, what);
            }
        };
        let server = &raw.server;
        at_most(
            server.drain_spread <= server.drain_timeout,
            "server.drain_spread",
            "server.drain_timeout",
        );
        at_most(
            raw.limits.publication_bytes <= raw.limits.outbox_bytes,
            "limits.publication_bytes",
            "limits.outbox_bytes",
        );
        at_most(
            raw.limits.heartbeat <= raw.limits.idle_timeout,
            "limits.heartbeat",
            "limits.idle_timeout",
        );
        let redis = &raw.redis;
        at_most(
            redis.probe_interval <= redis.probe_timeout,
            "redis.probe_interval",
            "redis.probe_timeout",
        );
        at_most(
            redis.backoff_min <= redis.backoff_max,
            "redis.backoff_min",
            "redis.backoff_max",
        );
        at_most(
            raw.kafka.batch_records <= raw.kafka.partition_records,
            "kafka.batch_records",
            "kafka.partition_records",
        );
    }

    fn server(&self, problems: &mut Problems) -> ServerConfig {
        let server = &self.raw.server;
        let address: IpAddr =
            parsed(Some(&server.address)).unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        ServerConfig {
            bind: SocketAddr::new(address, server.port),
            workers: if server.workers == 0 {
                cores()
            } else {
                server.workers
            },
            node_id: self.node_id(problems),
            trusted_proxies: server
                .trusted_proxies
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
            pages: self.pages(),
            client_address_header: parsed(server.client_address_header.as_deref()),
            drain_timeout: server.drain_timeout,
            drain_spread: server.drain_spread,
        }
    }

    fn check_channels(&self, problems: &mut Problems) {
        let name = "redis.control_channel";
        if self.raw.redis.control_channel == self.raw.redis.channel {
            let what = format!(
                "must not be redis.channel ({})",
                self.origin_of("redis.channel")
            );
            problems.add(self.origin_of(name), name, what);
        }
    }

    /// On fly.io the machine's own name counts before any setting: settings are part of the image
    /// that all machines share, and the proxy finds a machine by that name only.
    fn node_id(&self, problems: &mut Problems) -> NodeId {
        let Some(machine) = self.variable(FLY_MACHINE) else {
            let given = parsed(self.raw.server.node_id.as_deref());
            return given.unwrap_or_else(NodeId::random);
        };
        machine.parse().unwrap_or_else(|error| {
            let what = format!("{machine:?} {error}");
            problems.add(Origin::Environment, FLY_MACHINE, what);
            NodeId::random()
        })
    }

    fn socketio(&self) -> SocketIoConfig {
        let raw = &self.raw.socketio;
        let has = |transport: &str| raw.transports.iter().any(|name| name == transport);
        let fitting = || match self.variable(FLY_MACHINE) {
            Some(_) => ForeignNode::FlyReplay,
            None => ForeignNode::Refuse,
        };
        SocketIoConfig {
            enabled: raw.enabled,
            path: raw.path.clone(),
            namespaces: raw.namespaces.clone(),
            ping_interval: raw.ping_interval,
            ping_timeout: raw.ping_timeout,
            upgrade_timeout: raw.upgrade_timeout,
            connect_timeout: raw.connect_timeout,
            max_payload: raw.max_payload,
            attachments: raw.attachments,
            listen: raw.listen.clone(),
            polling: has("polling"),
            websocket: has("websocket"),
            anonymous: raw.anonymous,
            foreign_node: raw.foreign_node.unwrap_or_else(fitting),
        }
    }

    fn bus(&self) -> BusConfig {
        match &self.raw.redis_url {
            None => BusConfig::Local,
            Some(url) => BusConfig::Redis(RedisConfig {
                url: url.clone(),
                ..self.raw.redis.clone()
            }),
        }
    }

    fn auth(&self, data: &Path, problems: &mut Problems) -> AuthConfig {
        let auth = &self.raw.auth;
        AuthConfig {
            keys: self.key_sources("auth.keys", &auth.keys),
            data: data.to_owned(),
            trusted: self.key_sources("auth.trusted_keys", &auth.trusted_keys),
            trusted_secret: auth.trusted_secret.clone(),
            jwks_url: parsed(auth.jwks_url.as_deref()),
            issuer: auth.issuer.clone(),
            audience: auth.audience.clone(),
            foreign_issuer: auth.foreign_issuer.clone(),
            foreign_audience: auth.foreign_audience.clone(),
            leeway: auth.leeway,
            token_ttl: auth.token_ttl,
            revocation_ttl: auth.revocation_ttl,
            remembered_tokens: auth.remembered_tokens,
            session: self.session(problems),
        }
    }

    fn session(&self, problems: &mut Problems) -> SessionConfig {
        let session = &self.raw.session;
        let behind_tls = session.cookie.domain.is_some() || self.variable(FLY_APP).is_some();
        let cookie = CookieConfig {
            secure: match session.secure {
                Secure::Auto => behind_tls,
                Secure::Always => true,
                Secure::Never => false,
            },
            ..session.cookie.clone()
        };
        if cookie.same_site == SameSite::None && !cookie.secure {
            let name = "session.same_site";
            let what = "none needs session.secure = true, else browsers drop the cookie";
            problems.add(self.origin_of(name), name, what);
        }
        let redis = self.raw.redis_url.clone();
        if session.store == SessionBackend::Redis && redis.is_none() {
            let what = "is redis, but redis.url (REDIS_URL) is not set";
            problems.add(self.origin_of("session.store"), "session.store", what);
        }
        SessionConfig {
            secrets: session.secrets.clone(),
            cookie,
            store: match (session.store, redis) {
                (SessionBackend::Auto | SessionBackend::Redis, Some(url)) => SessionStore::Redis {
                    url,
                    prefix: session.redis_prefix.clone(),
                },
                _ => SessionStore::Embedded,
            },
            ttl: session.ttl,
            allowed_origins: session.allowed_origins.clone(),
        }
    }

    fn store(&self, data: &Path) -> StoreConfig {
        let store = &self.raw.store;
        StoreConfig {
            backend: match store.backend {
                StoreKind::Embedded => StoreBackend::Embedded {
                    data: data.to_owned(),
                },
                StoreKind::Dynamodb => StoreBackend::Dynamodb(store.dynamodb.clone()),
            },
            queue: store.queue,
        }
    }

    fn data(&self) -> PathBuf {
        let default = || self.sources.folder.join(".tidegate");
        self.raw.server.data.clone().unwrap_or_else(default)
    }

    fn plugins(&self, data: &Path, problems: &mut Problems) -> PluginConfig {
        let folder = self.plugins_folder();
        plugins::assemble(&self.raw, &folder, data, &self.environment, problems)
    }

    fn plugins_folder(&self) -> PathBuf {
        let default = || self.sources.program.join("plugins");
        self.raw.plugins_folder.clone().unwrap_or_else(default)
    }

    fn pages(&self) -> Option<PathBuf> {
        let beside = || Some(self.sources.program.join("pages")).filter(|folder| folder.is_dir());
        match &self.raw.server.pages {
            None => beside(),
            Some(folder) => Some(folder.clone()).filter(|folder| !folder.as_os_str().is_empty()),
        }
    }

    /// PEM text or files. Secret stores often keep PEM on one line, with `\n` for its ends.
    fn key_sources(&self, name: &str, items: &[String]) -> Vec<KeySource> {
        let base = self.base_of(&self.origin_of(name));
        let source = |item: &String| {
            if item.contains("-----BEGIN") {
                KeySource::Pem(item.replace("\\n", "\n"))
            } else {
                KeySource::File(base.join(item))
            }
        };
        items.iter().map(source).collect()
    }
}

/// Reading has checked these texts; `None` only where there is none.
fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}
