//! The table itself: every row works from every source, and no two rows clash.

use std::collections::BTreeSet;

use super::super::put::{put, show};
use super::super::raw::Raw;
use super::super::table::{self, Kind, Setting};
use super::*;
use crate::config::given::Given;
use crate::config::origin::Origin;

#[test]
fn names_are_unique_and_stand_in_their_section() {
    let mut names = BTreeSet::new();
    for (section, settings) in table::sections() {
        for setting in settings {
            let prefix = format!("{section}.");
            assert!(setting.key.starts_with(&prefix), "{}", setting.key);
            assert!(names.insert(setting.env_name()), "{}", setting.env_name());
            assert!(names.insert(setting.key.to_owned()), "{}", setting.key);
            assert!(setting.about.ends_with('.'), "{}", setting.about);
        }
    }
    for (name, _) in table::TABLES {
        assert!(names.insert(table::derived_name(name)), "{name}");
    }
}

/// Values that differ from the default and from each other.
fn samples(setting: &Setting) -> [&'static str; 2] {
    match &setting.kind {
        Kind::Duration { max, .. } if *max <= Duration::from_secs(1) => ["7ms", "9ms"],
        Kind::Duration { .. } => ["7s", "9s"],
        Kind::Bytes { .. } => ["128KiB", "192KiB"],
        Kind::Count { .. } => ["17", "19"],
        Kind::Switch(_) => ["true", "false"],
        Kind::Choice { of, .. } => [of[of.len() - 2], of[of.len() - 1]],
        Kind::Path(_) | Kind::PathOrNone(_) => ["/a", "/b"],
        Kind::OptionalList { .. } => ["a1", "b2"],
        Kind::Text { .. } | Kind::Optional { .. } | Kind::List { .. } => match setting.key {
            "server.address" => ["127.0.0.1", "::1"],
            "server.trusted_proxies" => ["10.0.0.0/8", "fd00::/8"],
            "admin.address" => ["127.0.0.1:1", "[::1]:2"],
            "redis.url" => ["redis://a", "rediss://b"],
            "auth.jwks_url" | "session.allowed_origins" | "store.endpoint" => {
                ["https://a", "http://b"]
            }
            "sentry.dsn" => ["https://k@a/1", "https://k@b/2"],
            "socketio.path" => ["/a/", "/b/"],
            "socketio.namespaces" => ["/a", "/b"],
            "socketio.transports" => ["polling", "websocket"],
            "log.filter" => ["warn", "debug"],
            _ => ["a1", "b2"],
        },
    }
}

/// A row that points at another row's place would change what that one shows.
#[test]
fn each_row_sets_its_own_place_and_no_other() {
    let origin = Origin::Environment;
    for setting in table::all() {
        let mut shown = BTreeSet::new();
        for sample in samples(setting) {
            let mut raw = Raw::default();
            let outcome = put(
                setting,
                &Given::text(origin.clone(), sample),
                Path::new("/"),
                &mut raw,
            );
            outcome.unwrap_or_else(|what| panic!("{}: {what}", setting.key));
            shown.insert(unmasked(setting, &mut raw));
            for other in table::all().filter(|other| other.key != setting.key) {
                let default = show(other, &mut Raw::default());
                assert_eq!(
                    show(other, &mut raw),
                    default,
                    "{} sets {}",
                    setting.key,
                    other.key
                );
            }
        }
        assert_eq!(shown.len(), 2, "{} does not show what was set", setting.key);
    }
}

fn unmasked(setting: &Setting, raw: &mut Raw) -> Option<String> {
    let open = Setting {
        key: setting.key,
        env: None,
        kind: match &setting.kind {
            Kind::Optional { at, check } => Kind::Optional {
                at: *at,
                check: *check,
            },
            Kind::List { at, check } => Kind::List {
                at: *at,
                check: *check,
            },
            _ => return show(setting, raw),
        },
        secret: false,
        unset: "",
        about: "",
    };
    show(&open, raw)
}

#[test]
fn defaults_are_in_their_own_ranges() {
    for setting in table::all() {
        let Some(shown) = show(setting, &mut Raw::default()) else {
            continue;
        };
        if matches!(setting.kind, Kind::List { .. }) || setting.secret {
            continue;
        }
        let text = shown.trim_matches('"');
        let given = Given::text(Origin::Default, text);
        put(setting, &given, Path::new("/"), &mut Raw::default())
            .unwrap_or_else(|what| panic!("{}: {what}", setting.key));
    }
}
