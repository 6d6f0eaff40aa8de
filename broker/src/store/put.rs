//! What is put: an item, and what must hold for it.

use super::StoreError;

/// Items of one [`put_in_order`](super::Store::put_in_order): in DynamoDB each takes its own time.
pub const PUTS_MAX: usize = 16;
/// Their JSON in bytes: less than the plugin host copies out of a guest at once.
pub const PUTS_BYTES_MAX: usize = 1 << 20;

/// What must hold for a put. An item that has expired is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Always,
    IfAbsent,
    /// The item is there and has this version.
    IfUnchanged(String),
}

/// One of the items of [`put_in_order`](super::Store::put_in_order).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    pub table: String,
    pub json: String,
    pub condition: Condition,
}

/// Whether so much may be put in one call.
///
/// # Errors
/// `TooLarge`
pub(super) fn check(puts: &[Put]) -> Result<(), StoreError> {
    if puts.len() > PUTS_MAX {
        let what = format!("{} items, at most {PUTS_MAX} are taken", puts.len());
        return Err(StoreError::TooLarge(what));
    }
    let bytes: usize = puts.iter().map(|put| put.json.len()).sum();
    if bytes > PUTS_BYTES_MAX {
        let what = format!("items of {bytes} bytes, at most {PUTS_BYTES_MAX} at once");
        return Err(StoreError::TooLarge(what));
    }
    Ok(())
}
