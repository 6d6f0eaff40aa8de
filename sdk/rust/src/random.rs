//! Cryptographically secure randomness, from the host.

use crate::host::random;

/// The most that one host call gives.
const MOST_BYTES: usize = 4096;

pub fn fill(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(MOST_BYTES) {
        // A chunk is at most 4096 long.
        chunk.copy_from_slice(&random::bytes(chunk.len() as u32));
    }
}

pub fn u64() -> u64 {
    random::u64()
}
