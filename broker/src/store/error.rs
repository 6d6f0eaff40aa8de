//! What can go wrong, as plugins are told and as the start is.

/// Why a store did not do what it was asked. The texts are for the plugin and the log; they hold
/// names of tables and members, no items.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A condition does not hold: the item is there, is gone, or has another version.
    #[error("the condition does not hold")]
    Conflict,
    /// More is asked than the store takes at the moment; worth another try. DynamoDB may have done a
    /// write all the same, at a try whose answer was lost.
    #[error("the store has too much to do")]
    Throttled,
    /// No answer, or none that can be used. A write may have been done; worth another try.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    #[error("too large: {0}")]
    TooLarge(String),
    #[error("no good item: {0}")]
    BadItem(String),
    #[error("no good key: {0}")]
    BadKey(String),
    #[error("the cursor is not one of this query")]
    BadCursor,
    #[error("there is no table `{0}`")]
    UnknownTable(String),
    #[error("table `{table}` has no index `{index}`")]
    UnknownIndex { table: String, index: String },
    /// A table is not, or cannot be, what a plugin declares. Names the table and both sides.
    #[error("{0}")]
    Mismatch(String),
}

impl StoreError {
    /// The code that plugins get.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Unavailable(_) => "unavailable",
            Self::TooLarge(_) => "too-large",
            Self::BadItem(_) => "bad-item",
            Self::BadKey(_) => "bad-key",
            Self::BadCursor => "bad-cursor",
            // Of the table that the plugin declared there is none.
            Self::UnknownTable(_) | Self::Mismatch(_) => "unknown-table",
            Self::UnknownIndex { .. } => "unknown-index",
        }
    }

    /// Whether the same call may succeed a little later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable(_))
    }
}

impl AsRef<StoreError> for StoreError {
    fn as_ref(&self) -> &StoreError {
        self
    }
}

/// Of several puts one was not done, nor those after it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}, after {} items", written.len())]
pub struct Stopped {
    /// The versions of the items that are written: the first ones.
    pub written: Vec<String>,
    /// Why the next one is not.
    pub error: StoreError,
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self {
            written: Vec::new(),
            error,
        }
    }
}

impl From<Stopped> for StoreError {
    fn from(stopped: Stopped) -> Self {
        stopped.error
    }
}

impl AsRef<StoreError> for Stopped {
    fn as_ref(&self) -> &StoreError {
        &self.error
    }
}

/// Why the store cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StoreStartError {
    #[error(
        "cannot open the store {path}: another process has it open (a running broker? one process \
         at a time: stop it, or give each node its own TIDEGATE_DATA)"
    )]
    InUse { path: String },
    #[error("cannot open the store {path}: {reason}")]
    Embedded { path: String, reason: String },
    #[error("cannot start the store's thread: {0}")]
    Thread(std::io::Error),
    #[error(
        "the store is DynamoDB, but no AWS region is set: set AWS_REGION (not in .env), a region in \
         the AWS profile, or store.endpoint"
    )]
    NoRegion,
}
