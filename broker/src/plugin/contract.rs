//! Compares a component with `wit/`: every import and hook that is missing, unknown, not granted
//! or of another type is named.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentItem, ComponentType, SubtypeCx,
};
use wasmparser::types::{Types, TypesRef};
use wasmparser::{Validator, WasmFeatures};

use super::bindings;
use super::config::Grant;
use super::manifest::{Hook, Manifest};

/// Imports that need a grant, and its name.
const GRANTED: [(&str, &str); 4] = [
    ("tidegate:publisher/publisher", "publisher"),
    ("tidegate:http/http", "http"),
    ("tidegate:store/store", STORE),
    ("tidegate:sessions/sessions", "sessions"),
];
const STORE: &str = "store";

/// Types of the candidate beside those of the contract; one validator, so that they compare.
pub(super) struct Contract {
    candidate: Types,
    imports: Types,
    hooks: Vec<(Hook, Types)>,
}

impl Contract {
    /// Parses and validates the whole candidate.
    ///
    /// # Errors
    ///
    /// Says what is wrong and at which offset.
    pub(super) fn parse(component: &[u8]) -> Result<Self, String> {
        let mut validator = Validator::new_with_features(WasmFeatures::default());
        let mut validate = |encoded: &[u8]| {
            let types = validator.validate_all(encoded);
            types.inspect(|_| validator.reset())
        };
        let broken = |error: wasmparser::BinaryReaderError| format!("{error}");
        let imports = validate(bindings::imports::COMPONENT_TYPE).map_err(broken)?;
        let hooks = Hook::ALL
            .into_iter()
            .map(|hook| Ok((hook, validate(encoded(hook)).map_err(broken)?)))
            .collect::<Result<_, String>>()?;
        let candidate = validate(component).map_err(broken)?;
        Ok(Self {
            candidate,
            imports,
            hooks,
        })
    }

    /// `imports` and `exports` are the names at the candidate's top level. Returns its hooks or
    /// everything that does not fit.
    pub(super) fn check(
        &self,
        names: &Names,
        manifest: &Manifest,
        grants: &[Grant],
    ) -> Result<Vec<Hook>, Vec<String>> {
        let mut problems = Vec::new();
        for name in &names.imports {
            problems.extend(self.check_import(name, manifest, grants));
        }
        let mut hooks = Vec::new();
        for name in &manifest.hooks {
            match self.check_hook(name, &names.exports) {
                Ok(hook) => hooks.push(hook),
                Err(problem) => problems.push(problem),
            }
        }
        for wanted in &manifest.grants {
            if !GRANTED.iter().any(|(_, grant)| grant == wanted) {
                problems.push(format!(
                    "manifest asks for grant `{wanted}`, which is unknown"
                ));
            }
        }
        problems.extend(promises(manifest, grants));
        for (hook, types) in &self.hooks {
            let undeclared = !manifest.hooks.iter().any(|name| name == hook.name());
            if let Some((wanted, _)) = interface(types)
                && undeclared
                && find(&names.exports, wanted).is_some()
            {
                problems.push(format!(
                    "exports hook `{}`, which its manifest does not list",
                    hook.name()
                ));
            }
        }
        if problems.is_empty() {
            Ok(hooks)
        } else {
            Err(problems)
        }
    }

    fn check_import(&self, name: &str, manifest: &Manifest, grants: &[Grant]) -> Option<String> {
        if name.starts_with("wasi:") {
            return Some(format!(
                "asks for import {name}: a plugin for this hook gets no WASI (build it for \
                 wasm32-unknown-unknown or with WASI stubbed)"
            ));
        }
        let imports = &world(&self.imports)?.imports;
        let Some((_, offered)) = imports.iter().find(|(offered, _)| serves(offered, name)) else {
            let offered: Vec<&str> = imports.keys().map(String::as_str).collect();
            return Some(format!(
                "asks for import {name}, which is unknown (known: {})",
                offered.join(", ")
            ));
        };
        if let Some((_, grant)) = GRANTED.iter().find(|(path, _)| base(name) == *path) {
            if !grants.iter().any(|granted| granted.name() == *grant) {
                return Some(format!("asks for import {name} but has no grant `{grant}`"));
            }
            if !manifest.grants.iter().any(|wanted| wanted == grant) {
                return Some(format!(
                    "asks for import {name} but its manifest does not ask for the grant `{grant}`"
                ));
            }
        }
        let asked = self.candidate.component_item_for_import(name)?;
        difference(
            offered,
            self.imports.as_ref(),
            asked,
            self.candidate.as_ref(),
        )
        .map(|cause| format!("asks for import {name} of another type: {cause}"))
    }

    fn check_hook(&self, name: &str, exports: &[String]) -> Result<Hook, String> {
        let Some((hook, types)) = self.hooks.iter().find(|(hook, _)| hook.name() == name) else {
            let known = Hook::ALL.map(Hook::name).join(", ");
            return Err(format!(
                "manifest lists hook `{name}`, which is unknown (known: {known})"
            ));
        };
        let Some((wanted, expected)) = interface(types) else {
            return Err(format!("hook `{name}` has no interface"));
        };
        let missing = || {
            let other = exports.iter().find(|found| base(found) == base(wanted));
            let other = other.map(|found| format!(" (it exports {found})"));
            let other = other.unwrap_or_default();
            format!("manifest lists hook `{name}` but export {wanted} is missing{other}")
        };
        let exported = find(exports, wanted).ok_or_else(missing)?;
        let found = self
            .candidate
            .component_item_for_export(exported)
            .ok_or_else(missing)?;
        match difference(found, self.candidate.as_ref(), expected, types.as_ref()) {
            None => Ok(*hook),
            Some(cause) => Err(format!("export {exported} has another type: {cause}")),
        }
    }
}

/// What the manifest says and cannot be.
fn promises(manifest: &Manifest, grants: &[Grant]) -> Vec<String> {
    let mut problems = Vec::new();
    let tables: Vec<&str> = manifest.tables.iter().map(|table| &*table.name).collect();
    if !tables.is_empty() && !grants.iter().any(|granted| granted.name() == STORE) {
        problems.push(format!(
            "its manifest declares tables ({}) but it has no grant `{STORE}`",
            tables.join(", ")
        ));
    }
    let foreign = |method: &&String| manifest.own_method(method).is_none();
    for method in manifest.http_methods.iter().filter(foreign) {
        problems.push(format!(
            "its manifest lists the HTTP method `{method}`, which does not begin with `{}.`",
            manifest.name
        ));
    }
    problems
}

/// The encoded type of a hook's world.
fn encoded(hook: Hook) -> &'static [u8] {
    match hook {
        Hook::Authorizer => bindings::authorizer::COMPONENT_TYPE,
        Hook::Principals => bindings::principals::COMPONENT_TYPE,
        Hook::Mapper => bindings::mapper::COMPONENT_TYPE,
        Hook::Admission => bindings::admission::COMPONENT_TYPE,
        Hook::Handler => bindings::handler::COMPONENT_TYPE,
        Hook::Lifecycle => bindings::lifecycle::COMPONENT_TYPE,
    }
}

/// What a candidate imports and exports at its top level.
#[derive(Default)]
pub(super) struct Names {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

/// Why `a` cannot stand where `b` is wanted; `None` = it can.
fn difference(
    a: &ComponentItem,
    a_types: TypesRef<'_>,
    b: &ComponentItem,
    b_types: TypesRef<'_>,
) -> Option<String> {
    SubtypeCx::new_with_refs(a_types, b_types)
        .component_entity_type(&a.ty, &b.ty, 0)
        .err()
        .map(|error| error.message().replace('\n', " "))
}

/// The interface that a hook's world exports.
fn interface(hook: &Types) -> Option<(&str, &ComponentItem)> {
    let (name, item) = world(hook)?.exports.iter().next()?;
    Some((name, item))
}

/// The world in the encoding that `bindgen!` keeps: type 0 is a component type that exports it.
fn world(types: &Types) -> Option<&ComponentType> {
    let ComponentAnyTypeId::Component(package) = types.as_ref().component_any_type_at(0) else {
        return None;
    };
    let (_, item) = types[package].exports.iter().next()?;
    match item.ty {
        ComponentEntityType::Component(world) => Some(&types[world]),
        _ => None,
    }
}

fn find<'a>(names: &'a [String], wanted: &str) -> Option<&'a String> {
    names.iter().find(|name| serves(wanted, name))
}

/// Whether an interface of the contract serves a name of the candidate's: same interface, same
/// version track.
fn serves(offered: &str, asked: &str) -> bool {
    base(offered) == base(asked) && track(offered) == track(asked)
}

fn base(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// The part of a version within which interfaces stay compatible.
fn track(name: &str) -> Option<&str> {
    let version = name.split_once('@')?.1;
    let plain = !version.contains('-');
    let mut dots = version.match_indices('.').map(|(at, _)| at);
    let (major, minor) = (dots.next(), dots.next());
    match (major, minor) {
        (Some(major), _) if plain && &version[..major] != "0" => Some(&version[..major]),
        (Some(_), Some(minor)) if plain && !version.starts_with("0.0.") => Some(&version[..minor]),
        _ => Some(version),
    }
}
