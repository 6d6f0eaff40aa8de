//! Components that must not serve, and what is said about them.

use super::*;
use guest::import;

fn error(guest: Guest) -> String {
    Bed::new(&guest.build()).error()
}

#[track_caller]
fn assert_says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    assert!(error.contains("plugin `guest`"), "{error}");
}

#[test]
fn a_file_that_is_no_component() {
    assert_says(
        &Bed::new(b"hello").error(),
        &["guest.wasm", "is no WebAssembly component", "\\0asm"],
    );
    let module = wat::parse_str("(module)").unwrap();
    assert_says(&Bed::new(&module).error(), &["it is a core module"]);
}

#[test]
fn a_truncated_file_at_any_byte() {
    let whole = Guest::default().build();
    for length in (8..whole.len()).step_by(97) {
        let error =
            super::super::candidate::inspect(&Bed::good().config.plugins[0], &whole[..length], &[]);
        assert!(error.is_err(), "cut at {length} of {}", whole.len());
    }
    let half = Bed::new(&whole[..whole.len() / 2]).error();
    assert_says(&half, &["is no WebAssembly component", "offset 0x"]);
}

#[test]
fn a_missing_file_and_an_empty_one() {
    let bed = Bed::good();
    std::fs::remove_file(bed.path()).unwrap();
    assert_says(&bed.error(), &["cannot read", "guest.wasm", "No such file"]);
    assert_says(&Bed::new(b"").error(), &["the file is empty"]);
}

#[test]
fn another_component_than_the_pinned_one() {
    let mut bed = Bed::good();
    bed.spec().sha256 = Some([0xab; 32]);
    assert_says(&bed.error(), &["is not the pinned component", "abababab"]);
}

#[test]
fn a_manifest_that_is_missing_or_wrong() {
    let none = wat::parse_str("(component)").unwrap();
    assert_says(&Bed::new(&none).error(), &["tidegate:manifest", "missing"]);
    let mut guest = Guest::default();
    guest.manifest["hook"] = "typo".into();
    assert_says(
        &error(guest),
        &["tidegate:manifest", "unknown field `hook`"],
    );
}

#[test]
fn a_hook_that_is_unknown_or_not_exported_or_not_listed() {
    let mut guest = Guest {
        exports_authorizer: false,
        ..Guest::default()
    };
    guest.manifest["hooks"] = serde_json::json!(["authorizer", "mind-reader"]);
    assert_says(
        &error(guest),
        &[
            "manifest lists hook `authorizer` but export \
             tidegate:authorizer/authorizer@1.0.0 is missing",
            "manifest lists hook `mind-reader`, which is unknown",
            "exports hook `principals`, which its manifest does not list",
            "the settings send it `principals` calls but its manifest does not list that hook",
        ],
    );
}

#[test]
fn an_export_of_another_type() {
    let guest = Guest {
        action: "u32",
        ..Guest::default()
    };
    assert_says(
        &error(guest),
        &[
            "export tidegate:authorizer/authorizer@1.0.0 has another type",
            "`authorize`",
            "`action`",
            "u8",
            "u32",
        ],
    );
}

#[test]
fn imports_without_a_grant_unknown_or_of_wasi() {
    let publisher = r#"(export "publish" (func (param "topic" string)))"#;
    let imports = [
        import("tidegate:publisher/publisher@1.0.0", publisher),
        import("tidegate:telepathy/read@1.0.0", ""),
        import("tidegate:log/log@2.0.0", ""),
        import("wasi:cli/stdout@0.2.6", ""),
    ];
    let guest = Guest {
        imports: imports.concat(),
        ..Guest::default()
    };
    assert_says(
        &error(guest),
        &[
            "asks for import tidegate:publisher/publisher@1.0.0 but has no grant `publisher`",
            "asks for import tidegate:telepathy/read@1.0.0, which is unknown",
            "asks for import tidegate:log/log@2.0.0, which is unknown",
            "asks for import wasi:cli/stdout@0.2.6: a plugin for this hook gets no WASI",
        ],
    );
}

#[test]
fn an_import_of_another_type() {
    let guest = Guest {
        imports: import(
            "tidegate:log/log@1.0.0",
            r#"(export "log" (func (param "level" u32) (param "message" string)))"#,
        ),
        ..Guest::default()
    };
    assert_says(
        &error(guest),
        &["import tidegate:log/log@1.0.0 of another type", "`level`"],
    );
}

#[test]
fn a_granted_import_is_let_through() {
    let log = r#"(export "log" (func (param "level" u8) (param "message" string)))"#;
    let mut guest = Guest {
        imports: import("tidegate:log/log@1.0.0", log)
            + &import("tidegate:publisher/publisher@1.0.0", ""),
        ..Guest::default()
    };
    guest.manifest["grants"] = serde_json::json!(["publisher"]);
    let mut bed = Bed::new(&guest.build());
    bed.spec().grants = vec![Grant::Publisher { topics: Vec::new() }];
    let (_host, mut worker) = bed.serve();
    assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);
}

#[test]
fn promises_of_the_manifest_that_cannot_be_kept() {
    let mut guest = Guest::default();
    guest.manifest["tables"] = serde_json::json!([{"name": "Users", "partition": "UserName"}]);
    guest.manifest["http_methods"] = serde_json::json!(["guest.enter", "chat.enter", "guest."]);
    let error = error(guest);
    assert_says(
        &error,
        &[
            "its manifest declares tables (Users) but it has no grant `store`",
            "lists the HTTP method `chat.enter`, which does not begin with `guest.`",
            "lists the HTTP method `guest.`",
        ],
    );
    assert!(!error.contains("`guest.enter`"), "{error}");
}

#[test]
fn settings_that_it_refuses_or_that_are_none() {
    let guest = Guest {
        init: "(return (i32.const 416))",
        ..Guest::default()
    };
    assert_says(
        &error(guest),
        &["`init` refused: bad-settings: deny is no list"],
    );
    let mut bed = Bed::good();
    bed.spec().settings = PluginSettings::Inline(serde_json::json!("text"));
    assert_says(&bed.error(), &["settings", "not an object"]);
}

#[test]
fn a_trap_or_a_loop_in_init_and_a_failed_self_test() {
    let traps = Guest {
        init: "(unreachable)",
        ..Guest::default()
    };
    assert_says(&error(traps), &["`init` failed", "unreachable", "init"]);
    let loops = Guest {
        init: "(loop (br 0))",
        ..Guest::default()
    };
    assert_says(&error(loops), &["`init` failed", "ms of CPU time"]);
    let fails = Guest {
        self_test: "(return (i32.const 416))",
        ..Guest::default()
    };
    assert_says(&error(fails), &["`self-test` refused: bad-settings"]);
}

#[test]
fn more_memory_than_it_may_have_at_the_start() {
    let mut guest = Guest {
        init: "(drop (memory.grow (i32.const 32)))",
        ..Guest::default()
    };
    guest.manifest["memory_mib"] = 1.into();
    assert_says(&error(guest), &["`init` failed", "its limit is 1048576"]);
}

#[test]
fn two_claims_on_one_name() {
    let mut bed = Bed::good();
    let again = bed.config.plugins[0].clone();
    bed.config.plugins.push(again);
    assert_eq!(bed.error(), "two plugins are named `guest`");
    let mut bed = Bed::good();
    bed.config.principals = Some("nobody".into());
    let error = bed.error();
    assert_eq!(
        error,
        "`principals` names plugin `nobody`, which is not configured"
    );
}
