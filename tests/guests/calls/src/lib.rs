//! A handler, an admission and a mapper that do what they are told step by step; see the README
//! beside it.

use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_plugin::{
    Admission, Admitted, Call, Error, Handler, Mapper, Outcome, Plugin, Record, Reply, Visitor,
    http, publisher, sessions, store,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    version: String,
    #[serde(default)]
    trap: Option<Moment>,
    /// Without a 200 from there it does not start.
    #[serde(default)]
    start: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Moment {
    Before,
    After,
}

struct Calls {
    settings: Settings,
    calls: u32,
}

#[derive(Deserialize)]
struct Put {
    table: String,
    item: Value,
    #[serde(default)]
    if_absent: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    Trap,
    Spin,
    Hog,
    Fail {
        code: String,
        #[serde(default)]
        message: String,
        #[serde(default)]
        retryable: bool,
    },
    Version,
    Count,
    Long(usize),
    Publish {
        topic: String,
        #[serde(default)]
        event: Option<String>,
        payload: Value,
    },
    Put(Put),
    /// Answers how many were written, and why no more.
    InOrder(Vec<Put>),
    Get {
        table: String,
        key: String,
        #[serde(default)]
        sort: Option<String>,
    },
    Both(String, String),
    Delete(String),
    Page {
        partition: String,
        limit: u32,
    },
    Owned(String),
    Create(Value),
    Destroy(String),
    Fetch(String),
    Post(String),
}

const THINGS: store::Table<'_> = store::table("Things");
const LINES: store::Table<'_> = store::table("Lines");

impl Plugin for Calls {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Error> {
        if let Some(url) = &settings.start
            && http::Request::get(url).send()?.status != 200
        {
            return Err(Error::settings("this guest is told not to start"));
        }
        Ok(Self { settings, calls: 0 })
    }
}

impl Handler for Calls {
    fn handle(&mut self, call: &Call<'_>) -> Result<Reply, Error> {
        self.calls += 1;
        if self.settings.trap == Some(Moment::Before) {
            panic!("this guest panics before it has done anything");
        }
        let caller = &call.caller;
        let own = call.method.split_once('.').map_or("", |(_, own)| own);
        let answer = match own {
            "do" | "enter" => self.run(call.params()?)?,
            "who" => json!({
                "subject": caller.subject,
                "scopes": caller.scopes.as_str(),
                "transport": caller.transport,
                "session": caller.session_id,
            }),
            "echo" => serde_json::from_str(call.params_text()).unwrap_or_default(),
            _ => return Err(call.unknown_method()),
        };
        if self.settings.trap == Some(Moment::After) {
            panic!("this guest panics after it has done all");
        }
        Reply::json(&answer)
    }
}

impl Admission for Calls {
    fn admit(&mut self, visitor: &Visitor<'_>) -> Result<Admitted, Error> {
        self.calls += 1;
        let Ok(steps) = serde_json::from_str(visitor.subject) else {
            return Ok(Admitted::yes());
        };
        Ok(Admitted::no("did", self.run(steps)?.to_string()))
    }
}

impl Mapper for Calls {
    fn map(&mut self, record: &Record<'_>) -> Result<Outcome, Error> {
        let steps = serde_json::from_slice(record.value.unwrap_or_default());
        let steps = steps.map_err(|cause| Error::new("bad-record", cause.to_string()))?;
        Ok(Outcome::skip(self.run(steps)?.to_string()))
    }
}

impl Calls {
    /// What each step came to; one that the host refuses is `{"error", "retryable"}`.
    fn run(&mut self, steps: Vec<Step>) -> Result<Value, Error> {
        let mut results = Vec::new();
        for step in steps {
            if let Step::Fail {
                code,
                message,
                retryable,
            } = step
            {
                let error = Error::new(code, message);
                return Err(if retryable { error.retryable() } else { error });
            }
            results.push(self.step(step).unwrap_or_else(
                |error| json!({"error": error.code, "retryable": error.retryable}),
            ));
        }
        Ok(Value::Array(results))
    }

    fn step(&self, step: Step) -> Result<Value, Error> {
        Ok(match step {
            Step::Trap => panic!("this guest panics in a call"),
            Step::Spin => spin(),
            Step::Hog => hog(),
            Step::Fail { .. } => Value::Null,
            Step::Version => json!(self.settings.version),
            Step::Count => json!(self.calls),
            Step::Long(bytes) => json!("x".repeat(bytes)),
            Step::Publish {
                topic,
                event,
                payload,
            } => json!(publisher::publish(&topic, event.as_deref(), &payload)?),
            Step::Put(Put {
                table,
                item,
                if_absent,
            }) => {
                let table = store::table(&table);
                if if_absent {
                    table.put_if_absent(&item)?;
                } else {
                    table.put(&item)?;
                }
                json!(null)
            }
            Step::InOrder(puts) => in_order(&puts)?,
            Step::Get { table, key, sort } => {
                let key = store::Key {
                    partition: &key,
                    sort: sort.as_deref(),
                };
                let item = store::table(&table).consistent().get::<Value>(key)?;
                json!(item.map(|item| item.value))
            }
            Step::Both(one, other) => {
                let keys = [one.as_str().into(), other.as_str().into()];
                let items = THINGS.batch_get::<Value>(&keys)?;
                json!(
                    items
                        .into_iter()
                        .map(|item| item.map(|item| item.value))
                        .collect::<Vec<_>>()
                )
            }
            Step::Delete(key) => json!(THINGS.delete(key.as_str())?),
            Step::Page { partition, limit } => {
                let page = LINES.query(&partition).descending().limit(limit);
                values(page.page()?)
            }
            Step::Owned(owner) => values(THINGS.index("by_owner").query(&owner).page()?),
            Step::Create(document) => json!(sessions::create(&document)?),
            Step::Destroy(id) => json!(sessions::destroy(&id)?),
            Step::Fetch(url) => json!(http::Request::get(url).send()?.status),
            Step::Post(url) => json!(http::Request::post(url, "x").send()?.status),
        })
    }
}

fn in_order(puts: &[Put]) -> Result<Value, Error> {
    let puts = puts.iter().try_fold(store::in_order(), |puts, put| {
        let table = store::table(&put.table);
        if put.if_absent {
            puts.put_if_absent(table, &put.item)
        } else {
            puts.put(table, &put.item)
        }
    })?;
    Ok(match puts.write() {
        Ok(versions) => json!(versions.len()),
        Err(store::Stopped { written, error }) => {
            json!({"written": written.len(), "error": error.code})
        }
    })
}

fn values(page: store::Page<Value>) -> Value {
    page.items.into_iter().map(|item| item.value).collect()
}

fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// Ends in a trap, when the host gives no more.
fn hog() -> ! {
    loop {
        std::mem::forget(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

tidegate_plugin::export!(
    Calls: Handler + Admission + Mapper,
    name: "guest",
    grants: ["publisher", "http", "store", "sessions"],
    tables: [
        { name: "Things", partition: "id", indexes: [{ name: "by_owner", partition: "owner" }] },
        { name: "Lines", partition: "room", sort: "at" },
    ],
    http_methods: ["guest.enter"],
);
