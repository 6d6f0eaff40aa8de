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
        "TLS is rustls; OpenSSL ties the binary to the machine's version",
    ),
    (
        "openssl-sys",
        "TLS is rustls; OpenSSL ties the binary to the machine's version",
    ),
    (
        "ring",
        "aws-lc-rs is the one crypto provider: with two, rustls refuses to choose",
    ),
    ("async-std", "the runtime is tokio"),
    ("atty", "unmaintained; std::io::IsTerminal does it"),
];

/// Crates that may be there in several versions, each with the reason.
pub const DUPLICATES: &[(&str, &str)] = &[];
