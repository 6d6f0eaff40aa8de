//! What a LISTEN costs from its frame to its RESPONSE: the real session, node, bus and gateway
//! plugin on one thread, over loopback.
//!
//! A client writes as many LISTENs as one connection may queue at once, each for another topic and
//! with its token, and reads as many RESPONSEs; so a LISTEN bears a fraction of the price of a
//! write and a read. Another client listens to the same topics all the time: the bus has them.
//! The gateway plugin is taken from `TIDEGATE_PLUGINS`, else from where `cargo xtask build` puts
//! it.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use tidegate::auth::{
    Auth, AuthConfig, Claims, CookieConfig, SameSite, SessionConfig, SessionStore,
};
use tidegate::bus::{self, Bus, BusConfig, Coalesce};
use tidegate::identity::NodeId;
use tidegate::limits::Limits;
use tidegate::node::{Node, Parts};
use tidegate::plugin::{
    AuthorizeRule, IoPlugins, Outside, PluginConfig, PluginHost, PluginSettings, PluginSpec,
    WorkerPlugins,
};
use tidegate::protocol::frame;
use tidegate::session::{self, WebSocketOptions};
use tidegate::shutdown::Lifecycle;
use tidegate::topic::Pattern;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::LocalSet;

/// LISTENs in one write; `Limits::queued_commands` and `Limits::topics_per_connection` take them.
const LISTENS: usize = 48;

fn plugins() -> PathBuf {
    if let Some(folder) = std::env::var_os("TIDEGATE_PLUGINS") {
        return folder.into();
    }
    // This is target/release/deps/listen-….
    let this = std::env::current_exe().expect("the path of this bench");
    let folder = this.ancestors().nth(2).expect("a target folder");
    folder.join("plugins")
}

fn gateway(folder: &Path, remembered_decisions: usize) -> (PluginHost, WorkerPlugins, IoPlugins) {
    let plugins = plugins();
    let config = PluginConfig {
        plugins: vec![PluginSpec {
            name: "gateway".into(),
            component: plugins.join("gateway.wasm"),
            settings: PluginSettings::File(plugins.join("gateway.toml")),
            sha256: None,
            grants: Vec::new(),
        }],
        authorize: vec![AuthorizeRule {
            pattern: Pattern::parse("**").expect("a pattern"),
            plugin: "gateway".into(),
        }],
        cache: folder.join("cache"),
        watch: false,
        remembered_decisions,
        ..PluginConfig::default()
    };
    let (host, handed) = PluginHost::start(config, 1, &Handle::current(), Outside::default())
        .unwrap_or_else(|error| panic!("{error}; `cargo xtask build` makes the plugin"));
    let worker = handed.workers.into_iter().next().expect("one worker");
    (host, worker, handed.io)
}

fn auth_config(data: &Path) -> AuthConfig {
    AuthConfig {
        keys: Vec::new(),
        data: data.to_owned(),
        trusted: Vec::new(),
        trusted_secret: None,
        jwks_url: None,
        issuer: "tidegate".into(),
        audience: "edge".into(),
        foreign_issuer: None,
        foreign_audience: None,
        leeway: Duration::from_secs(30),
        token_ttl: Duration::from_secs(3_600),
        revocation_ttl: Duration::from_secs(3_600),
        remembered_tokens: 1_000,
        session: SessionConfig {
            secrets: vec!["keyboard cat".into()],
            cookie: CookieConfig {
                name: "connect.sid".into(),
                domain: None,
                secure: false,
                http_only: true,
                same_site: SameSite::Lax,
            },
            store: SessionStore::Embedded,
            ttl: Duration::from_secs(3_600),
            allowed_origins: Vec::new(),
        },
    }
}

/// A client's frame, masked.
fn frame(text: &str) -> Vec<u8> {
    let mask = [7, 1, 9, 200];
    let length = u16::try_from(text.len()).expect("a short text");
    let mut bytes = vec![0x81];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    let start = bytes.len();
    bytes.extend_from_slice(text.as_bytes());
    frame::unmask(&mut bytes[start..], mask);
    bytes
}

/// A client whose session is served on this thread.
struct Client(TcpStream);

impl Client {
    async fn connect(node: &Rc<Node>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let client = TcpStream::connect(address).await.expect("it listens");
        let (server, _) = listener.accept().await.expect("a connection");
        let options = WebSocketOptions::default();
        tokio::task::spawn_local(session::run(node.clone(), server, Bytes::new(), options));
        Self(client)
    }

    /// Writes requests and reads so many bytes of answers, which must all be good.
    async fn ask(&mut self, requests: &[u8], answers: &mut [u8]) {
        self.0.write_all(requests).await.expect("it reads");
        self.0.read_exact(answers).await.expect("it answers");
    }
}

/// RESPONSEs without an error and with a nonce of two digits.
fn good_answers(count: usize) -> Vec<u8> {
    let one = |n: usize| {
        let text = format!(
            r#"{{"type":"RESPONSE","error":"","nonce":"{:02}"}}"#,
            n % 100
        );
        frame::encode(frame::Opcode::Text, text.as_bytes())
    };
    (0..count).flat_map(one).collect()
}

struct Scene {
    listener: Client,
    listens: Vec<u8>,
    unlisten: Vec<u8>,
    _host: PluginHost,
    _keeper: Client,
}

impl Scene {
    async fn new(folder: &Path, remembered_decisions: usize) -> Self {
        let (host, plugins, io_plugins) = gateway(folder, remembered_decisions);
        let auth = Auth::start(auth_config(folder)).await.expect("keys");
        let token = auth
            .mint(&Claims {
                subject: "user-4711".into(),
                scopes: vec!["user:read:chat".into(), "user:write:chat".into()],
                ttl: Duration::from_secs(3_600),
                session_id: None,
            })
            .expect("a token");
        let (sender, _inbox) = bus::inbox(1_024);
        let lifecycle = Lifecycle::new();
        let id = NodeId::random();
        let bus = Bus::start(
            BusConfig::Local,
            &id,
            vec![sender],
            Coalesce::default(),
            lifecycle,
            Box::new(|_| {}),
        )
        .expect("a bus");
        let node = Node::new(Parts {
            id,
            worker: 0,
            limits: Arc::new(Limits {
                messages_per_second: u32::MAX,
                ..Limits::default()
            }),
            rules: Arc::new([]),
            auth,
            bus,
            plugins,
            io_plugins,
        });
        let topics: Vec<String> = (0..LISTENS).map(|n| format!("chat:room:{n}")).collect();
        let listen = |(n, topic): (usize, &String)| {
            frame(&format!(
                r#"{{"type":"LISTEN","nonce":"{n:02}","data":{{"topics":["{topic}"],"auth_token":"{token}"}}}}"#
            ))
        };
        let listens: Vec<u8> = topics.iter().enumerate().flat_map(listen).collect();
        let all = topics.join("\",\"");
        let unlisten = frame(&format!(
            r#"{{"type":"UNLISTEN","nonce":"00","data":{{"topics":["{all}"]}}}}"#
        ));
        let mut keeper = Client::connect(&node).await;
        let mut answers = good_answers(LISTENS);
        keeper.ask(&listens, &mut answers).await;
        let listener = Client::connect(&node).await;
        Self {
            listener,
            listens,
            unlisten,
            _host: host,
            _keeper: keeper,
        }
    }

    /// The time of so many LISTENs; what they leave behind is taken away in between.
    async fn time(&mut self, iterations: u64) -> Duration {
        let (expected, gone) = (good_answers(LISTENS), good_answers(1));
        let mut answers = vec![0; expected.len()];
        let mut answer = vec![0; gone.len()];
        let rounds = iterations.div_ceil(LISTENS as u64);
        let mut taken = Duration::ZERO;
        for _ in 0..rounds {
            let begun = Instant::now();
            self.listener.ask(&self.listens, &mut answers).await;
            taken += begun.elapsed();
            assert!(answers == expected, "{}", String::from_utf8_lossy(&answers));
            self.listener.ask(&self.unlisten, &mut answer).await;
            assert!(answer == gone, "{}", String::from_utf8_lossy(&answer));
        }
        taken.mul_f64(iterations as f64 / (rounds * LISTENS as u64) as f64)
    }
}

fn listen(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    // With place for eight decisions and more topics that come in turn, each is asked for anew.
    for (name, remembered_decisions) in [("fresh", 8), ("remembered", 65_536)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let local = LocalSet::new();
        let mut scene = local.block_on(&runtime, Scene::new(folder.path(), remembered_decisions));
        criterion.bench_function(&format!("listen/{name} decision"), |bencher| {
            bencher.iter_custom(|iterations| local.block_on(&runtime, scene.time(iterations)));
        });
    }
}

criterion_group!(benches, listen);
criterion_main!(benches);
