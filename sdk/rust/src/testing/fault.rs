//! Failures that a test has the host meet.

use super::double::change;
use crate::Error;

/// A call of the plugin to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// `store.put`, `publisher.publish`, `sessions.create`: interface and function of `wit/`. Each
    /// item of `store.put-in-order` is a `store.put`.
    pub name: &'static str,
    /// The table, the topic, or the session's id (none yet of a new one).
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
pub(super) fn watched<R>(
    name: &'static str,
    target: &str,
    act: impl FnOnce() -> Result<R, Error>,
) -> Result<R, Error> {
    let call = HostCall {
        name,
        target: target.to_owned(),
    };
    match fault_of(&call) {
        None => act(),
        Some(Fault::Undone(error)) => Err(error),
        Some(Fault::Unheard(error)) => act().and(Err(error)),
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
