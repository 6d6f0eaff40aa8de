//! The real `tidegate` binary: what it prints, where, and with which exit code.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

mod listen;
mod publish;

fn tidegate(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    command(folder, environment, arguments)
        .output()
        .expect("tidegate runs")
}

fn command(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn two_folders_with_one_key_mint_tokens_of_one_key() {
    let (one, two) = (folder(), folder());
    let key = tidegate(one.path(), &[], &["keys", "generate", "--out", "k.pem"]);
    assert_eq!(
        (key.status.code(), text(&key.stdout)),
        (Some(0), String::new())
    );
    let file = one.path().join("k.pem");
    assert_eq!(
        file.metadata().expect("a file").permissions().mode() & 0o777,
        0o600
    );
    let again = tidegate(one.path(), &[], &["keys", "generate", "--out", "k.pem"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).starts_with("cannot write k.pem: File exists"));

    let pem = fs::read_to_string(&file).expect("PEM");
    let mint = ["token", "mint", "--sub", "alice", "--scope", "a:b"];
    let by_file = tidegate(one.path(), &[("TIDEGATE_KEYS", "k.pem")], &mint);
    let by_text = tidegate(two.path(), &[("TIDEGATE_KEYS", &pem)], &mint);
    let header = |output: &Output| text(&output.stdout).split('.').next().map(str::to_owned);
    assert_eq!(header(&by_file), header(&by_text), "one kid");
    assert!(
        !two.path().join(".tidegate").exists(),
        "no key is made beside a given one"
    );

    let by_data = tidegate(two.path(), &[("TIDEGATE_DATA", "d")], &mint);
    assert_eq!(by_data.status.code(), Some(0), "{}", text(&by_data.stderr));
    assert_eq!(text(&by_data.stderr), "");
    assert_ne!(header(&by_data), header(&by_text));
    assert!(two.path().join("d/keys.pem").is_file());
}

#[test]
fn wrong_usage_is_2() {
    let folder = folder();
    for arguments in [
        &[][..],
        &["token", "mint"],
        &["token", "mint", "--sub", ""],
        &["token", "mint", "--sub", "a", "--scope", "a b"],
        &["token", "mint", "--sub", "a", "--ttl", "0s"],
        &["keys", "generate", "--alg", "HS256"],
        &["publish", "a::b", "x"],
        &["publish", "a:b", "x", "--url", "ftp://x"],
        &["listen"],
        &["listen", "a:*"],
        &["listen", "a:b", "--count", "0"],
    ] {
        let output = tidegate(folder.path(), &[], arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        assert_ne!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn wrong_settings_are_2_for_every_command_that_reads_them() {
    let folder = folder();
    fs::write(
        folder.path().join("tidegate.toml"),
        "[limits]\nframe_byts = 1\n",
    )
    .expect("a file");
    for arguments in [
        &["serve"][..],
        &["config", "check"],
        &["config", "show"],
        &["token", "mint", "--sub", "a"],
        &["publish", "a:b", "x"],
    ] {
        let output = tidegate(folder.path(), &[], arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(
            text(&output.stderr),
            "tidegate.toml:2: limits.frame_byts: is no setting; the nearest is limits.frame_bytes\n"
        );
    }
}

#[test]
fn config_check_reads_the_keys_and_makes_none() {
    let folder = folder();
    let plugins = folder.path().join("p");
    fs::create_dir(&plugins).expect("a folder");
    fs::write(plugins.join("gateway.wasm"), "").expect("a file");
    let check = |keys: &str| {
        let environment = [("TIDEGATE_PLUGINS", "p"), ("TIDEGATE_KEYS", keys)];
        tidegate(folder.path(), &environment, &["config", "check"])
    };
    let good = check("");
    assert_eq!(text(&good.stderr), "");
    assert_eq!(
        (good.status.code(), text(&good.stdout).as_str()),
        (Some(0), "the settings are right\n")
    );
    assert!(!folder.path().join(".tidegate").exists());
    let missing = check("nowhere.pem");
    assert_eq!(missing.status.code(), Some(2));
    let told = text(&missing.stderr);
    assert!(
        told.starts_with("TIDEGATE_KEYS: cannot read") && told.contains("nowhere.pem"),
        "{told}"
    );
}

#[test]
fn config_show_can_be_cut_off_by_its_reader() {
    let folder = folder();
    let mut child = command(folder.path(), &[], &["config", "show"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tidegate runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
}

#[test]
fn a_failing_start_is_one_json_record_and_1() {
    let folder = folder();
    fs::write(folder.path().join("gateway.wasm"), "no component").expect("a file");
    let environment = [
        ("TIDEGATE_PLUGINS", "."),
        ("PORT", "0"),
        ("TIDEGATE_LOG", "error"),
    ];
    let output = tidegate(folder.path(), &environment, &["serve"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
    let told = text(&output.stderr);
    let record: serde_json::Value =
        serde_json::from_str(told.lines().last().expect("a record")).expect("JSON");
    assert_eq!(record["level"], "ERROR", "{told}");
    assert_eq!(record["message"], "cannot serve", "{told}");
    assert!(record["error"].is_string(), "{told}");
}
