//! The commands beside `serve`: what they print, where, and with which exit code.

use std::path::Path;
use std::process::Output;

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::process::Process;
use tidegate_tests::{artifacts, tokens};

fn run(folder: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    let env: Vec<_> = env
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    tokens::tidegate(folder, &env, arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn token_mint_prints_the_token_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let keys = tokens::keys("EdDSA");
    let arguments = [
        "token", "mint", "--sub", "alice", "--scope", "a:b", "--scope", "c", "--ttl", "1h",
    ];
    let output = run(folder.path(), &[("TIDEGATE_KEYS", &keys)], &arguments);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    let printed = text(&output.stdout);
    let token = printed.strip_suffix('\n').unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{printed:?}");
    assert!(
        token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    );
    let claims = tokens::claims(token);
    assert_eq!(
        (&claims["sub"], &claims["scope"]),
        (&json!("alice"), &json!("a:b c"))
    );
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(life, 3600);
}

#[test]
fn keys_generate_makes_each_algorithm_and_a_file_for_the_owner() {
    use std::os::unix::fs::PermissionsExt;
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let keys = tokens::keys(algorithm);
        assert!(
            keys.starts_with("-----BEGIN PRIVATE KEY-----\n"),
            "{algorithm}"
        );
        let folder = tempfile::tempdir().unwrap();
        let env = [("TIDEGATE_KEYS".to_owned(), keys)];
        let token = tokens::mint(folder.path(), &env, "alice", &[], "1m");
        assert_eq!(tokens::header(&token)["alg"], algorithm);
    }
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &[],
        &["keys", "generate", "--out", "key.pem"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let file = folder.path().join("key.pem");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
    let again = run(
        folder.path(),
        &[],
        &["keys", "generate", "--out", "key.pem"],
    );
    assert_eq!(again.status.code(), Some(1), "a key is never overwritten");
}

#[test]
fn wrong_usage_is_2_and_said_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["no-such-command"][..],
        &["token", "mint"],
        &["token", "mint", "--sub", "a", "--ttl", "soon"],
        &["keys", "generate", "--alg", "HS256"],
        &[],
    ] {
        let output = run(folder.path(), &[], arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        assert_ne!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn every_command_has_help() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &["serve"][..],
        &["keys", "generate"],
        &["token", "mint"],
        &["publish"],
        &["listen"],
        &["config", "check"],
        &["config", "show"],
    ] {
        let arguments = [command, &["--help"]].concat();
        let output = run(folder.path(), &[], &arguments);
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        assert!(
            text(&output.stdout).contains("Usage: tidegate"),
            "{command:?}"
        );
    }
}

#[test]
fn config_check_and_show_keep_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = [
        ("SESSION_SECRET", "s3cr3t-session"),
        ("REDIS_URL", "redis://:s3cr3t-redis@127.0.0.1:1"),
        ("SENTRY_DSN", "http://s3cr3t@127.0.0.1:1/1"),
    ];
    let checked = run(folder.path(), &secrets, &["config", "check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let shown = run(folder.path(), &secrets, &["config", "show"]);
    assert_eq!(shown.status.code(), Some(0));
    assert!(text(&shown.stdout).contains("frame_bytes"));
    for output in [checked, shown] {
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(!all.contains("s3cr3t"), "{all}");
    }
    std::fs::write(
        folder.path().join("tidegate.toml"),
        "[limits]\nnonsense = 1\n",
    )
    .unwrap();
    let checked = run(folder.path(), &[], &["config", "check"]);
    assert_eq!(checked.status.code(), Some(2));
    assert!(
        text(&checked.stderr).contains("tidegate.toml:2"),
        "{}",
        text(&checked.stderr)
    );
}

#[tokio::test]
async fn publish_and_listen_work_from_the_shell() {
    let broker = Broker::start().await;
    let token = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    let url = broker.url("");
    let mut listen = std::process::Command::new(artifacts::binary());
    listen
        .args(["listen", "--url", &url, "channel:update"])
        .env_clear();
    let listener = Process::spawn("tidegate listen", &mut listen);
    let publish = [
        "publish",
        "--url",
        &url,
        "--token",
        &token,
        "channel:update",
        r#"{"n":1}"#,
    ];
    // Published until the listener, which has no word for "ready", is seen to print it.
    tidegate_tests::wait::until("tidegate listen prints the message", async || {
        let output = run(broker.folder(), &[], &publish);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        listener
            .logs
            .find(|line| line.contains(r#"{"n":1}"#) || line.contains(r#"{\"n\":1}"#))
    })
    .await;
    client.expect_message("channel:update", r#"{"n":1}"#).await;
}
