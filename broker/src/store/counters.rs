//! What the store counts.

use std::time::Instant;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::StoreError;

/// The value of the metric label `operation`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Get,
    BatchGet,
    Put,
    PutInOrder,
    Delete,
    Query,
    QueryIndex,
}

impl Operation {
    fn label(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::BatchGet => "batch_get",
            Self::Put => "put",
            Self::PutInOrder => "put_in_order",
            Self::Delete => "delete",
            Self::Query => "query",
            Self::QueryIndex => "query_index",
        }
    }
}

/// Counts an operation when it is done. One that is dropped before that is not counted.
pub(super) async fn counted<T, E: AsRef<StoreError>>(
    operation: Operation,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let begun = Instant::now();
    let done = work.await;
    let outcome = match &done {
        Ok(_) => "done",
        Err(error) => error.as_ref().code(),
    };
    let operation = operation.label();
    counter!("tidegate_store_operations_total", "operation" => operation, "outcome" => outcome)
        .increment(1);
    histogram!("tidegate_store_operation_seconds", "operation" => operation)
        .record(begun.elapsed());
    done
}

/// Of the embedded store's writer.
pub(super) struct WriterCounters {
    pub(super) queued: Gauge,
    pub(super) commit_seconds: Histogram,
    pub(super) commit_records: Histogram,
    pub(super) expired: Counter,
}

impl WriterCounters {
    pub(super) fn new() -> Self {
        Self {
            queued: gauge!("tidegate_store_queued_writes"),
            commit_seconds: histogram!("tidegate_store_commit_seconds"),
            commit_records: histogram!("tidegate_store_commit_records"),
            expired: counter!("tidegate_store_expired_total"),
        }
    }
}

/// Describes the store's metrics; called once at start.
pub fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "tidegate_store_operations_total",
        "Operations of plugins on the store, by operation and outcome: done or the error's code"
    );
    describe_histogram!(
        "tidegate_store_operation_seconds",
        Unit::Seconds,
        "From asking the store to its answer, by operation"
    );
    describe_gauge!(
        "tidegate_store_queued_writes",
        "Writes that wait for the embedded store's next commit"
    );
    describe_histogram!(
        "tidegate_store_commit_seconds",
        Unit::Seconds,
        "Time of one commit of the embedded store, its writes and the disk's confirmation included"
    );
    describe_histogram!(
        "tidegate_store_commit_records",
        "Writes that one commit of the embedded store made durable"
    );
    describe_counter!(
        "tidegate_store_expired_total",
        "Expired items that the embedded store took out"
    );
}
