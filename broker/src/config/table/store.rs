use super::super::check;
use super::super::raw::StoreKind;
use super::{Kind, Setting, count, duration, optional, text};

const KINDS: [StoreKind; 2] = [StoreKind::Embedded, StoreKind::Dynamodb];

pub(super) const STORE: &[Setting] = &[
    Setting::new(
        "store.backend",
        Kind::Choice {
            of: &["embedded", "dynamodb"],
            get: |r| {
                KINDS
                    .iter()
                    .position(|kind| *kind == r.store.backend)
                    .unwrap_or(0)
            },
            set: |r, index| r.store.backend = KINDS[index],
        },
        "Where plugins' tables live; `embedded`: `store.redb` in `server.data`, of this node alone; `dynamodb`: Amazon DynamoDB, one for all nodes, with region and credentials as the AWS SDK finds them (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, a profile, the metadata of a container or an instance; not in `.env`).",
    )
    .env("TIDEGATE_STORE"),
    Setting::new(
        "store.queue",
        count(|r| &mut r.store.queue, 1, 1_000_000),
        "Writes that wait for the embedded store's disk, and reads under way; more are `throttled`.",
    ),
    Setting::new(
        "store.endpoint",
        optional(|r| &mut r.store.dynamodb.endpoint, check::http_url),
        "DynamoDB's URL, for a server beside it; also `AWS_ENDPOINT_URL_DYNAMODB`.",
    )
    .unset("the region's"),
    Setting::new(
        "store.table_prefix",
        text(|r| &mut r.store.dynamodb.table_prefix, check::table_prefix),
        "Put before the names of tables in DynamoDB, such as `staging-`.",
    ),
    Setting::new(
        "store.timeout",
        duration(|r| &mut r.store.dynamodb.timeout, 100, 60),
        "Time for one operation on DynamoDB, further tries included; then it is `unavailable`.",
    ),
    Setting::new(
        "store.attempts",
        count(|r| &mut r.store.dynamodb.attempts, 1, 20),
        "Tries of one operation on DynamoDB, with backoff between them.",
    ),
];
