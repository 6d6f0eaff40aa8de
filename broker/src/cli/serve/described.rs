//! `docs/metrics.md` is what the modules describe, and they describe whatever they count.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

const HEAD: &str = "# Metrics

Made from what the modules describe; a test holds this page to it
(`UPDATE_DOCS=1 cargo test -p tidegate --lib cli` writes it anew).

`GET /metrics` on the admin listener (`TIDEGATE_ADMIN`) gives them as Prometheus text. Counters only
grow while the process lives. Histograms have buckets and are in the unit of their name. A metric
appears when it is first counted.

| name | kind | meaning |
|---|---|---|
";

/// Keeps what is described: name → kind and meaning.
#[derive(Default)]
struct Described(Mutex<BTreeMap<String, (&'static str, String)>>);

impl Described {
    fn add(&self, name: &KeyName, kind: &'static str, meaning: &SharedString) {
        let mut known = self.0.lock().expect("no panic before");
        let row = (kind, meaning.to_string());
        let earlier = known.insert(name.as_str().to_owned(), row);
        assert!(earlier.is_none(), "{} is described twice", name.as_str());
    }
}

impl Recorder for Described {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, meaning: SharedString) {
        self.add(&name, "counter", &meaning);
    }
    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, meaning: SharedString) {
        self.add(&name, "gauge", &meaning);
    }
    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, meaning: SharedString) {
        self.add(&name, "histogram", &meaning);
    }
    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn described() -> BTreeMap<String, (&'static str, String)> {
    let recorder = Described::default();
    with_local_recorder(&recorder, super::describe_metrics);
    recorder.0.into_inner().expect("no panic before")
}

#[test]
fn docs_metrics_md_lists_them_one_by_one() {
    let mut page = HEAD.to_owned();
    for (name, (kind, meaning)) in described() {
        let _ = writeln!(page, "| `{name}` | {kind} | {meaning} |");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page is written");
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == page,
        "docs/metrics.md is not what is described: UPDATE_DOCS=1 cargo test -p tidegate --lib writes it"
    );
}

#[test]
fn names_follow_the_rules() {
    for (name, (kind, meaning)) in described() {
        assert!(name.starts_with("tidegate_"), "{name}");
        assert_eq!(
            name.ends_with("_total"),
            kind == "counter",
            "{name} is a {kind}"
        );
        let has_buckets = ["_seconds", "_bytes", "_records"]
            .iter()
            .any(|unit| name.ends_with(unit));
        assert!(
            kind != "histogram" || has_buckets,
            "{name} would have no buckets"
        );
        assert!(!meaning.is_empty(), "{name} has no meaning");
    }
}

/// Reads the sources, tests left out: a metric that is counted and not described would be in no page.
#[test]
fn what_is_counted_is_described() {
    let described = described();
    let mut missing = Vec::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&file).expect("a source file");
        let names = text.split('"').filter(|piece| {
            let name = piece.strip_prefix("tidegate_").unwrap_or_default();
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            !name.is_empty() && name.bytes().all(plain) && !name.starts_with("test_")
        });
        for name in names.filter(|name| !described.contains_key(*name)) {
            missing.push(format!("{name} in {}", file.display()));
        }
    }
    assert!(missing.is_empty(), "not described: {missing:#?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let paths = paths.filter(|path| path.file_stem().is_none_or(|name| name != "tests"));
    let found = paths.flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false if path.extension().is_some_and(|ending| ending == "rs") => vec![path],
        false => Vec::new(),
    });
    found.collect()
}
