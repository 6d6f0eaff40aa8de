//! A queue bounded by items and by bytes, that is never waited for on the sending side.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

/// What may wait in one queue: a burst that takes a busy machine some tens of milliseconds.
pub const ITEMS: usize = 65_536;
/// Many large publications must not take all memory before they are too many.
pub const BYTES: usize = 64 << 20;

/// A queue of [`ITEMS`] items and [`BYTES`] bytes; `weigh` says how many bytes an item holds.
pub fn queue<T>(weigh: fn(&T) -> usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel(ITEMS);
    let bytes = Arc::new(AtomicUsize::new(0));
    (
        Sender {
            sender,
            bytes: bytes.clone(),
            weigh,
        },
        Receiver {
            receiver,
            bytes,
            weigh,
        },
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Full,
    /// The receiver is gone.
    Closed,
}

#[derive(Debug)]
pub struct Sender<T> {
    sender: mpsc::Sender<T>,
    bytes: Arc<AtomicUsize>,
    weigh: fn(&T) -> usize,
}

#[derive(Debug)]
pub struct Receiver<T> {
    receiver: mpsc::Receiver<T>,
    bytes: Arc<AtomicUsize>,
    weigh: fn(&T) -> usize,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            bytes: self.bytes.clone(),
            weigh: self.weigh,
        }
    }
}

impl<T> Sender<T> {
    /// Queues `item`, or drops it. An item that alone is above the limit passes when nothing waits.
    pub fn try_send(&self, item: T) -> Result<(), Refused> {
        let weight = (self.weigh)(&item);
        let before = self.bytes.fetch_add(weight, Ordering::Relaxed);
        let sent = if before > 0 && before + weight > BYTES {
            Err(Refused::Full)
        } else {
            self.sender.try_send(item).map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Refused::Full,
                mpsc::error::TrySendError::Closed(_) => Refused::Closed,
            })
        };
        if sent.is_err() {
            self.bytes.fetch_sub(weight, Ordering::Relaxed);
        }
        sent
    }
}

impl<T> Receiver<T> {
    /// Waits for one item and takes up to `limit` that are there; 0 = every sender is gone.
    /// Cancel-safe.
    pub async fn recv_many(&mut self, into: &mut Vec<T>, limit: usize) -> usize {
        let already = into.len();
        let taken = self.receiver.recv_many(into, limit).await;
        let weight: usize = into[already..].iter().map(self.weigh).sum();
        self.bytes.fetch_sub(weight, Ordering::Relaxed);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_is_bounded_by_bytes_and_takes_again_when_emptied() {
        let (sender, mut receiver) = queue::<Vec<u8>>(Vec::len);
        assert_eq!(
            sender.try_send(vec![0; BYTES + 1]),
            Ok(()),
            "alone it passes"
        );
        assert_eq!(sender.try_send(vec![0]), Err(Refused::Full));
        let mut taken = Vec::new();
        assert_eq!(receiver.recv_many(&mut taken, 8).await, 1);
        assert_eq!(sender.try_send(vec![0]), Ok(()));
        drop(receiver);
        assert_eq!(sender.try_send(vec![0]), Err(Refused::Closed));
    }

    #[tokio::test]
    async fn the_queue_is_bounded_by_items() {
        let (sender, _receiver) = queue::<()>(|()| 0);
        for _ in 0..ITEMS {
            assert_eq!(sender.try_send(()), Ok(()));
        }
        assert_eq!(sender.try_send(()), Err(Refused::Full));
    }
}
