//! Failures that a test has the host meet.

use super::double::change;
use crate::Error;

/// A call of the plugin to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// `store.put`, `publisher.publish`, `sessions.create`: interface and function of `wit/`. In
    /// `store.put-in-order` each item is a `store.put` too.
    pub name: &'static str,
    /// The table (of several the first one's), the topic, or the session's id (none yet of a new one).
    pub target: String,
}

/// How a [`HostCall`] fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// As if it had not been asked for.
    Undone(Error),
    /// It is done, but its answer is lost.
    Unheard(Error),
}

pub(super) type Watch = Box<dyn FnMut(&HostCall) -> Option<Fault>>;

/// Does what a host call is to do, unless the test wants it to fail.
pub(super) fn watched<R, E: From<Error>>(
    name: &'static str,
    target: &str,
    act: impl FnOnce() -> Result<R, E>,
) -> Result<R, E> {
    let call = HostCall {
        name,
        target: target.to_owned(),
    };
    match fault_of(&call) {
        None => act(),
        Some(Fault::Undone(error)) => Err(error.into()),
        Some(Fault::Unheard(error)) => act().and_then(|_| Err(error.into())),
    }
}

/// The watch is taken out meanwhile, so that it may call plugins itself.
fn fault_of(call: &HostCall) -> Option<Fault> {
    let mut watch = change(|double| double.watch.take())?;
    let fault = watch(call);
    change(|double| {
        double.watch.get_or_insert(watch);
    });
    fault
}
