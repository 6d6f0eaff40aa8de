//! Keys and tokens, made with the commands that operators use.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::artifacts;

/// Runs `tidegate` with only these variables; the folder is where it looks for files.
pub fn tidegate(folder: &Path, env: &[(String, String)], arguments: &[&str]) -> Output {
    Command::new(artifacts::binary())
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .output()
        .expect("tidegate can be started")
}

/// A fresh key pair as PEM text, for `TIDEGATE_KEYS`.
pub fn keys(algorithm: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    stdout(tidegate(
        folder.path(),
        &[],
        &["keys", "generate", "--alg", algorithm],
    ))
}

/// `tidegate token mint`; the keys are those of the environment and the folder.
pub fn mint(
    folder: &Path,
    env: &[(String, String)],
    subject: &str,
    scopes: &[&str],
    ttl: &str,
) -> String {
    let mut arguments = vec!["token", "mint", "--sub", subject, "--ttl", ttl];
    for scope in scopes {
        arguments.extend(["--scope", scope]);
    }
    stdout(tidegate(folder, env, &arguments))
        .trim_end()
        .to_owned()
}

/// What a command that must succeed printed.
#[track_caller]
pub fn stdout(output: Output) -> String {
    let text = String::from_utf8(output.stdout).expect("stdout is UTF-8");
    assert!(
        output.status.success(),
        "tidegate failed with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// The claims of a token, unverified.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

/// The token with another `kid` in its header; its signature is that of the old one.
pub fn with_kid(token: &str, kid: &str) -> String {
    let mut header = header(token);
    header["kid"] = kid.into();
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let (_, rest) = token.split_once('.').expect("a token has three parts");
    format!("{header}.{rest}")
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap_or_default();
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .expect("a token's part is base64url");
    serde_json::from_slice(&json).expect("a token's part is JSON")
}
