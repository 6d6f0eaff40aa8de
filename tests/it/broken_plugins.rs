//! A plugin that cannot be loaded: the old one goes on, and the log says what and where.

use serde_json::json;
use tidegate_tests::artifacts;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::plugins::Plugins;
use tidegate_tests::setup::Setup;

pub(crate) const RULES: &str = "[authorize]\n\"**\" = \"guest\"\n[plugin.guest]\n";

/// A broker that serves `ordinary-one`, with a listener of `any:open`.
pub(crate) async fn serving() -> (Plugins, Broker, Client) {
    let plugins = Plugins::of_guest("ordinary-one");
    let setup = Setup::new()
        .env("TIDEGATE_PLUGINS", plugins.path())
        .settings(RULES);
    let broker = setup.start().await;
    let mut listener = Client::connect(&broker).await;
    listener.listen(&["any:open"]).await;
    (plugins, broker, listener)
}

/// Breaks the plugin; the log must hold all of `told` in one line, and version 1 must go on.
async fn old_one_goes_on(told: &[&str], break_it: impl FnOnce(&Plugins)) {
    let (plugins, broker, mut listener) = serving().await;
    let mark = broker.process.logs.len();
    break_it(&plugins);
    let what = format!("{told:?}");
    broker
        .logged_from(mark, &what, |line| {
            line.contains("guest") && told.iter().all(|part| line.contains(part))
        })
        .await;
    still_version_1(&broker, &mut listener).await;
}

pub(crate) async fn still_version_1(broker: &Broker, listener: &mut Client) {
    let mut newcomer = Client::connect(broker).await;
    newcomer.listen(&["any:open"]).await;
    let denied = newcomer
        .ask("LISTEN", json!({"topics": ["any:secret"]}))
        .await;
    assert_eq!(denied["data"]["reason"], "denied by version 1", "{denied}");
    let service = broker.service_token();
    broker
        .publish(&service, "any:open", json!("on and on"))
        .await;
    listener.expect_message("any:open", "on and on").await;
    newcomer.expect_message("any:open", "on and on").await;
}

#[tokio::test]
async fn no_wasm_at_all() {
    old_one_goes_on(&["guest.wasm"], |plugins| {
        plugins.replace("guest.wasm", b"fn main() { this is source, not wasm }");
    })
    .await;
}

#[tokio::test]
async fn an_empty_file() {
    old_one_goes_on(&["guest.wasm"], |plugins| {
        plugins.replace("guest.wasm", b"")
    })
    .await;
}

#[tokio::test]
async fn a_truncated_file() {
    old_one_goes_on(&["guest.wasm"], |plugins| {
        let whole = std::fs::read(artifacts::guest("ordinary-two")).unwrap();
        plugins.replace("guest.wasm", &whole[..whole.len() * 2 / 3]);
    })
    .await;
}

#[tokio::test]
async fn a_core_module_instead_of_a_component() {
    old_one_goes_on(&["guest.wasm", "component"], |plugins| {
        plugins.replace("guest.wasm", b"\0asm\x01\0\0\0");
    })
    .await;
}

#[tokio::test]
async fn the_file_is_removed() {
    let (plugins, broker, mut listener) = serving().await;
    std::fs::remove_file(plugins.file("guest.wasm")).unwrap();
    still_version_1(&broker, &mut listener).await;
    plugins.replace_by("guest.wasm", &artifacts::guest("ordinary-two"));
    listener
        .expect(json!({"type": "AUTH_REVOKED", "data": {"topics": ["any:open"]}}))
        .await;
}

#[tokio::test]
async fn a_missing_export() {
    old_one_goes_on(&["authorizer"], |plugins| {
        plugins.replace_by("guest.wasm", &artifacts::guest("missing-export"));
    })
    .await;
}

#[tokio::test]
async fn a_contract_of_the_future() {
    old_one_goes_on(&["authorizer", "2.0.0"], |plugins| {
        plugins.replace_by("guest.wasm", &artifacts::guest("future-contract"));
    })
    .await;
}

#[tokio::test]
async fn a_grant_it_lacks() {
    old_one_goes_on(&["publisher"], |plugins| {
        plugins.replace_by("guest.wasm", &artifacts::guest("wants-publisher"));
    })
    .await;
}

#[tokio::test]
async fn an_import_nobody_gets() {
    old_one_goes_on(&["wasi:random"], |plugins| {
        plugins.replace_by("guest.wasm", &artifacts::guest("wants-wasi"));
    })
    .await;
}

#[tokio::test]
async fn init_and_self_test_that_fail_trap_or_spin() {
    for (mode, told) in [
        ("init-fails", "this guest fails in init"),
        ("init-traps", "this guest panics in init"),
        ("init-spins", "init"),
        ("self-test-fails", "this guest fails its self-test"),
        ("self-test-traps", "this guest panics in its self-test"),
        ("self-test-spins", "self-test"),
    ] {
        old_one_goes_on(&[told], |plugins| misbehave(plugins, mode)).await;
    }
}

/// The settings first: `ordinary-one` takes any.
pub(crate) fn misbehave(plugins: &Plugins, mode: &str) {
    plugins.write("guest.toml", &format!("mode = \"{mode}\"\n"));
    plugins.replace_by("guest.wasm", &artifacts::guest("misbehave"));
}

#[tokio::test]
async fn settings_that_are_no_toml_name_the_file_and_the_line() {
    old_one_goes_on(&["guest.toml", "2"], |plugins| {
        plugins.write("guest.toml", "a = 1\nb = = 2\n");
    })
    .await;
}

#[tokio::test]
async fn a_broken_plugin_at_the_start_is_refused() {
    let plugins = Plugins::of_guest("ordinary-one");
    plugins.replace("guest.wasm", b"nonsense");
    let setup = Setup::new()
        .env("TIDEGATE_PLUGINS", plugins.path())
        .settings(RULES);
    let (status, words) = setup.start_refused().await;
    assert!(matches!(status.code(), Some(1 | 2)), "{status}");
    assert!(words.contains("guest.wasm"), "{words}");
}

#[tokio::test]
async fn a_pinned_component_is_the_only_one_taken() {
    let pinned = |hash: &str| format!("{RULES}sha256 = \"{hash}\"\n");
    let plugins = Plugins::of_guest("ordinary-one");
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let (status, words) = setup
        .settings(&pinned(&"0".repeat(64)))
        .start_refused()
        .await;
    assert!(matches!(status.code(), Some(1 | 2)), "{status}");
    assert!(words.contains("sha256"), "{words}");
    let right = plugins.sha256("guest.wasm");
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let broker = setup.settings(&pinned(&right)).start().await;
    let mut client = Client::connect(&broker).await;
    client.listen(&["any:open"]).await;
    let mark = broker.process.logs.len();
    plugins.replace_by("guest.wasm", &artifacts::guest("ordinary-two"));
    broker
        .logged_from(mark, "the pin", |line| line.contains("sha256"))
        .await;
    still_version_1(&broker, &mut client).await;
}
