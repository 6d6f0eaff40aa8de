//! The pages that are made from the table. `UPDATE_DOCS=1` writes them anew.

use std::path::PathBuf;

use super::super::{env_example, settings_doc};

#[test]
fn docs_settings_md_is_the_table() {
    matches_file("docs/settings.md", &settings_doc());
}

#[test]
fn env_example_is_the_table() {
    matches_file(".env.example", &env_example());
}

/// Copied as it is, or with every line switched on, it must be taken.
#[test]
fn env_example_is_a_valid_dotenv() {
    let world = || super::World::new().file("tidegate.toml", "");
    assert_eq!(world().file(".env", &env_example()).problems(), "");
    let on: String = env_example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(set) if set.contains('=') && !set.starts_with(' ') => format!("{set}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(on.contains("\nPORT=4444\n"), "{on}");
    assert_eq!(world().file(".env", &on).problems(), "");
}

fn matches_file(name: &str, expected: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, expected).expect("the page is written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{name} is not what the table says: UPDATE_DOCS=1 cargo test -p tidegate --lib writes it"
    );
}
