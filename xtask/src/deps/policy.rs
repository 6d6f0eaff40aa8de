//! The rules that `cargo xtask deps` checks.

/// Licences (SPDX) that may be part of what we ship: none asks more than a notice.
pub const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, by whatever way.
pub const BANNED: &[(&str, &str)] = &[
    (
        "native-tls",
        "TLS is rustls, so that every machine speaks it alike",
    ),
    (
        "openssl",
        "TLS is rustls; OpenSSL is there for librdkafka alone, which takes no other",
    ),
    (
        "ring",
        "aws-lc-rs is the one crypto provider: with two, rustls refuses to choose",
    ),
    ("async-std", "the runtime is tokio"),
    ("atty", "unmaintained; std::io::IsTerminal does it"),
];

/// Crates that may be there in several versions, each with who holds the older one back.
pub const DUPLICATES: &[(&str, &str)] = &[
    ("base64", "jsonwebtoken and metrics-exporter-prometheus"),
    ("block-buffer", "wasmtime 48 LTS, by sha2 0.10"),
    ("cpufeatures", "wasmtime 48 LTS, by sha2 0.10"),
    ("crypto-common", "wasmtime 48 LTS, by sha2 0.10"),
    ("digest", "wasmtime 48 LTS, by sha2 0.10"),
    (
        "getrandom",
        "fastwebsockets (tests alone) and metrics-util, by rand",
    ),
    ("gimli", "wasmtime 48 LTS; backtrace has the newer"),
    ("hashbrown", "wasmtime 48 LTS and metrics-util"),
    ("itertools", "criterion, in benches alone"),
    ("object", "wasmtime 48 LTS; backtrace has the newer"),
    ("pem", "jsonwebtoken"),
    ("rand", "fastwebsockets (tests alone); metrics-util"),
    ("rand_chacha", "fastwebsockets (tests alone), by rand 0.8"),
    ("rand_core", "fastwebsockets (tests alone), by rand 0.8"),
    ("sha2", "wasmtime 48 LTS; the AWS SDK has the newer"),
    ("syn", "wasmtime's and others' macros, at build time alone"),
    ("thiserror", "fastwebsockets (tests alone)"),
    ("thiserror-impl", "fastwebsockets (tests alone)"),
    ("untrusted", "aws-lc-rs; rustls-webpki has the newer"),
];
