//! Which source wins, and what is none of our business.

use super::*;

fn frame_bytes(world: &World) -> usize {
    world.settings().limits.frame_bytes
}

#[test]
fn the_environment_beats_dotenv_and_dotenv_the_file() {
    let file = || World::new().toml("[limits]\nframe_bytes = 1000\n");
    assert_eq!(frame_bytes(&file()), 1000);
    let dotenv = || file().file(".env", "TIDEGATE_LIMITS_FRAME_BYTES=2000\n");
    assert_eq!(frame_bytes(&dotenv()), 2000);
    let environment = dotenv().env("TIDEGATE_LIMITS_FRAME_BYTES", "3000");
    assert_eq!(frame_bytes(&environment), 3000);
    let emptied = dotenv().env("TIDEGATE_LIMITS_FRAME_BYTES", "");
    assert_eq!(
        frame_bytes(&emptied),
        1000,
        "an empty variable unsets what .env says"
    );
}

#[test]
fn dotenv_never_reaches_the_environment() {
    let world = World::new().file(
        ".env",
        "TIDEGATE_TEST_LEAK=1\n# comment\nexport PORT='4555'\n",
    );
    assert!(world.problems().contains("TIDEGATE_TEST_LEAK"));
    assert!(std::env::var_os("TIDEGATE_TEST_LEAK").is_none());
    let world = World::new().file(".env", "export PORT='4555'\n");
    assert_eq!(world.settings().server.bind.port(), 4555);
}

#[test]
fn other_variables_are_none_of_our_business() {
    let world = World::new()
        .env("DATABASE_URL", "x")
        .env("KAFKA_BROKERS", "x")
        .env("PORTS", "x")
        .env("TIDEGATES", "x")
        .file(".env", "USER_SERVICE_URL=x\n");
    assert_eq!(world.problems(), "");
}

#[test]
fn the_file_can_be_named() {
    let text = "[limits]\nframe_bytes = 1000\n[plugins]\nfolder = \"wasm\"\n";
    let named = |world: World| world.file("etc/edge.toml", text);
    let world = named(World::new()).env("TIDEGATE_CONFIG", "etc/edge.toml");
    assert_eq!(frame_bytes(&world), 1000);
    let mut world = named(World::new()).env("TIDEGATE_CONFIG", "nowhere.toml");
    assert!(
        world
            .problems()
            .starts_with("DIR/nowhere.toml: cannot be read")
    );
    world.sources.file = Some("etc/edge.toml".into());
    assert_eq!(
        frame_bytes(&world),
        1000,
        "the command line beats the environment"
    );
    let shown = world.reading().expect("it reads").show();
    let folder = world.path().join("etc/wasm").display().to_string();
    assert!(
        shown.contains(&folder),
        "paths are meant from the file's folder: {shown}"
    );
}

#[test]
fn tables_can_come_from_the_environment() {
    let world = World::new()
        .file("bin/plugins/gateway.wasm", "")
        .toml("[authorize]\n\"a:**\" = \"gateway\"\n")
        .env("TIDEGATE_AUTHORIZE", r#"{"b:**" = "gateway"}"#)
        .env(
            "TIDEGATE_TOPICS",
            r#"[{pattern = "c:**", coalesce = "5ms"}]"#,
        );
    let settings = world.settings();
    let patterns: Vec<_> = settings
        .plugin
        .authorize
        .iter()
        .map(|r| r.pattern.as_str())
        .collect();
    assert_eq!(patterns, ["b:**"]);
    assert_eq!(settings.topics[0].coalesce, Duration::from_millis(5));
}

#[test]
fn show_tells_where_each_value_is_from_and_masks_secrets() {
    let world = World::new()
        .toml("[limits]\nheartbeat = \"20s\"\n[auth]\ntrusted_secret = \"s3cr3t\"\n")
        .file(".env", "\nSESSION_SECRET=s3cr3t,older-s3cr3t\n")
        .env("REDIS_URL", "redis://user:s3cr3t@redis:6380/2")
        .env("TIDEGATE_KEYS", "s3cr3t.pem")
        .env("SENTRY_DSN", "https://s3cr3t@sentry.example.com/42");
    let shown = world.reading().expect("it reads").show();
    for line in [
        "heartbeat = \"20s\"  # tidegate.toml:2",
        "secrets = [\"***\", \"***\"]  # .env:2",
        "url = \"redis://***@redis:6380/2\"  # environment: REDIS_URL",
        "dsn = \"https://***@sentry.example.com/42\"  # environment: SENTRY_DSN",
        "port = 4444  # default",
        "# node_id is unset: random at each start",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert!(!shown.contains("s3cr3t"), "{shown}");
    toml::from_str::<toml::Table>(&shown).expect("what is shown is TOML");
}
