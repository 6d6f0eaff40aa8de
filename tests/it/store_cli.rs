//! `tidegate store`, with the real binary and what the AWS SDK finds in its environment.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate::store::{Condition, Store, StoreConfig};
use tidegate_tests::dynamodb::Dynamodb;
use tidegate_tests::store::{component, key, messages, open, users};
use tidegate_tests::{artifacts, tokens};

/// A folder with a plugin that has the chat's tables and does nothing.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let manifest = json!({
        "name": "chat", "version": "1.0.0", "hooks": [],
        "tables": [users(), messages()],
    });
    std::fs::write(folder.path().join("chat.wasm"), component(&manifest)).unwrap();
    let settings = "[plugin.chat]\ncomponent = \"chat.wasm\"\n";
    std::fs::write(folder.path().join("tidegate.toml"), settings).unwrap();
    folder
}

fn store(folder: &Path, env: &[(String, String)], arguments: &[&str]) -> Output {
    tokens::tidegate(folder, env, &[&["store"], arguments].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn done(output: &Output) -> (String, String) {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    (stdout, stderr)
}

#[track_caller]
fn failed(output: &Output) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    stderr
}

const LINES: &str = r#"{"table":"Users","item":{"UserName":"ann","SessionId":"s1"}}
{"table":"Users","item":{"UserName":"bob"}}

{"table":"Messages","item":{"PartitionKey":"general","CreatedAt":"1","Text":"a\nb"}}
"#;

fn sorted(lines: &str) -> Vec<Value> {
    let lines = lines.lines().filter(|line| !line.is_empty());
    let mut lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    lines.sort_by_key(Value::to_string);
    lines
}

/// The same on both backends: what an export gives, an import takes, as often as one likes.
fn there_and_back(env: &[(String, String)]) {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("in.jsonl"), LINES).unwrap();
    for _ in 0..2 {
        let (_, told) = done(&store(folder, env, &["import", "in.jsonl"]));
        assert_eq!(told, "imported 3 items\n");
    }
    let (stdout, told) = done(&store(folder, env, &["export"]));
    assert_eq!(told, "exported 3 items of 2 tables\n");
    assert_eq!(sorted(&stdout), sorted(LINES));
    done(&store(folder, env, &["export", "out.jsonl"]));
    let written = std::fs::read_to_string(folder.join("out.jsonl")).unwrap();
    assert_eq!(sorted(&written), sorted(LINES));
    let (stats, _) = done(&store(folder, env, &["stats"]));
    let users = stats.lines().find(|line| line.starts_with("Users"));
    let users: Vec<&str> = users.unwrap().split_whitespace().collect();
    assert_eq!(users[1], "2", "{stats}");
    assert!(stats.contains("GSI_SessionLookup"), "{stats}");

    let wrong = format!("{LINES}{{\"table\":\"Users\",\"item\":{{\"Name\":1}}}}\n{LINES}");
    std::fs::write(folder.join("wrong.jsonl"), wrong).unwrap();
    let told = failed(&store(folder, env, &["import", "wrong.jsonl"]));
    for part in ["wrong.jsonl", "line 5", "`Users`", "`UserName`", "imported"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    for (line, named) in [
        ("no JSON", "line 1: no item of an export"),
        (
            r#"{"table":"Rooms","item":{}}"#,
            "there is no table `Rooms`",
        ),
        (r#"{"table":"Users","itme":{}}"#, "unknown field `itme`"),
    ] {
        let told = failed(&piped(folder, env, line));
        assert!(told.contains(named) && told.contains("stdin"), "{told}");
    }
}

/// An import from stdin.
fn piped(folder: &Path, env: &[(String, String)], lines: &str) -> Output {
    std::fs::write(folder.join("piped"), lines).unwrap();
    Command::new(artifacts::binary())
        .args(["store", "import"])
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::from(
            std::fs::File::open(folder.join("piped")).unwrap(),
        ))
        .output()
        .unwrap()
}

#[test]
fn an_embedded_store_is_exported_imported_and_counted() {
    there_and_back(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamodb_is_exported_imported_and_counted() {
    let server = Dynamodb::moto().await;
    let mut env = server.environment();
    env.push(("TIDEGATE_STORE".into(), "dynamodb".into()));
    env.push(("TIDEGATE_STORE_TABLE_PREFIX".into(), "cli-".into()));
    tokio::task::spawn_blocking(move || {
        let folder = folder();
        let run = |arguments: &[&str]| store(folder.path(), &env, arguments);
        let told = failed(&run(&["export"]));
        assert!(told.contains("tidegate store create-tables"), "{told}");
        let (planned, _) = done(&run(&["create-tables", "--dry-run"]));
        assert_eq!(
            planned,
            "cli-Users: would be made\ncli-Messages: would be made\n"
        );
        let (made, warnings) = done(&run(&["create-tables"]));
        assert_eq!(
            (made.as_str(), warnings.as_str()),
            ("cli-Users: made\ncli-Messages: made\n", "")
        );
        let (again, _) = done(&run(&["create-tables"]));
        assert_eq!(again, "cli-Users: is there\ncli-Messages: is there\n");
        there_and_back(&env);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_time_to_live_is_warned_of_and_served() {
    let server = Dynamodb::dynalite().await;
    let mut env = server.environment();
    env.push(("TIDEGATE_STORE".into(), "dynamodb".into()));
    env.push(("TIDEGATE_STORE_TABLE_PREFIX".into(), "cli-".into()));
    let made =
        tokio::task::spawn_blocking(move || store(folder().path(), &env, &["create-tables"]));
    let (made, warnings) = done(&made.await.unwrap());
    assert_eq!(made, "cli-Users: made\ncli-Messages: made\n");
    assert!(
        warnings.contains("cli-Messages: time to live by `ExpiresAt`"),
        "{warnings}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_a_broker_has_open_is_left_alone() {
    let folder = folder();
    let path = folder.path().to_owned();
    let data = path.join(".tidegate");
    let held: Store = open(StoreConfig::embedded(data)).await.unwrap();
    held.declare("chat", &[users()]).await.unwrap();
    for arguments in [&["export"][..], &["import", "in.jsonl"], &["stats"]] {
        let told = failed(&store(&path, &[], arguments));
        for part in ["store.redb", "another process has it open", "stop it"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
    }
    let ann = r#"{"UserName":"ann"}"#;
    held.put("Users", ann, Condition::Always).await.unwrap();
    assert!(
        held.get("Users", &key("ann", None), true)
            .await
            .unwrap()
            .is_some()
    );
}

#[test]
fn what_is_not_there_is_said() {
    let folder = folder();
    let told = failed(&store(folder.path(), &[], &["export"]));
    assert!(told.contains("there is no store yet"), "{told}");
    assert!(
        !folder.path().join(".tidegate/store.redb").exists(),
        "none is made"
    );
    let (_, told) = done(&store(folder.path(), &[], &["create-tables"]));
    assert!(told.contains("makes its tables by itself"), "{told}");

    let two = json!({"name": "two", "version": "1", "hooks": [], "tables": [users()]});
    std::fs::write(folder.path().join("two.wasm"), component(&two)).unwrap();
    let settings =
        "[plugin.chat]\ncomponent = \"chat.wasm\"\n[plugin.two]\ncomponent = \"two.wasm\"\n";
    std::fs::write(folder.path().join("tidegate.toml"), settings).unwrap();
    let told = failed(&store(folder.path(), &[], &["import", "tidegate.toml"]));
    for part in ["table `Users`", "`chat`", "`two`"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let env = [
        ("TIDEGATE_STORE", "dynamodb"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let told = failed(&store(folder.path(), &env, &["stats"]));
    assert!(told.contains("no AWS region is set"), "{told}");
}
