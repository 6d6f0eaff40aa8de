//! The host's interfaces as `wit/` has them: the imports once, and a module per hook, so that a
//! plugin exports just the hooks it has. A hook adds a world in `wit/plugin.wit`, a module here
//! and an arm in `export.rs`.

pub use imports::tidegate::types::errors::Error;

pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "imports",
        generate_all,
    });
}

pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "lifecycle-hook",
        with: { "tidegate:types/errors@1.0.0": crate::bindings::imports::tidegate::types::errors },
        generate_all,
        pub_export_macro: true,
    });
    pub use exports::tidegate::lifecycle::lifecycle::Guest;
}

pub mod authorizer {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "authorizer-hook",
        generate_all,
        pub_export_macro: true,
    });
    pub use exports::tidegate::authorizer::authorizer::{Decision as Answer, Guest};
}

pub mod principals {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "principals-hook",
        with: { "tidegate:types/errors@1.0.0": crate::bindings::imports::tidegate::types::errors },
        generate_all,
        pub_export_macro: true,
    });
    pub use exports::tidegate::principals::principals::{Guest, Identity as Answer};
}

pub mod mapper {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "mapper-hook",
        generate_all,
        pub_export_macro: true,
    });
    pub use exports::tidegate::mapper::mapper::{Guest, Outcome, Publication, SourceRecord};
}

pub mod admission {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "admission-hook",
        with: { "tidegate:types/errors@1.0.0": crate::bindings::imports::tidegate::types::errors },
        generate_all,
        pub_export_macro: true,
    });
    pub use exports::tidegate::admission::admission::{Guest, Verdict as Answer};
}

pub mod handler {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "handler-hook",
        with: { "tidegate:types/errors@1.0.0": crate::bindings::imports::tidegate::types::errors },
        generate_all,
        pub_export_macro: true,
    });
    pub use exports::tidegate::handler::handler::{Caller, Guest};
}
