//! What is said when settings are wrong: the texts are part of what users see.

use super::*;
use insta::assert_snapshot;

fn toml_problems(text: &str) -> String {
    World::new().toml(text).problems()
}

#[test]
fn unknown_names_get_the_nearest_known_one() {
    assert_snapshot!(toml_problems("[limits]\nframe_byts = 1\n"), @"tidegate.toml:2: limits.frame_byts: is no setting; the nearest is limits.frame_bytes");
    assert_snapshot!(toml_problems("[limit]\nframe_bytes = 1\n"), @"tidegate.toml:1: limit: is no setting; the nearest is limits");
    assert_snapshot!(toml_problems("[server]\nframe_bytes = 1\n"), @"tidegate.toml:2: server.frame_bytes: is no setting; the nearest is limits.frame_bytes");
    assert_snapshot!(toml_problems("[[topics]]\npatern = \"a\"\n"), @"tidegate.toml:2: topics.patern: is unknown here; the nearest is pattern");
    assert_snapshot!(toml_problems("[plugin.x]\nzzz = \"a\"\n"), @"tidegate.toml:2: plugin.x.zzz: is unknown here; known are component, settings, sha256, publisher, http, store, sessions, enabled");
    assert_snapshot!(toml_problems("colour = \"blue\"\n"), @"tidegate.toml:1: colour: is no setting");
    let env = |name: &str| World::new().env(name, "1").problems();
    assert_snapshot!(env("TIDEGATE_WORKRES"), @"environment: TIDEGATE_WORKRES: is no setting; the nearest is TIDEGATE_WORKERS");
    assert_snapshot!(env("TIDEGATE_SERVER_WORKERS"), @"environment: TIDEGATE_SERVER_WORKERS: is no setting; the nearest is TIDEGATE_WORKERS");
    assert_snapshot!(env("TIDEGATE_QQQQQQQQQQQQQQQQ"), @"environment: TIDEGATE_QQQQQQQQQQQQQQQQ: is no setting");
    let dotenv = World::new()
        .file(".env", "A=1\n\nTIDEGATE_DATE=x\n")
        .problems();
    assert_snapshot!(dotenv, @".env:3: TIDEGATE_DATE: is no setting; the nearest is TIDEGATE_DATA");
}

#[test]
fn values_out_of_range_name_their_place_and_range() {
    assert_snapshot!(toml_problems("[limits]\nheartbeat = \"soon\"\n"), @r#"tidegate.toml:2: limits.heartbeat: "soon" is not a duration of 10ms to 1h"#);
    assert_snapshot!(toml_problems("[limits]\nheartbeat = 10\n"), @r#"tidegate.toml:2: limits.heartbeat: "10" is not a duration of 10ms to 1h"#);
    assert_snapshot!(toml_problems("[limits]\nheartbeat = \"2h\"\n"), @r#"tidegate.toml:2: limits.heartbeat: "2h" is not a duration of 10ms to 1h"#);
    assert_snapshot!(toml_problems("[limits]\nframe_bytes = \"64KB\"\n"), @r#"tidegate.toml:2: limits.frame_bytes: "64KB" is not a size of 125B to 16MiB"#);
    assert_snapshot!(toml_problems("[limits]\nconnections = -1\n"), @r#"tidegate.toml:2: limits.connections: "-1" is not a whole number of 1 to 10000000"#);
    assert_snapshot!(toml_problems("[limits]\nconnections = [1]\n"), @"tidegate.toml:2: limits.connections: must be a whole number of 1 to 10000000");
    assert_snapshot!(toml_problems("[redis]\nmode = \"sharted\"\n"), @r#"tidegate.toml:2: redis.mode: "sharted" is not one of broadcast, per-topic, sharded"#);
    assert_snapshot!(toml_problems("[plugins]\nwatch = \"yes\"\n"), @r#"tidegate.toml:2: plugins.watch: "yes" is not true or false"#);
    assert_snapshot!(toml_problems("limits = 5\n"), @"tidegate.toml:1: limits: must be a table: [limits]");
    let env = |name: &str, value: &str| World::new().env(name, value).problems();
    assert_snapshot!(env("PORT", "http"), @r#"environment: PORT: "http" is not a whole number of 0 to 65535"#);
    assert_snapshot!(env("TIDEGATE_ADMIN", "9091"), @r#"environment: TIDEGATE_ADMIN: "9091" is no address with a port, such as 127.0.0.1:9091"#);
    assert_snapshot!(env("TIDEGATE_LOG", "info,tidegate=loud"), @r#"environment: TIDEGATE_LOG: "info,tidegate=loud" is no log filter: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5"#);
    assert_snapshot!(env("SESSION_DOMAIN", "https://example.com"), @r#"environment: SESSION_DOMAIN: "https://example.com" is no domain, such as example.com"#);
    assert_snapshot!(env("TIDEGATE_SESSION_ALLOWED_ORIGINS", "https://a.example,b.example"), @r#"environment: TIDEGATE_SESSION_ALLOWED_ORIGINS: "b.example" is no origin, such as https://app.example.com, nor *"#);
    assert_snapshot!(env("TIDEGATE_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.0/33"), @r#"environment: TIDEGATE_SERVER_TRUSTED_PROXIES: "10.0.0.0/33" is no address or network, such as 10.0.0.0/8"#);
    assert_snapshot!(env("TIDEGATE_AUTHORIZE", "gateway"), @"environment: TIDEGATE_AUTHORIZE: is no TOML value");
}

#[test]
fn tables_name_the_entry_that_is_wrong() {
    assert_snapshot!(toml_problems("[[topics]]\npattern = \"a:b*\"\n"), @r#"tidegate.toml:2: topics.pattern: topic pattern "a:b*": segment "b*" is neither a topic segment nor one of * ** {sub}"#);
    assert_snapshot!(toml_problems("[[topics]]\ncoalesce = \"1h\"\n"), @r#"tidegate.toml:2: topics.coalesce: "1h" is not a duration of 0s to 10s"#);
    assert_snapshot!(toml_problems("[topics]\npattern = \"a\"\n"), @"tidegate.toml:1: topics: must be a list: [[topics]]");
    assert_snapshot!(toml_problems("[authorize]\n\"a b\" = \"gateway\"\n"), @r#"tidegate.toml:2: authorize: topic pattern "a b": segment "a b" is neither a topic segment nor one of * ** {sub}"#);
    assert_snapshot!(toml_problems("[plugin.x]\nsha256 = \"12\"\n"), @r#"tidegate.toml:2: plugin.x.sha256: "12" is no sha256 (64 hexadecimal digits)"#);
    assert_snapshot!(toml_problems("[plugin.x]\nhttp = [\"a.example/x\"]\n"), @r#"tidegate.toml:2: plugin.x.http: "a.example/x" is no host, host:port or http(s) URL"#);
    assert_snapshot!(toml_problems("[plugin]\nx = 1\n"), @"tidegate.toml:2: plugin.x: must be a table");
}

#[test]
fn text_that_is_no_toml_or_no_dotenv_is_placed() {
    assert_snapshot!(toml_problems("[limits]\nheartbeat = \n"), @"tidegate.toml:2: string values must be quoted, expected literal string");
    assert_snapshot!(toml_problems("[limits]\nheartbeat = \"1s\"\nheartbeat = \"2s\"\n"), @"tidegate.toml:3: duplicate key");
    let dotenv = World::new()
        .file(".env", "A=1\nSESSION_SECRET=s3cr3t with spaces\n")
        .problems();
    assert_snapshot!(dotenv, @".env:2: is no line of the form NAME=value (quote values with spaces)");
}

#[test]
fn contradictions_name_both_places() {
    let text =
        "[server]\ndrain_spread = \"40s\"\n[limits]\nheartbeat = \"30m\"\nidle_timeout = \"20m\"\n";
    assert_snapshot!(toml_problems(text), @r#"
    tidegate.toml:2: server.drain_spread: must be at most server.drain_timeout (default)
    tidegate.toml:4: limits.heartbeat: must be at most limits.idle_timeout (tidegate.toml:5)
    "#);
    assert_snapshot!(toml_problems("[session]\nsame_site = \"none\"\nstore = \"redis\"\n"), @r#"
    tidegate.toml:2: session.same_site: none needs session.secure = true, else browsers drop the cookie
    tidegate.toml:3: session.store: is redis, but redis.url (REDIS_URL) is not set
    "#);
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let world = World::new()
        .toml("[limits]\nframe_byts = 1\nheartbeat = \"x\"\n")
        .env("PORT", "x")
        .env("TIDEGATE_X", "1");
    assert_eq!(world.problems().lines().count(), 4);
}

#[test]
fn secrets_never_reach_an_error() {
    for (name, value) in [
        ("REDIS_URL", "http://:s3cr3t@x"),
        ("SENTRY_DSN", "s3cr3t"),
        ("TIDEGATE_AUTHORIZE", "= broken"),
    ] {
        let problems = World::new().env(name, value).problems();
        assert!(problems.contains(name), "{problems}");
        assert!(!problems.contains("s3cr3t"), "{problems}");
    }
    let toml = toml_problems("[session]\nsecrets = [[\"s3cr3t\"]]\n");
    assert!(
        toml.contains("tidegate.toml:2") && !toml.contains("s3cr3t"),
        "{toml}"
    );
}

#[test]
fn serving_asks_for_more_than_the_tools() {
    let world = World::new();
    assert_eq!(world.problems(), "", "token mint works without plugins");
    assert_snapshot!(world.serving_problems(), @"nobody authorizes topics: DIR/bin/plugins/gateway.wasm is not there and the settings have no [authorize]; build it with `cargo xtask build`, or name the plugins' folder in TIDEGATE_PLUGINS");
    let fly = World::new()
        .file("bin/plugins/gateway.wasm", "")
        .env("FLY_APP_NAME", "edge");
    assert_snapshot!(fly.serving_problems(), @r#"TIDEGATE_KEYS: must be set on fly.io, where machines keep no files: `tidegate keys generate --out keys.pem`, then `fly secrets set TIDEGATE_KEYS="$(cat keys.pem)"`"#);
    let with_keys = fly.env("TIDEGATE_KEYS", "keys.pem");
    assert_eq!(with_keys.serving_problems(), "");
    let rules = "[authorize]\n\"a:**\" = \"game\"\n[plugins]\nprincipals = \"users\"\n[plugin.x]\n";
    assert_snapshot!(World::new().toml(rules).serving_problems(), @r#"
    tidegate.toml:1: authorize."a:**": names the plugin "game", which is not configured
    tidegate.toml:4: plugins.principals: names the plugin "users", which is not configured
    tidegate.toml:5: plugin.x: component DIR/bin/plugins/x.wasm is not there
    "#);
}

#[test]
fn kafka_and_ingest_name_what_is_wrong() {
    let entry = |more: &str| toml_problems(&format!("[[ingest]]\ntopic = \"t\"\n{more}"));
    assert_snapshot!(entry(""), @"tidegate.toml:1: ingest: has no mapper");
    assert_snapshot!(entry("mapper = \"m\"\ndead_letters = \"d\"\n"), @"tidegate.toml:4: ingest.dead_letters: is unknown here; the nearest is dead_letter");
    assert_snapshot!(entry("mapper = \"m\"\ndead_letter = \"t\"\n"), @"tidegate.toml:1: ingest.dead_letter: is a topic that is read itself: failing records would go in circles");
    assert_snapshot!(entry("mapper = \"m\"\n[[ingest]]\ntopic = \"t\"\nmapper = \"m\"\n"), @r#"tidegate.toml:4: ingest.topic: names the topic "t" a second time"#);
    assert_snapshot!(toml_problems("[[ingest]]\ntopic = \"a b\"\nmapper = \"m\"\n"), @r#"tidegate.toml:2: ingest.topic: "a b" is no Kafka topic (1 to 249 of A-Z a-z 0-9 . _ -)"#);
    assert_snapshot!(toml_problems("[ingest]\ntopic = \"t\"\n"), @"tidegate.toml:1: ingest: must be a list: [[ingest]]");
    assert_snapshot!(toml_problems("[kafka.properties]\ngroup.id = \"x\"\nacks = [1]\n"), @r#"
    tidegate.toml:3: kafka.properties."acks": must be a text or a number
    tidegate.toml:2: kafka.properties."group.id": kafka.group (KAFKA_GROUP) sets it
    "#);

    let env = |name: &str, value: &str| World::new().env(name, value).problems();
    assert_snapshot!(env("KAFKA_BROKERS", "a:1,:2"), @r#"environment: KAFKA_BROKERS: "a:1,:2" is no host:port, nor several with commas"#);
    assert_snapshot!(env("TIDEGATE_KAFKA_PROPERTIES", "{ 'ssl.key.password' = 's3cr3t', x = 1 }"), @r#"environment: kafka.properties."x": is no property of librdkafka"#);
}
