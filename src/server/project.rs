//! Applies the `vite.config.*` of the served folder to the configuration of the server.
//!
//! Settings of the server take precedence. Nothing that the file says opens the server to the
//! network, or serves a folder outside of the one that was named.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    config::Config,
    docroot::Mount,
    esm::{Esm, OUTER_PUBLIC, ProxyRule, PublicDir, ServerSettings, ViteSettings},
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
        let (mut settings, mut notices) =
            Esm::read_settings(&config.root).filter(|_| config.compile)?;
        notices.extend(leave_out_outer_folders(&mut settings));
        apply_folders(config, &settings);
        apply_port(config, &settings.server);
        apply_proxy(config, &settings.server);
        Some(Self { settings: Arc::new(settings), notices })
    }

    /// Emits what has no effect.
    pub(super) fn report(&self, events: &Events) {
        for notice in &self.notices {
            events.emit(event(&self.settings, notice.clone()));
        }
    }
}

/// Leaves out the folders outside of that of the file, and returns a notice for each.
fn leave_out_outer_folders(settings: &mut ViteSettings) -> Vec<ConfigNotice> {
    let real = |path: &Path| dunce::canonicalize(path).ok();
    let folder = settings.file.parent().and_then(real);
    let is_outside = |path: &PathBuf| match (&folder, real(path)) {
        (Some(folder), Some(path)) => !path.starts_with(folder),
        // A folder that does not exist yet cannot be a link.
        (_, None) => !settings.file.parent().is_some_and(|folder| path.starts_with(folder)),
        (None, _) => true,
    };
    let public = match &settings.public_dir {
        PublicDir::Folder(path) => Some(path.clone()).filter(is_outside),
        _ => None,
    };
    let (root, env) =
        (settings.root.clone().filter(is_outside), settings.env_dir.clone().filter(is_outside));
    if root.is_some() {
        settings.root = None;
    }
    if env.is_some() {
        settings.env_dir = None;
    }
    if public.is_some() {
        settings.public_dir = PublicDir::Disabled;
    }
    let outside = [("root", root), ("publicDir", public), ("envDir", env)];
    let notice = |(name, folder): (&'static str, Option<PathBuf>)| {
        Some(ConfigNotice::FolderNotServed { setting: name.into(), folder: folder? })
    };
    outside.into_iter().filter_map(notice).collect()
}

/// Applies `root`, and mounts what is served elsewhere: the root below `base`, and a public folder
/// outside of the root.
fn apply_folders(config: &mut Config, settings: &ViteSettings) {
    if let Some(root) = &settings.root {
        config.root.clone_from(root);
    }
    let mut mount = |at: &str, folder: &Path| {
        let mount = format!("{at}={}", folder.display()).parse::<Mount>();
        config.mount.extend(mount.ok().filter(|mount| !config.mount.contains(mount)));
    };
    if let PublicDir::Folder(folder) = &settings.public_dir
        && !folder.starts_with(settings.served_folder())
        && folder.is_dir()
    {
        mount(OUTER_PUBLIC, folder);
    }
    if let Some(base) = &settings.base {
        mount(base, settings.served_folder());
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

/// Returns the event of a notice about the file.
pub(super) fn event(settings: &ViteSettings, notice: ConfigNotice) -> Event {
    let name = settings.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Event::ProjectConfig { file: name, notice }
}
