use std::cell::RefCell;

use crate::{Error, Plugin, settings};

/// Where an instance keeps its plugin. Each instance has a memory of its own and one thread.
pub struct Slot<P>(RefCell<Option<P>>);

impl<P: Plugin> Slot<P> {
    pub const fn empty() -> Self {
        Self(RefCell::new(None))
    }

    /// Builds the plugin; what a failed `init` left behind is not called.
    pub fn init(&self, settings: &str) -> Result<(), Error> {
        #[cfg(target_arch = "wasm32")]
        crate::log::panics();
        let plugin = P::new(settings::parse(settings)?)?;
        self.0.replace(Some(plugin));
        Ok(())
    }

    pub fn with<R>(&self, call: impl FnOnce(&mut P) -> R) -> R {
        match self.0.borrow_mut().as_mut() {
            Some(plugin) => call(plugin),
            None => panic!("a hook was called before init"),
        }
    }
}

/// Makes a plugin of a type: exports `lifecycle` (from its [`Plugin`]) and the hooks named after
/// the colon, and writes the manifest.
///
/// ```ignore
/// tidegate_plugin::export!(Gateway: Authorizer + Principals);
/// tidegate_plugin::export!(Chat: Authorizer, name: "chat", grants: ["publisher"], memory_mib: 16);
/// tidegate_plugin::export!(Notifications: Mapper + Admission, grants: ["http"], retries: 3);
/// tidegate_plugin::export!(
///     Notes: Handler,
///     grants: ["store", "sessions"],
///     tables: [
///         { name: "Owners", partition: "name", indexes: [{ name: "by_session", partition: "session" }] },
///         { name: "Notes", partition: "owner", sort: "at", expires: "until" },
///     ],
///     http_methods: ["notes.enter"],
/// );
/// ```
///
/// After the hooks may come, in this order: `name` and `version` (otherwise the package's),
/// `grants` that the plugin wants (`"publisher"`, `"http"`, `"store"`, `"sessions"`; it gets those
/// that the broker's settings grant too), `memory_mib`, the memory that one instance may use if
/// that is less than the broker would give, `retries`, how often a record that a
/// [`Mapper`](crate::Mapper) failed on with a retryable error is given to it again (otherwise 3
/// times), `tables` of the [`store`](crate::store), and `http_methods`, those methods of a
/// [`Handler`](crate::Handler) that may only be called over `POST /call`.
///
/// A table has a `name` and the names of the members that are its keys: `partition`, perhaps
/// `sort`; perhaps `expires`, a member with a number, the seconds since 1970 after which an item
/// counts as gone; perhaps `indexes`, each with a `name`, `partition` and perhaps `sort`.
#[macro_export]
macro_rules! export {
    ($plugin:ty $(: $first:ident $(+ $hook:ident)*)? $(, $($manifest:tt)*)?) => {
        $crate::__manifest!(
            $plugin;
            hooks: [$($crate::__hook_name!($first) $(, $crate::__hook_name!($hook))*)?]
            $(, $($manifest)*)?
        );
        $crate::__export_hooks!($plugin $(, $first $(, $hook)*)?);
    };
}

/// [`export!`] of the `lifecycle` alone, with hooks in the manifest that somebody else exports
/// (or nobody: the broker's tests need a manifest that is not true).
#[doc(hidden)]
#[macro_export]
macro_rules! export_with_manifest {
    ($plugin:ty; $($manifest:tt)*) => {
        $crate::__manifest!($plugin; $($manifest)*);
        $crate::__export_hooks!($plugin);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_hooks {
    ($plugin:ty $(, $hook:ident)*) => {
        // The generated glue: the canonical ABI is raw memory.
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        const _: () = {
            ::std::thread_local! {
                static INSTANCE: $crate::private::Slot<$plugin> =
                    const { $crate::private::Slot::empty() };
            }

            struct Component;

            $crate::__export_hook!(Lifecycle, Component, INSTANCE);
            $($crate::__export_hook!($hook, Component, INSTANCE);)*
        };

        // Natively nothing is exported, but a missing hook does not compile either.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            const fn is_plugin<P: $crate::Plugin>() {}
            is_plugin::<$plugin>();
            $({
                const fn has_hook<P: $crate::$hook>() {}
                has_hook::<$plugin>();
            })*
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __hook_name {
    (Authorizer) => {
        "authorizer"
    };
    (Principals) => {
        "principals"
    };
    (Mapper) => {
        "mapper"
    };
    (Admission) => {
        "admission"
    };
    (Handler) => {
        "handler"
    };
    ($other:ident) => {
        compile_error!(concat!(
            "there is no hook ",
            stringify!($other),
            "; there are Authorizer, Principals, Mapper, Admission and Handler"
        ))
    };
}

/// Each hook's glue stands beside its trait.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_hook {
    (Lifecycle, $($with:tt)*) => {
        $crate::__export_lifecycle!($($with)*);
    };
    (Authorizer, $($with:tt)*) => {
        $crate::__export_authorizer!($($with)*);
    };
    (Principals, $($with:tt)*) => {
        $crate::__export_principals!($($with)*);
    };
    (Mapper, $($with:tt)*) => {
        $crate::__export_mapper!($($with)*);
    };
    (Admission, $($with:tt)*) => {
        $crate::__export_admission!($($with)*);
    };
    (Handler, $($with:tt)*) => {
        $crate::__export_handler!($($with)*);
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(u32);

    impl Plugin for Counter {
        type Settings = u32;

        fn new(start: u32) -> Result<Self, Error> {
            if start == 0 {
                return Err(Error::settings("start is 0"));
            }
            Ok(Self(start))
        }
    }

    #[test]
    fn a_plugin_is_built_once_and_then_called() {
        let slot = Slot::<Counter>::empty();
        slot.init("7").expect("7 is a start");
        slot.with(|counter| counter.0 += 1);
        assert_eq!(slot.with(|counter| counter.0), 8);
    }

    #[test]
    fn what_new_refuses_is_not_there() {
        let slot = Slot::<Counter>::empty();
        assert_eq!(slot.init("0"), Err(Error::settings("start is 0")));
        assert!(slot.init("\"x\"").is_err());
        let call = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slot.with(|_| ())));
        assert!(call.is_err(), "a call before init answers nothing");
    }
}
