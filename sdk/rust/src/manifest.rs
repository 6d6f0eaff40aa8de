//! The manifest: a custom section `tidegate:manifest` with a JSON object, written by `export!`.
//! The broker reads it before it runs anything of the plugin.

/// The text's bytes, for a static with `#[link_section]`.
pub const fn bytes_of<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        out[at] = bytes[at];
        at += 1;
    }
    out
}

/// The manifest as JSON text, from the arguments of `export!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __manifest_text {
    (
        hooks: [$($hook:expr),*]
        $(, name: $name:literal)?
        $(, version: $version:literal)?
        $(, grants: [$($grant:literal),* $(,)?])?
        $(, memory_mib: $memory:literal)?
        $(, retries: $retries:literal)?
        $(, tables: [$($table:tt),* $(,)?])?
        $(, http_methods: [$($method:literal),* $(,)?])?
        $(,)?
    ) => {
        concat!(
            "{\"name\":\"", $crate::__or!($($name)? ; env!("CARGO_PKG_NAME")),
            "\",\"version\":\"", $crate::__or!($($version)? ; env!("CARGO_PKG_VERSION")),
            "\",\"hooks\":[\"lifecycle\"" $(, ",\"", $hook, "\"")*, "]",
            ",\"grants\":[", $crate::__json_strings!($($($grant),*)?), "]",
            $(",\"memory_mib\":", $memory,)?
            $(",\"retries\":", $retries,)?
            $(",\"tables\":[", $crate::__json_list!($($crate::__json_table!($table)),*), "]",)?
            $(",\"http_methods\":[", $crate::__json_strings!($($method),*), "]",)?
            "}"
        )
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __or {
    ($given:literal ; $otherwise:expr) => {
        $given
    };
    (; $otherwise:expr) => {
        $otherwise
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __json_strings {
    () => { "" };
    ($first:literal $(, $rest:literal)*) => {
        concat!("\"", $first, "\"" $(, ",\"", $rest, "\"")*)
    };
}

/// Pieces of JSON with commas between them.
#[doc(hidden)]
#[macro_export]
macro_rules! __json_list {
    () => { "" };
    ($first:expr $(, $rest:expr)*) => {
        concat!($first $(, ",", $rest)*)
    };
}

/// A table or an index, which is a table with less to say.
#[doc(hidden)]
#[macro_export]
macro_rules! __json_table {
    ({
        name: $name:literal, partition: $partition:literal
        $(, sort: $sort:literal)?
        $(, expires: $expires:literal)?
        $(, indexes: [$($index:tt),* $(,)?])?
        $(,)?
    }) => {
        concat!(
            "{\"name\":\"", $name, "\",\"partition\":\"", $partition, "\"",
            $(",\"sort\":\"", $sort, "\"",)?
            $(",\"expires\":\"", $expires, "\"",)?
            $(",\"indexes\":[", $crate::__json_list!($($crate::__json_table!($index)),*), "]",)?
            "}"
        )
    };
}

/// Writes the section. Apart from `export!` for the tests' sake: a guest whose manifest is not
/// true cannot be made with `export!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __manifest {
    ($plugin:ty; $($manifest:tt)*) => {
        const _: () = {
            const TEXT: &str = $crate::__manifest_text!($($manifest)*);
            // `link_section` is unsafe because it may break a program; a custom section cannot.
            #[cfg(target_arch = "wasm32")]
            #[allow(unsafe_code)]
            #[unsafe(link_section = "tidegate:manifest")]
            #[used]
            static MANIFEST: [u8; TEXT.len()] = $crate::private::bytes_of(TEXT);
            // Natively there is no section; tests read it here.
            #[cfg(not(target_arch = "wasm32"))]
            impl $crate::testing::Exported for $plugin {
                const MANIFEST: &'static str = TEXT;
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn parse(text: &str) -> Value {
        serde_json::from_str(text).expect("the manifest is JSON")
    }

    #[test]
    fn the_package_names_the_plugin() {
        let manifest = parse(__manifest_text!(hooks: ["authorizer", "principals"]));
        assert_eq!(
            manifest,
            json!({
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "hooks": ["lifecycle", "authorizer", "principals"],
                "grants": [],
            })
        );
    }

    #[test]
    fn what_is_given_stands() {
        let manifest = parse(__manifest_text!(
            hooks: [], name: "n", version: "2.0.0", grants: ["publisher", "http"], memory_mib: 8,
            retries: 5
        ));
        assert_eq!(
            manifest,
            json!({
                "name": "n", "version": "2.0.0", "hooks": ["lifecycle"],
                "grants": ["publisher", "http"], "memory_mib": 8, "retries": 5,
            })
        );
    }

    #[test]
    fn tables_and_methods_stand_as_the_broker_reads_them() {
        let manifest = parse(__manifest_text!(
            hooks: ["handler"],
            tables: [
                {
                    name: "Users",
                    partition: "UserName",
                    indexes: [
                        { name: "BySession", partition: "SessionId" },
                        { name: "ByTown", partition: "Town", sort: "Street" },
                    ],
                },
                { name: "Messages", partition: "Room", sort: "At", expires: "Until" },
            ],
            http_methods: ["chat.register", "chat.logout"],
        ));
        assert_eq!(
            manifest["tables"],
            json!([
                {"name": "Users", "partition": "UserName", "indexes": [
                    {"name": "BySession", "partition": "SessionId"},
                    {"name": "ByTown", "partition": "Town", "sort": "Street"},
                ]},
                {"name": "Messages", "partition": "Room", "sort": "At", "expires": "Until"},
            ])
        );
        assert_eq!(
            manifest["http_methods"],
            json!(["chat.register", "chat.logout"])
        );
    }

    #[test]
    fn the_bytes_are_the_text() {
        assert_eq!(&super::bytes_of::<3>("abc"), b"abc");
    }
}
