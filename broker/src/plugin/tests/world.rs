//! The rest of the node, as plugins reach it: a real store, and a record of what they publish and
//! which sessions there are.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::plugin::{Outside, OutsideError, StoredSession};
use crate::store::{Store, StoreConfig};

#[derive(Clone)]
pub(super) struct World(Arc<Inner>);

struct Inner {
    pub(super) store: Store,
    seen: Mutex<Seen>,
    /// Publishing and new sessions wait until it is open.
    open: watch::Sender<bool>,
}

#[derive(Default)]
pub(super) struct Seen {
    /// Topic, event and payload.
    pub(super) published: Vec<(String, Option<String>, String)>,
    /// Documents by id.
    pub(super) sessions: BTreeMap<String, String>,
    pub(super) destroyed: Vec<String>,
    created: usize,
    /// Creations that have been asked for.
    pub(super) asked: usize,
    /// Nothing can be published.
    pub(super) bus_is_away: bool,
    /// No session can be removed.
    pub(super) sessions_stay: bool,
}

impl World {
    pub(super) fn new(folder: &Path, runtime: &tokio::runtime::Runtime) -> Self {
        let store = Store::open(&StoreConfig::embedded(folder), runtime.handle());
        Self(Arc::new(Inner {
            store: store.expect("a store"),
            seen: Mutex::default(),
            open: watch::Sender::new(true),
        }))
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps publications and new sessions waiting until it is opened.
    pub(super) fn set_open(&self, open: bool) {
        self.0.open.send_replace(open);
    }

    pub(super) fn outside(&self) -> Outside {
        let [publishes, creates, destroys] = [(); 3].map(|()| self.clone());
        Outside {
            store: Some(self.0.store.clone()),
            publish: Box::new(move |draft| {
                let world = publishes.clone();
                Box::pin(async move {
                    world.opened().await;
                    let mut seen = world.seen();
                    if seen.bus_is_away {
                        return Err(OutsideError {
                            code: "unavailable",
                            message: "the bus is away".into(),
                            retryable: true,
                        });
                    }
                    let payload = String::from_utf8_lossy(draft.payload.as_bytes());
                    seen.published.push((
                        draft.topic.as_str().to_owned(),
                        draft.event.map(String::from),
                        payload.into_owned(),
                    ));
                    Ok(())
                })
            }),
            create_session: Box::new(move |document| {
                let world = creates.clone();
                Box::pin(async move {
                    world.seen().asked += 1;
                    world.opened().await;
                    let mut seen = world.seen();
                    seen.created += 1;
                    let id = format!("s{}", seen.created);
                    seen.sessions.insert(id.clone(), document);
                    let set_cookie = format!("sid={id}");
                    Ok(StoredSession { id, set_cookie })
                })
            }),
            destroy_session: Box::new(move |id| {
                let world = destroys.clone();
                Box::pin(async move {
                    let mut seen = world.seen();
                    if seen.sessions_stay {
                        return Err(OutsideError {
                            code: "unavailable",
                            message: "the session is still stored".into(),
                            retryable: true,
                        });
                    }
                    seen.sessions.remove(&id);
                    seen.destroyed.push(id);
                    Ok(())
                })
            }),
        }
    }

    async fn opened(&self) {
        let _ = self.0.open.subscribe().wait_for(|open| *open).await;
    }
}
