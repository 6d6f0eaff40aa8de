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

/// Hook `lifecycle`.
pub mod lifecycle {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "tidegate:plugin/lifecycle-hook",
        include_component_type: true,
        with: { "tidegate:types/errors": crate::plugin::bindings::imports::tidegate::types::errors },
    });
}
