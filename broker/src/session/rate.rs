use crate::node::Tick;

/// Messages of one client in the current second.
#[derive(Debug, Default)]
pub(super) struct MessageRate {
    second: Tick,
    count: u32,
}

impl MessageRate {
    /// Counts one message; `false` = above `limit` (0 = no limit).
    pub(super) fn admit(&mut self, now: Tick, limit: u32) -> bool {
        let second = now / 10;
        if second != self.second {
            *self = Self { second, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        limit == 0 || self.count <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_second_begins_anew() {
        let mut rate = MessageRate::default();
        assert!((0..3).all(|_| rate.admit(10, 3)));
        assert!(!rate.admit(19, 3));
        assert!(rate.admit(20, 3));
        assert!((0..9).all(|_| rate.admit(20, 0)), "0 = no limit");
    }
}
