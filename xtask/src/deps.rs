//! Licences, banned crates and duplicate versions of everything that is compiled in.

mod licence;
mod policy;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use crate::repo::Repo;
use tree::Package;

/// Checks the broker's workspace and the plugins'; names every fault.
pub fn check(repo: &Repo) -> anyhow::Result<()> {
    let mut roots = vec![repo.root.clone()];
    roots.extend(repo.guest_workspaces()?);
    let mut faults = BTreeSet::new();
    let mut seen = 0;
    for root in &roots {
        let packages = tree::packages(root)?;
        seen += packages.len();
        faults.extend(faults_in(&packages, &root.display().to_string()));
    }
    for fault in &faults {
        eprintln!("deps: {fault}");
    }
    anyhow::ensure!(
        faults.is_empty(),
        "{} faults in {seen} packages; the rules are in xtask/src/deps/policy.rs",
        faults.len()
    );
    println!(
        "deps: {seen} packages in {} workspaces, no fault",
        roots.len()
    );
    Ok(())
}

fn faults_in(packages: &BTreeSet<Package>, workspace: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages {
        faults.extend(fault_of(package));
    }
    for (name, versions) in duplicates(packages) {
        let allowed = policy::DUPLICATES.iter().any(|(known, _)| *known == name);
        if !allowed {
            let versions = versions.join(" and ");
            faults.push(format!(
                "{name} is there as {versions} in {workspace}, for no known reason"
            ));
        }
    }
    faults
}

fn fault_of(package: &Package) -> Option<String> {
    let Package {
        name,
        version,
        licence,
        origin,
    } = package;
    if let Some((_, reason)) = policy::BANNED.iter().find(|(banned, _)| banned == name) {
        return Some(format!("{name} {version} is banned: {reason}"));
    }
    if let Some(origin) = origin {
        return Some(format!(
            "{name} {version} comes from {origin}, not from crates.io"
        ));
    }
    if licence::is_allowed(licence, policy::LICENCES) {
        return None;
    }
    Some(format!("{name} {version} has the licence {licence:?}"))
}

fn duplicates(packages: &BTreeSet<Package>) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions
            .entry(&package.name)
            .or_default()
            .push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, licence: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            licence: licence.into(),
            origin: None,
        }
    }

    #[test]
    fn each_kind_of_fault_is_found_and_named() {
        let mut foreign = package("fork", "1.0.0", "MIT");
        foreign.origin = Some("https://example.org/fork".into());
        let packages = BTreeSet::from([
            package("fine", "1.0.0", "MIT"),
            package("openssl", "0.9.0", "MIT"),
            package("copyleft", "1.0.0", "GPL-3.0"),
            package("twice", "1.0.0", "MIT"),
            package("twice", "2.0.0", "MIT"),
            foreign,
        ]);
        let faults = faults_in(&packages, "here").join("\n");
        for named in [
            "openssl 0.9.0 is banned",
            "GPL-3.0",
            "1.0.0 and 2.0.0",
            "example.org",
        ] {
            assert!(faults.contains(named), "{named} is not in:\n{faults}");
        }
        assert!(!faults.contains("fine"), "{faults}");
    }
}
