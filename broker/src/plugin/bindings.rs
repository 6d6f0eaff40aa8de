//! What `wit/` says, as Rust: the host side of every import, one typed view per hook, and each
//! world's encoded type, which candidates are compared with.
//!
//! One module per hook: a component is refused for lacking a hook only if it is asked for it.

/// Imports: the host's side.
pub mod imports {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:plugin/imports",
        imports: { default: trappable },
        include_component_type: true,
    });
}

/// Hook `authorizer`.
pub mod authorizer {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:plugin/authorizer-hook",
        include_component_type: true,
    });
}

/// Hook `principals`.
pub mod principals {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:plugin/principals-hook",
        include_component_type: true,
        with: { "tidegate:types/errors": crate::plugin::bindings::imports::tidegate::types::errors },
    });
}

/// Hook `mapper`.
pub mod mapper {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:plugin/mapper-hook",
        include_component_type: true,
        // A batch is lent to the call, not copied for it.
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// Hook `admission`, on the I/O engine.
pub mod admission {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:plugin/admission-hook",
        include_component_type: true,
        exports: { default: async },
        with: { "tidegate:types/errors": crate::plugin::bindings::imports::tidegate::types::errors },
    });
}

/// Hook `handler`, on the I/O engine.
pub mod handler {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:plugin/handler-hook",
        include_component_type: true,
        exports: { default: async },
        with: { "tidegate:types/errors": crate::plugin::bindings::imports::tidegate::types::errors },
    });
}

/// Hook `lifecycle`.
pub mod lifecycle {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:plugin/lifecycle-hook",
        include_component_type: true,
        with: { "tidegate:types/errors": crate::plugin::bindings::imports::tidegate::types::errors },
    });
}

/// What is different on the I/O engine: imports that wait, and a lifecycle that may use them.
pub mod io {
    pub mod imports {
        wasmtime::component::bindgen!({
            path: "../wit",
            world: "tidegate:plugin/imports",
            imports: {
                "tidegate:http/http": async | trappable,
                "tidegate:publisher/publisher": async | trappable,
                "tidegate:store/store": async | trappable,
                "tidegate:sessions/sessions": async | trappable,
                default: trappable,
            },
            with: {
                "tidegate:types/errors": crate::plugin::bindings::imports::tidegate::types::errors,
                "tidegate:log/log": crate::plugin::bindings::imports::tidegate::log::log,
                "tidegate:settings/settings":
                    crate::plugin::bindings::imports::tidegate::settings::settings,
                "tidegate:clock/clock": crate::plugin::bindings::imports::tidegate::clock::clock,
                "tidegate:random/random":
                    crate::plugin::bindings::imports::tidegate::random::random,
            },
        });
    }

    pub mod lifecycle {
        wasmtime::component::bindgen!({
            path: "../wit",
            world: "tidegate:plugin/lifecycle-hook",
            exports: { default: async },
            with: { "tidegate:types/errors": crate::plugin::bindings::imports::tidegate::types::errors },
        });
    }
}
