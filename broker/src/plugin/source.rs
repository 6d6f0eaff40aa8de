//! The plugins of a mapping thread: records of a source become publications.

use super::error::CallError;
use super::mailbox::PluginChanges;

#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: Option<u64>,
    pub key: Option<&'a [u8]>,
    pub headers: &'a [(String, Vec<u8>)],
    pub value: Option<&'a [u8]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Publish(Vec<Mapped>),
    Skip {
        reason: String,
    },
    Fail {
        code: String,
        message: String,
        retryable: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub topic: String,
    pub event: Option<String>,
    pub payload: String,
}

pub struct SourcePlugins;

impl SourcePlugins {
    pub fn map(&mut self, _: &str, _: &[Record<'_>]) -> Result<Vec<Outcome>, CallError> {
        Err(CallError::Restarting)
    }

    pub fn may_publish(&self, _: &str, _: &str) -> bool {
        false
    }

    pub fn retries(&self, _: &str) -> u32 {
        0
    }

    pub fn changes(&self) -> PluginChanges {
        PluginChanges(std::sync::Arc::default())
    }

    pub fn switch(&mut self) -> bool {
        false
    }
}
