//! The SDK's errors as the store's.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::store::StoreError;

/// What was asked: it decides what a request that DynamoDB finds invalid had wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Write,
    Read,
    /// With a cursor.
    Continue,
}

/// `table` is the name in DynamoDB, for the message.
pub(super) fn failure<E>(error: &SdkError<E>, table: &str, asked: Asked) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let code = error.code().unwrap_or_default();
    let message = error.message().unwrap_or_default();
    match code {
        "ConditionalCheckFailedException" => StoreError::Conflict,
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "TransactionConflictException"
        | "TransactionInProgressException" => StoreError::Throttled,
        "ItemCollectionSizeLimitExceededException" | "RequestEntityTooLarge" => {
            StoreError::TooLarge(message.to_owned())
        }
        "ValidationException" | "SerializationException" => invalid(message, asked),
        "ResourceNotFoundException" => StoreError::Unavailable(format!(
            "table `{table}` is not there; `tidegate store create-tables` makes it"
        )),
        _ if error.as_service_error().is_some() => {
            StoreError::Unavailable(format!("table `{table}`: {code}: {message}"))
        }
        _ => StoreError::Unavailable(format!("{}", DisplayErrorContext(error))),
    }
}

fn invalid(message: &str, asked: Asked) -> StoreError {
    let lower = message.to_ascii_lowercase();
    if lower.contains("size has exceeded") || lower.contains("size exceeded") {
        return StoreError::TooLarge(message.to_owned());
    }
    if lower.contains("backfilling") {
        return StoreError::Unavailable(message.to_owned());
    }
    match asked {
        Asked::Write => StoreError::BadItem(message.to_owned()),
        Asked::Continue if lower.contains("start key") || lower.contains("starting key") => {
            StoreError::BadCursor
        }
        Asked::Read | Asked::Continue => StoreError::BadKey(message.to_owned()),
    }
}
