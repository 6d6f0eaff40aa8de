//! Who answers what: the settings' names of plugins, found.

use std::sync::Arc;

use super::config::PluginConfig;
use super::error::PluginError;
use super::generation::Lane;
use super::manifest::Hook;
use super::route::Routes;

/// Plugins by their position in the settings.
pub(super) struct Claims {
    pub(super) routes: Arc<Routes>,
    pub(super) principals: Option<usize>,
    pub(super) admission: Option<usize>,
    pub(super) handlers: Vec<usize>,
    mappers: Vec<usize>,
}

impl Claims {
    /// # Errors
    ///
    /// Two plugins of one name, a pattern claimed twice, or a claim for nobody.
    pub(super) fn new(config: &PluginConfig) -> Result<Self, PluginError> {
        let mut names: Vec<&str> = Vec::new();
        for spec in &config.plugins {
            if names.contains(&spec.name.as_str()) {
                return Err(PluginError::DuplicateName(spec.name.clone()));
            }
            names.push(&spec.name);
        }
        let find = |claim: &str, wanted: &str| {
            let position = names.iter().position(|name| *name == wanted);
            position.ok_or_else(|| PluginError::Unknown {
                claim: claim.to_owned(),
                name: wanted.to_owned(),
            })
        };
        let principals = config.principals.as_deref();
        let admission = config.admission.as_deref();
        let mappers = config.mappers.iter();
        let handlers = config.handlers.iter();
        Ok(Self {
            routes: Arc::new(Routes::new(&config.authorize, &names)?),
            principals: principals
                .map(|name| find("`principals`", name))
                .transpose()?,
            admission: admission
                .map(|name| find("`admission`", name))
                .transpose()?,
            handlers: handlers
                .map(|name| find("`handlers`", name))
                .collect::<Result<_, _>>()?,
            mappers: mappers
                .map(|claim| find(&format!("mapper of topic `{}`", claim.topic), &claim.plugin))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The hooks that the settings send calls to.
    pub(super) fn wanted(&self, plugin: usize) -> Wanted {
        let mut hooks = Vec::new();
        if self.routes.reach(plugin) {
            hooks.push(Hook::Authorizer);
        }
        if self.principals == Some(plugin) {
            hooks.push(Hook::Principals);
        }
        if self.mappers.contains(&plugin) {
            hooks.push(Hook::Mapper);
        }
        if self.admission == Some(plugin) {
            hooks.push(Hook::Admission);
        }
        if self.handlers.contains(&plugin) {
            hooks.push(Hook::Handler);
        }
        Wanted(hooks)
    }
}

/// The hooks of one plugin that are called.
pub(super) struct Wanted(pub(super) Vec<Hook>);

impl Wanted {
    pub(super) fn on_workers(&self) -> bool {
        self.has(Hook::Authorizer) || self.has(Hook::Principals)
    }

    pub(super) fn on_source(&self) -> bool {
        self.has(Hook::Mapper)
    }

    pub(super) fn on_io(&self) -> bool {
        self.has(Hook::Admission) || self.has(Hook::Handler)
    }

    pub(super) fn lanes(&self) -> Vec<Lane> {
        let worker = self.on_workers().then_some(Lane::Worker);
        let source = self.on_source().then_some(Lane::Source);
        let io = self.on_io().then_some(Lane::Io);
        worker.into_iter().chain(source).chain(io).collect()
    }

    pub(super) fn has(&self, hook: Hook) -> bool {
        self.0.contains(&hook)
    }
}
