//! Applies the `vite.config.*` of the served folder to the configuration of the server.
//!
//! Settings of the server take precedence. Nothing that the file says opens the server to the
//! network, or serves a folder outside of the one that was named.

use std::{path::Path, sync::Arc};

use crate::{
    config::Config,
    esm::{Esm, ProxyRule, ServerSettings, ViteSettings},
    event::{ConfigNotice, Event, Events},
    proxy::Route,
};

/// What the file sets, and what of it has no effect.
pub(super) struct Project {
    pub(super) settings: Arc<ViteSettings>,
    notices: Vec<ConfigNotice>,
}

impl Project {
    /// Reads the file and applies it. Returns `None` if the folder has none, or nothing is compiled.
    ///
    /// # Blocking
    /// Reads files.
    pub(super) fn apply(config: &mut Config) -> Option<Self> {
        let (settings, notices) = Esm::read_settings(&config.root).filter(|_| config.compile)?;
        apply_port(config, &settings.server);
        apply_proxy(config, &settings.server);
        Some(Self { settings: Arc::new(settings), notices })
    }

    /// Emits what has no effect.
    pub(super) fn report(&self, events: &Events) {
        for notice in &self.notices {
            events.emit(event(&self.settings.file, notice.clone()));
        }
    }
}

/// Applies the port, unless one is configured.
fn apply_port(config: &mut Config, server: &ServerSettings) {
    if config.port.is_none() && server.port.is_some() {
        config.port = server.port;
        config.strict_port |= server.strict_port;
    }
}

/// Adds the proxy routes whose prefixes have none.
fn apply_proxy(config: &mut Config, server: &ServerSettings) {
    for ProxyRule { route, change_origin, insecure } in &server.proxy {
        // The reader has parsed it before.
        let Ok(route) = route.parse::<Route>() else { continue };
        if !config.proxy.iter().any(|other| other.prefix() == route.prefix()) {
            config.proxy.push(route.with_options(*change_origin, *insecure));
        }
    }
}

/// Returns the event of a notice about a file.
fn event(file: &Path, notice: ConfigNotice) -> Event {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Event::ProjectConfig { file: name, notice }
}
