//! What a hook that waits may answer: its texts go to clients, so they are bounded and JSON is JSON.

use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::admission::NotAdmitted;
use super::handler::CallRefused;
use crate::plugin::bindings::admission::exports::tidegate::admission::admission::Verdict;
use crate::plugin::bindings::imports::tidegate::types::errors::Error as Refusal;
use crate::plugin::error::CallError;
use crate::plugin::instance::Fault;

/// Longer texts are malformed.
const CODE_BYTES: usize = 64;
const MESSAGE_BYTES: usize = 1_024;
const DATA_BYTES: usize = 4_096;
const REPLY_BYTES: usize = 1 << 20;

/// What the plugin says of a visitor.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub(super) outcome: Result<(), NotAdmitted>,
    pub(super) remember: Duration,
    /// It was no answer but an error of the plugin's own.
    pub(super) failed: bool,
}

impl Admitted {
    pub(super) fn new(told: Result<Verdict, Refusal>) -> Result<Self, Fault> {
        let (refusal, remember_ms, failed) = match told {
            Ok(verdict) if verdict.admit => (None, verdict.remember_ms, false),
            Ok(verdict) => {
                let refusal = NotAdmitted {
                    code: verdict.code,
                    message: verdict.message,
                    retryable: verdict.retryable,
                    data: verdict.data,
                };
                (Some(refusal), verdict.remember_ms, false)
            }
            Err(error) => {
                let refusal = NotAdmitted {
                    code: error.code,
                    message: error.message,
                    retryable: error.retryable,
                    data: None,
                };
                (Some(refusal), 0, true)
            }
        };
        if let Some(refusal) = &refusal {
            check("the code", &refusal.code, CODE_BYTES)?;
            check("the message", &refusal.message, MESSAGE_BYTES)?;
            let data = refusal.data.as_deref().unwrap_or("null");
            check("the data", data, DATA_BYTES)?;
            if let Err(error) = serde_json::from_str::<IgnoredAny>(data) {
                return Err(malformed(format!("the data is no JSON: {error}")));
            }
        }
        Ok(Self {
            outcome: refusal.map_or(Ok(()), Err),
            remember: Duration::from_millis(remember_ms.into()),
            failed,
        })
    }
}

/// What the plugin answers to a call.
pub(super) type Reply = Result<Box<RawValue>, CallRefused>;

pub(super) fn reply(told: Result<String, Refusal>) -> Result<Reply, Fault> {
    match told {
        Ok(text) => {
            check("the answer", &text, REPLY_BYTES)?;
            let json = RawValue::from_string(text);
            json.map(Ok)
                .map_err(|error| malformed(format!("the answer is no JSON: {error}")))
        }
        Err(refusal) => {
            check("the code", &refusal.code, CODE_BYTES)?;
            check("the message", &refusal.message, MESSAGE_BYTES)?;
            Ok(Err(CallRefused {
                code: refusal.code,
                message: refusal.message,
                retryable: refusal.retryable,
            }))
        }
    }
}

fn check(what: &str, text: &str, most: usize) -> Result<(), Fault> {
    let length = text.len();
    if length > most {
        return Err(malformed(format!(
            "{what} has {length} bytes, at most {most} are taken"
        )));
    }
    Ok(())
}

fn malformed(detail: String) -> Fault {
    Fault {
        kind: CallError::Malformed,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_json_value() {
        for bad in ["", "{", "1 2", "nope", "{\"a\":}"] {
            let fault = reply(Ok(bad.to_owned())).expect_err(bad);
            assert_eq!(fault.kind, CallError::Malformed);
            assert!(fault.detail.contains("is no JSON"), "{}", fault.detail);
        }
        for good in ["null", " {\"a\": [1]} ", "\"x\""] {
            let answer = reply(Ok(good.to_owned())).expect("well-formed");
            assert_eq!(answer.expect("an answer").get(), good.trim());
        }
    }
}
