//! `fly.toml`, `Dockerfile` and `docker-compose.yml` say what the broker understands.

use std::path::Path;
use std::time::Duration;

use toml::{Table, Value};

use super::super::parse_duration;
use super::World;

/// What `fly.toml` may hold: flyctl ignores other keys silently unless `fly config validate
/// --strict` is run. `[]` is an array of tables, `*` any name. From flyctl `internal/appconfig`
/// (`config.go`, `service.go`, at ad0172fa, 2026-08-21) and fly-go `machine_types.go` (at 005ce19b).
const FLY_KEYS: &[&str] = &[
    "app",
    "primary_region",
    "kill_signal",
    "kill_timeout",
    "swap_size_mb",
    "build.dockerfile",
    "build.build-target",
    "build.args.*",
    "deploy.strategy",
    "deploy.max_unavailable",
    "deploy.wait_timeout",
    "deploy.release_command",
    "env.*",
    "processes.*",
    "http_service.internal_port",
    "http_service.force_https",
    "http_service.auto_stop_machines",
    "http_service.auto_start_machines",
    "http_service.min_machines_running",
    "http_service.processes",
    "http_service.concurrency.type",
    "http_service.concurrency.soft_limit",
    "http_service.concurrency.hard_limit",
    "http_service.http_options.idle_timeout",
    "http_service.http_options.compress",
    "http_service.http_options.h2_backend",
    "http_service.checks[].grace_period",
    "http_service.checks[].interval",
    "http_service.checks[].timeout",
    "http_service.checks[].method",
    "http_service.checks[].path",
    "http_service.checks[].headers.*",
    "restart[].policy",
    "restart[].retries",
    "restart[].processes",
    "metrics[].port",
    "metrics[].path",
    "metrics[].https",
    "metrics[].processes",
    "vm[].size",
    "vm[].memory",
    "vm[].cpu_kind",
    "vm[].cpus",
    "vm[].memory_mb",
    "vm[].processes",
];

/// Fly's API refuses a longer `kill_timeout`.
const FLY_LONGEST_KILL: Duration = Duration::from_secs(300);
/// What fly's init lets a process open (superfly/init-snapshot, `src/bin/init/main.rs`).
const FLY_OPEN_FILES: i64 = 10_240;
/// Listeners, Redis, epoll and logs of the broker itself, by far.
const OWN_FILES: i64 = 200;
/// After `server.drain_timeout`, for what is closed last.
const MARGIN: Duration = Duration::from_secs(2);

#[test]
fn fly_toml_has_only_keys_that_flyctl_knows() {
    assert_eq!(unknown(&fly()), Vec::<String>::new());
    for (text, key) in [
        ("kill_time = 5", "kill_time"),
        (
            "[http_service.check]\npath = \"/\"",
            "http_service.check.path",
        ),
        (
            "[http_service.checks]\npath = \"/\"",
            "http_service.checks.path",
        ),
        ("[metrics]\nport = 1", "metrics.port"),
        ("[[vm]]\nram = \"1gb\"", "vm[].ram"),
    ] {
        let table: Table = text.parse().expect("TOML");
        assert_eq!(unknown(&table), [key]);
    }
}

#[test]
fn the_broker_takes_the_environment_of_fly_toml() {
    let fly = fly();
    let mut world = World::new()
        .file("bin/plugins/gateway.wasm", "")
        .env("FLY_APP_NAME", "tidegate")
        .env("FLY_MACHINE_ID", "e784e94b465618");
    for (name, value) in at(&fly, "env").as_table().expect("[env]") {
        assert!(!name.starts_with("FLY_"), "{name}: fly refuses it");
        world = world.env(name, value.as_str().expect("values of [env] are texts"));
    }
    assert!(
        world
            .serving_problems()
            .starts_with("TIDEGATE_KEYS: must be set on fly.io"),
        "{}",
        world.serving_problems()
    );
    let settings = world.env("TIDEGATE_KEYS", "keys.pem").settings();
    let port = |key| at(&fly, key).as_integer().expect("a number");
    assert_eq!(
        port("http_service.internal_port"),
        i64::from(settings.server.bind.port())
    );
    let admin = settings.admin.bind.expect("an admin listener");
    assert!(admin.ip().is_unspecified() && admin.is_ipv6(), "{admin}");
    assert_eq!(port("metrics.0.port"), i64::from(admin.port()));
    let hard = port("http_service.concurrency.hard_limit");
    assert_eq!(usize::try_from(hard), Ok(settings.limits.connections));
    assert!(hard + OWN_FILES <= FLY_OPEN_FILES, "{hard}");
    assert!(port("http_service.concurrency.soft_limit") < hard);
    let idle = port("http_service.http_options.idle_timeout");
    let idle = Duration::from_secs(u64::try_from(idle).expect("seconds"));
    assert!(idle > settings.limits.idle_timeout);
    assert!(settings.server.client_address_header.is_some());
    let trusted = |address: &str| {
        let address = address.parse().expect("an address");
        settings
            .server
            .trusted_proxies
            .iter()
            .any(|network| network.contains(address))
    };
    assert!(trusted("172.19.132.33"), "the proxy, as a machine sees it");
    assert!(
        trusted("::ffff:172.19.132.33"),
        "the same on a socket that takes both"
    );
    assert!(
        !trusted("fdaa:0:18:a7b:d6b:0:a:2"),
        "a neighbour past the proxy"
    );
}

/// Longer than the broker's own deadline, wherever something else would kill it.
#[test]
fn nothing_kills_the_broker_while_it_drains() {
    let drain = World::new().settings().server.drain_timeout;
    let fly = fly();
    let text = |key| at(&fly, key).as_str().expect("a text");
    assert_eq!(text("kill_signal"), "SIGTERM");
    let kill = parse_duration(text("kill_timeout")).expect("a duration");
    assert!(
        kill >= drain + MARGIN && kill <= FLY_LONGEST_KILL,
        "{kill:?}"
    );
    let compose = read("docker-compose.yml");
    let grace = value_of(&compose, "stop_grace_period:").expect("stop_grace_period");
    assert!(
        parse_duration(grace).expect("a duration") >= drain + MARGIN,
        "{grace}"
    );
    assert_eq!(value_of(&read("Dockerfile"), "STOPSIGNAL"), Some("SIGTERM"));
}

/// The image's `ENV`, and that its one public port is the one that is served.
#[test]
fn the_broker_takes_the_environment_of_the_image() {
    let dockerfile = read("Dockerfile");
    let (_, env) = dockerfile.split_once("\nENV ").expect("ENV");
    let env = env.split("\nEXPOSE").next().expect("EXPOSE after ENV");
    let mut world = World::new();
    for pair in env.replace('\\', "").split_whitespace() {
        let (name, value) = pair.split_once('=').expect("NAME=value");
        world = world.env(name, value);
    }
    let settings = world.settings();
    let exposed = value_of(&dockerfile, "EXPOSE").expect("EXPOSE");
    assert_eq!(settings.server.bind.port().to_string(), exposed);
    assert_eq!(settings.auth.data, Path::new("/var/lib/tidegate"));
    assert_eq!(value_of(&dockerfile, "WORKDIR /var"), Some("/lib/tidegate"));
}

fn fly() -> Table {
    read("fly.toml").parse().expect("fly.toml is TOML")
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rest of the first line that begins with `key`.
fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.trim_start().strip_prefix(key))
        .map(str::trim)
}

/// `a.b.0` in nested tables and arrays.
fn at<'a>(table: &'a Table, path: &str) -> &'a Value {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let start = table
        .get(first)
        .unwrap_or_else(|| panic!("fly.toml has no {first}"));
    rest.split('.')
        .filter(|key| !key.is_empty())
        .fold(start, |value, key| {
            let inner = match key.parse::<usize>() {
                Ok(index) => value.get(index),
                Err(_) => value.get(key),
            };
            inner.unwrap_or_else(|| panic!("fly.toml has no {path}"))
        })
}

fn unknown(table: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    collect(table, "", &mut keys);
    keys.retain(|key| !is_known(key));
    keys
}

fn is_known(key: &str) -> bool {
    FLY_KEYS.iter().any(|known| match known.strip_suffix('*') {
        Some(prefix) => key
            .strip_prefix(prefix)
            .is_some_and(|name| !name.contains('.')),
        None => *known == key,
    })
}

/// The path of every value, `[]` after an array of tables.
fn collect(table: &Table, path: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match value {
            Value::Table(inner) => collect(inner, &path, keys),
            Value::Array(items) if items.iter().all(Value::is_table) && !items.is_empty() => {
                for item in items.iter().filter_map(Value::as_table) {
                    collect(item, &format!("{path}[]"), keys);
                }
            }
            _ => keys.push(path),
        }
    }
}
