use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::Limits;

/// Counts the node's sessions, in all and by client address.
#[derive(Debug)]
pub struct Admission {
    limit: usize,
    per_address: usize,
    count: AtomicUsize,
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

/// Why a session is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Node,
    Address,
}

/// A session's place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limit: limits.connections,
            per_address: limits.connections_per_address,
            count: AtomicUsize::new(0),
            addresses: Mutex::default(),
        })
    }

    /// `address` counts where it is known and a limit is set.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        if self.count.fetch_add(1, Ordering::AcqRel) >= self.limit {
            self.count.fetch_sub(1, Ordering::AcqRel);
            return Err(Full::Node);
        }
        let mut place = Place {
            admission: self.clone(),
            address: None,
        };
        if self.per_address > 0 {
            let address = address.to_canonical();
            let mut addresses = self
                .addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let count = addresses.entry(address).or_default();
            if *count >= self.per_address {
                return Err(Full::Address);
            }
            *count += 1;
            place.address = Some(address);
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.count.fetch_sub(1, Ordering::AcqRel);
        let Some(address) = self.address else { return };
        let mut addresses = self
            .admission
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let limits = Limits {
            connections: 3,
            connections_per_address: 2,
            ..Limits::default()
        };
        let admission = Admission::new(&limits);
        let one = IpAddr::from([127, 0, 0, 1]);
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().expect("an address");
        let other = IpAddr::from([127, 0, 0, 2]);
        let first = admission.enter(one).expect("the first");
        let _second = admission.enter(mapped).expect("the second");
        assert_eq!(admission.enter(one).expect_err("a third"), Full::Address);
        let _third = admission.enter(other).expect("another address");
        assert_eq!(admission.enter(other).expect_err("a fourth"), Full::Node);
        drop(first);
        admission.enter(one).expect("a place is free again");
    }
}
