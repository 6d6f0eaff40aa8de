//! What it costs to map a record: batches of 200-byte records through one instance of a mapper.
//!
//! Uses the guest `waits` that `cargo xtask test` builds, or the component that `MAPPER` names.

use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tidegate::plugin::{
    Grant, MapperClaim, Outside, PluginConfig, PluginHost, PluginSettings, PluginSpec, Record,
    SourcePlugins,
};

const NAME: &str = "guest";

fn component() -> PathBuf {
    if let Some(path) = std::env::var_os("MAPPER") {
        return path.into();
    }
    let program = std::env::current_exe().expect("a bench has a program");
    let target = program.ancestors().nth(3).expect("target/release/deps");
    target.join("debug/guests/waits.wasm")
}

fn serve() -> (tempfile::TempDir, PluginHost, SourcePlugins) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = PluginConfig {
        plugins: vec![PluginSpec {
            name: NAME.into(),
            component: component(),
            settings: PluginSettings::Inline(serde_json::json!({})),
            sha256: None,
            grants: vec![Grant::Http { hosts: Vec::new() }],
        }],
        mappers: vec![MapperClaim {
            topic: "records".into(),
            plugin: NAME.into(),
        }],
        cache: folder.path().join("cache"),
        watch: false,
        ..PluginConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let (host, handed) = PluginHost::start(config, 1, runtime.handle(), Outside::default())
        .unwrap_or_else(|error| panic!("{error}"));
    (folder, host, handed.source)
}

fn map(criterion: &mut Criterion) {
    let (_folder, _host, mut source) = serve();
    let value = format!("{{\"text\":\"{}\"}}", "x".repeat(189));
    let headers = [
        ("trace".to_owned(), b"0123456789abcdef".to_vec()),
        ("schema".to_owned(), b"1".to_vec()),
    ];
    let record = |headers| Record {
        topic: "records",
        partition: 0,
        offset: 1,
        timestamp_ms: Some(1),
        key: Some(b"user-4711"),
        headers,
        value: Some(value.as_bytes()),
    };
    let mut group = criterion.benchmark_group("map");
    for (name, headers) in [("plain", &headers[..0]), ("two headers", &headers[..])] {
        for batch in [1, 100, 500] {
            let records = vec![record(headers); batch];
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(format!("{name}/{batch}"), |bencher| {
                bencher.iter(|| {
                    let outcomes = source.map(NAME, &records);
                    std::hint::black_box(outcomes).unwrap_or_else(|error| panic!("{error}"))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, map);
criterion_main!(benches);
