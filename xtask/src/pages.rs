//! The chat's page and the client that it uses, put where the broker serves them from.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::deliver;
use crate::repo::{Profile, Repo};

/// Where the files are, and in which folder of the pages they belong.
pub const SOURCES: [(&str, &str); 2] =
    [("examples/chat-web/page", ""), ("sdk/client/src", "client")];

/// What a page is made of; the client's types are not.
pub const ENDINGS: [&str; 4] = ["css", "html", "mjs", "svg"];

/// Delivers all files to `target/<profile>/pages/`, where nothing else stays.
pub fn deliver(repo: &Repo, profile: Profile) -> anyhow::Result<()> {
    let pages = repo.page_folder(profile);
    let mut delivered = BTreeSet::new();
    for (source, folder) in SOURCES {
        let to = pages.join(folder);
        fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
        for file in files_in(&repo.root.join(source))? {
            let Some(name) = file.file_name().filter(|_| is_page(&file)) else {
                continue;
            };
            deliver::file(&file, &to.join(name))?;
            delivered.insert(to.join(name));
        }
    }
    for (_, folder) in SOURCES {
        for file in files_in(&pages.join(folder))? {
            if file.is_file() && !delivered.contains(&file) {
                fs::remove_file(&file)
                    .with_context(|| format!("cannot remove {}", file.display()))?;
            }
        }
    }
    Ok(())
}

fn is_page(file: &Path) -> bool {
    ENDINGS
        .iter()
        .any(|ending| file.extension().is_some_and(|e| e == *ending))
}

fn files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_client_are_delivered_and_nothing_else_stays() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let repo = Repo {
            root: folder.path().join("root"),
            target: folder.path().join("target"),
        };
        for file in [
            "root/examples/chat-web/page/index.html",
            "root/examples/chat-web/page/.app.mjs.swp",
            "root/sdk/client/src/index.mjs",
            "root/sdk/client/src/index.d.mts",
            "target/debug/pages/old.css",
            "target/debug/pages/client/old.mjs",
        ] {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, "x").expect("a file");
        }
        deliver(&repo, Profile::Dev).expect("delivered");
        let pages = repo.page_folder(Profile::Dev);
        let mut found = [&pages, &pages.join("client")].map(|folder| {
            let files = files_in(folder).expect("a folder");
            files
                .into_iter()
                .filter(|file| file.is_file())
                .collect::<Vec<_>>()
        });
        found.sort();
        assert_eq!(
            found.concat(),
            [pages.join("client/index.mjs"), pages.join("index.html")]
        );
    }
}
