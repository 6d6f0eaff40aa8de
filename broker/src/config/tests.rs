//! Settings from a made-up folder and environment.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::auth::{KeySource, SessionStore};
use crate::bus::BusMode;
use crate::outbox::SlowConsumer;
use crate::plugin::{Grant, PluginSettings, PluginSpec};

mod deploy;
mod docs;
mod errors;
mod sources;
mod table;

struct World {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl World {
    /// An empty folder, an empty environment, and a program without plugins beside it.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sources = Sources {
            folder: folder.path().to_owned(),
            program: folder.path().join("bin"),
            ..Sources::default()
        };
        Self { folder, sources }
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
        self
    }

    fn toml(self, text: &str) -> Self {
        self.file("tidegate.toml", text)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.sources
            .environment
            .insert(name.to_owned(), value.into());
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn reading(&self) -> Result<Reading, Problems> {
        read(self.sources.clone())
    }

    fn settings(&self) -> Settings {
        match self.reading().and_then(|reading| reading.settings()) {
            Ok(settings) => settings,
            Err(problems) => panic!("{problems}"),
        }
    }

    /// What is wrong, as the user reads it; the folder's name is left out.
    fn problems(&self) -> String {
        let wrong = match self.reading().and_then(|reading| reading.settings()) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        };
        wrong.replace(&self.path().display().to_string(), "DIR")
    }

    fn serving_problems(&self) -> String {
        let wrong = match self.reading().and_then(|reading| reading.serving()) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        };
        wrong.replace(&self.path().display().to_string(), "DIR")
    }
}

#[test]
fn an_empty_folder_has_working_defaults() {
    let world = World::new().file("bin/plugins/gateway.wasm", "");
    let settings = world.settings();
    assert_eq!(settings.server.bind.to_string(), "[::]:4444");
    assert!(settings.server.workers >= 1);
    assert_eq!(settings.server.node_id.as_str().len(), 12);
    assert_ne!(settings.server.node_id, world.settings().server.node_id);
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(settings.bus, BusConfig::Local);
    assert_eq!(settings.auth.data, world.path().join(".tidegate"));
    assert!(settings.auth.keys.is_empty());
    assert!(matches!(
        settings.auth.session.store,
        SessionStore::Embedded
    ));
    assert!(!settings.auth.session.cookie.secure);
    assert_eq!(settings.admin.bind, None);
    assert!(settings.sentry.is_none());
    let plugin = settings.plugin;
    assert_eq!(plugin.plugins.len(), 1);
    assert_eq!(
        plugin.plugins[0].component,
        world.path().join("bin/plugins/gateway.wasm")
    );
    assert!(
        matches!(&plugin.plugins[0].settings, PluginSettings::Beside(f) if f.ends_with("gateway.toml"))
    );
    assert_eq!(plugin.authorize[0].pattern.as_str(), "**");
    assert_eq!(plugin.authorize[0].plugin, "gateway");
    assert_eq!(plugin.principals.as_deref(), Some("gateway"));
    assert_eq!(plugin.cache, world.path().join(".tidegate/cache"));
    assert_eq!(world.serving_problems(), "");
}

#[test]
fn pages_are_those_beside_the_program_unless_the_settings_say_otherwise() {
    let pages = |world: &World| world.settings().server.pages;
    let world = World::new().file("bin/plugins/gateway.wasm", "");
    assert_eq!(pages(&world), None);
    let world = world.file("bin/pages/index.html", "");
    assert_eq!(pages(&world), Some(world.path().join("bin/pages")));
    let world = world.toml("[server]\npages = \"\"\n");
    assert_eq!(pages(&world), None);
    assert_eq!(world.serving_problems(), "");
    let world = world.toml("[server]\npages = \"site\"\n");
    assert_eq!(pages(&world), Some(world.path().join("site")));
    let wrong = "tidegate.toml:2: server.pages: DIR/site is no folder";
    assert_eq!(world.serving_problems(), wrong);
    let world = world
        .file("bin/pages/index.html", "")
        .file("site/a.txt", "");
    assert_eq!(world.serving_problems(), "");
    let world = world.env("TIDEGATE_PAGES", "bin/pages");
    assert_eq!(pages(&world), Some(world.path().join("bin/pages")));
}

#[test]
fn redis_carries_the_bus_and_the_sessions() {
    let world = World::new()
        .toml("[redis]\nmode = \"per-topic\"\nprobe_interval = \"1s\"\n")
        .env("REDIS_URL", "rediss://:pw@redis.internal:6380");
    let settings = world.settings();
    let BusConfig::Redis(redis) = settings.bus else {
        panic!("not Redis");
    };
    assert_eq!(redis.url, "rediss://:pw@redis.internal:6380");
    assert_eq!(redis.mode, BusMode::PerTopic);
    assert_eq!(redis.probe_interval, Duration::from_secs(1));
    assert_eq!(redis.channel, "realtime");
    assert!(matches!(
        settings.auth.session.store,
        SessionStore::Redis { ref prefix, .. } if prefix == "sess:"
    ));
    let embedded = world.env("TIDEGATE_SESSION_STORE", "embedded").settings();
    assert!(matches!(
        embedded.auth.session.store,
        SessionStore::Embedded
    ));
}

#[test]
fn topics_rules_and_plugins_are_tables() {
    let world = World::new()
        .file("bin/plugins/gateway.wasm", "")
        .file("bin/plugins/game.wasm", "")
        .file("bin/plugins/game.toml", "")
        .toml(
            r#"
            [[topics]]
            pattern = "telemetry:**"
            slow_consumer = "latest-only"
            coalesce = "10ms"
            [authorize]
            "**" = "gateway"
            "game:**" = "game"
            [plugin.game]
            publisher = ["game:**"]
            http = ["scores.example.com:8443"]
            [plugin.extra]
            component = "extra/x.wasm"
            settings = { rounds = 3, deep = { on = true } }
            sha256 = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            "#,
        );
    let settings = world.settings();
    assert_eq!(settings.topics.len(), 1);
    assert_eq!(settings.topics[0].slow_consumer, SlowConsumer::LatestOnly);
    assert_eq!(settings.topics[0].coalesce, Duration::from_millis(10));
    let plugin = settings.plugin;
    let names: Vec<_> = plugin.plugins.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["gateway", "game", "extra"]);
    assert_eq!(plugin.authorize.len(), 2);
    let game = &plugin.plugins[1];
    assert_eq!(game.component, world.path().join("bin/plugins/game.wasm"));
    assert!(matches!(&game.settings, PluginSettings::Beside(f) if f.ends_with("game.toml")));
    assert!(
        matches!(&game.grants[0], Grant::Publisher { topics } if topics[0].as_str() == "game:**")
    );
    assert_eq!(game.grants[1].name(), "http");
    let extra = &plugin.plugins[2];
    assert_eq!(extra.component, world.path().join("extra/x.wasm"));
    assert_eq!(extra.sha256.expect("a pin")[31], 0x1f);
    let PluginSettings::Inline(inline) = &extra.settings else {
        panic!("not inline");
    };
    assert_eq!(
        inline,
        &serde_json::json!({"rounds": 3, "deep": {"on": true}})
    );
}

#[test]
fn a_shipped_plugin_can_be_left_out() {
    let world = World::new()
        .file("bin/plugins/gateway.wasm", "")
        .toml("[plugin.gateway]\nenabled = false\n[authorize]\n");
    let plugin = world.settings().plugin;
    assert!(plugin.plugins.is_empty() && plugin.authorize.is_empty());
    assert_eq!(plugin.principals, None);
    assert_eq!(
        world.serving_problems(),
        "",
        "an empty [authorize] denies all, on purpose"
    );
}

#[test]
fn chat_answers_calls_if_it_is_there_and_is_granted_what_it_needs() {
    let names = |plugin: &PluginSpec| -> Vec<_> { plugin.grants.iter().map(Grant::name).collect() };
    let chat = || World::new().file("bin/plugins/chat.wasm", "");
    let plugin = chat().settings().plugin;
    assert_eq!(plugin.handlers, ["chat"]);
    assert_eq!(
        names(&plugin.plugins[0]),
        ["publisher", "store", "sessions"]
    );
    assert!(World::new().settings().plugin.handlers.is_empty());
    let none = chat().toml("[plugins]\nhandlers = []\n").settings();
    assert!(none.plugin.handlers.is_empty(), "on purpose");
    let other = chat().toml("[plugins]\nhandlers = [\"game\"]\n[plugin.game]\nstore = true\n");
    let other = other.settings().plugin;
    assert_eq!(other.handlers, ["game"]);
    assert_eq!(names(&other.plugins[1]), ["store"]);
    let less = "[plugin.chat]\nsessions = false\npublisher = [\"chat:message:**\"]\n";
    let less = chat().toml(less).settings().plugin;
    assert_eq!(names(&less.plugins[0]), ["publisher", "store"]);
}

#[test]
fn a_handler_must_be_there_and_have_a_name_to_call_by() {
    let world = World::new().toml("[plugins]\nhandlers = [\"game\"]\n[authorize]\n");
    assert_eq!(
        world.serving_problems(),
        "tidegate.toml:2: plugins.handlers: names the plugin \"game\", which is not configured"
    );
    let dotted = World::new().env("TIDEGATE_PLUGINS_HANDLERS", "game,a.b");
    let problems = dotted.problems();
    assert!(problems.contains("\"a.b\" has a dot"), "{problems}");
    let unclear = World::new()
        .toml("[plugin.game]\nstore = \"yes\"\n")
        .problems();
    let says = "plugin.game.store: \"yes\" is not true or false";
    assert!(unclear.contains(says), "{unclear}");
}

#[test]
fn keys_are_pem_text_or_files() {
    let pem = "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n";
    let world = World::new().env("TIDEGATE_KEYS", &format!("{pem},keys/old.pem"));
    let settings = world.settings();
    let [KeySource::Pem(text), KeySource::File(file)] = &settings.auth.keys[..] else {
        panic!("not two keys");
    };
    assert!(
        text.starts_with("-----BEGIN PRIVATE KEY-----\nAAAA\n"),
        "{text:?}"
    );
    assert_eq!(*file, world.path().join("keys/old.pem"));
}

#[test]
fn cookies_are_secure_where_there_is_tls() {
    let secure = |world: World| world.settings().auth.session.cookie.secure;
    assert!(!secure(World::new()));
    assert!(secure(World::new().env("SESSION_DOMAIN", "example.com")));
    assert!(secure(World::new().env("FLY_APP_NAME", "edge")));
    let off = World::new().env("SESSION_DOMAIN", "example.com");
    assert!(!secure(off.env("TIDEGATE_SESSION_SECURE", "false")));
}

#[test]
fn fly_machines_name_the_node() {
    let world = World::new().env("TIDEGATE_NODE_ID", "mine");
    assert_eq!(world.settings().server.node_id.as_str(), "mine");
    let world = world.env("FLY_MACHINE_ID", "e784e94b465618");
    assert_eq!(world.settings().server.node_id.as_str(), "e784e94b465618");
    let wrong = world.env("FLY_MACHINE_ID", "a.b").problems();
    assert!(
        wrong.contains("environment: FLY_MACHINE_ID: \"a.b\" is no node id"),
        "{wrong}"
    );
}
