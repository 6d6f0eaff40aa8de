//! Tables that manifests declare.

use serde_json::json;

use super::*;

fn with_tables(tables: serde_json::Value) -> Vec<u8> {
    let mut guest = Guest::default();
    guest.manifest["tables"] = tables;
    guest.build()
}

#[test]
fn are_read_from_components_that_are_not_loaded() {
    let bed = Bed::new(&with_tables(json!([
        {"name": "Users", "partition": "UserName",
         "indexes": [{"name": "GSI_SessionLookup", "partition": "SessionId"}]},
        {"name": "Messages", "partition": "PartitionKey", "sort": "CreatedAt",
         "expires": "ExpiresAt"},
    ])));
    let tables = tables_of(&bed.config).unwrap();
    let [(plugin, tables)] = tables.as_slice() else {
        panic!("one plugin: {tables:?}");
    };
    assert_eq!(plugin, "guest");
    assert_eq!(tables[0].indexes[0].partition, "SessionId");
    assert_eq!(tables[1].sort.as_deref(), Some("CreatedAt"));
    assert_eq!(tables[1].expires.as_deref(), Some("ExpiresAt"));
    assert_eq!(tables_of(&Bed::good().config).unwrap()[0].1, []);
}

#[test]
fn that_are_malformed_are_named_with_their_file() {
    let users = json!({"name": "Users", "partition": "UserName"});
    for (tables, named) in [
        (json!([users, users]), "table \"Users\" is declared twice"),
        (
            json!([{"name": "U", "partition": "P"}]),
            "table \"U\": the name",
        ),
        (json!([{"name": "Users"}]), "missing field `partition`"),
        (
            json!([{"name": "Users", "partition": "P", "key": "K"}]),
            "unknown field `key`",
        ),
    ] {
        let mut bed = Bed::new(&with_tables(tables));
        let offline = tables_of(&bed.config).map(drop).unwrap_err().to_string();
        let at_start = bed.error();
        for error in [offline, at_start] {
            for part in ["plugin `guest`", "guest.wasm", "tidegate:manifest", named] {
                assert!(error.contains(part), "{part:?} is not in: {error}");
            }
        }
        bed.spec().component = bed.folder.path().join("gone.wasm");
        let error = tables_of(&bed.config).map(drop).unwrap_err().to_string();
        assert!(error.contains("gone.wasm"), "{error}");
    }
}

#[test]
fn of_two_plugins_are_refused() {
    let mut bed = Bed::new(&with_tables(json!([{"name": "Users", "partition": "P"}])));
    let mut second = bed.spec().clone();
    second.name = "second".into();
    bed.config.plugins.push(second);
    let error = tables_of(&bed.config).map(drop).unwrap_err().to_string();
    for part in ["`Users`", "`guest`", "`second`", "belongs to one plugin"] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}
