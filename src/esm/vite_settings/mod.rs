//! The settings of a project's `vite.config.*`, as plain data.
//!
//! `vite_config` reads them. Shared by the build with the feature `esm` and the [stub](super::Esm)
//! without it, which has none. Options of compilers and plug-ins are kept as JSON, for those who
//! run them.

#![cfg_attr(not(feature = "esm"), allow(dead_code))]

mod alias;
mod pattern;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

#[cfg(feature = "esm")]
pub(crate) use self::alias::{Find, apply, apply_to_beginning};
pub(crate) use self::{alias::Alias, pattern::Pattern};

/// The URL path of a public folder outside of the root.
pub(crate) const OUTER_PUBLIC: &str = "/@public";

/// The settings that were understood. Paths are absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ViteSettings {
    /// The configuration file.
    pub(crate) file: PathBuf,
    /// `root`: the folder with `index.html`.
    pub(crate) root: Option<PathBuf>,
    /// `base`, with a slash at both ends. `None` for `/` and relative ones.
    pub(crate) base: Option<String>,
    /// `publicDir`.
    pub(crate) public_dir: PublicDir,
    /// `envDir`.
    pub(crate) env_dir: Option<PathBuf>,
    /// `envPrefix`; empty for the default.
    pub(crate) env_prefix: Vec<String>,
    /// `resolve.alias`, in the order in which they are tried.
    pub(crate) aliases: Vec<Alias>,
    /// `resolve.extensions`; empty for the default.
    pub(crate) extensions: Vec<String>,
    /// `define`: names, and the JavaScript expressions that replace them.
    pub(crate) define: Vec<(String, String)>,
    /// `server`.
    pub(crate) server: ServerSettings,
    /// `css`.
    pub(crate) css: CssSettings,
    /// `esbuild.jsx*` and `oxc.jsx`.
    pub(crate) jsx: JsxSettings,
    /// `plugins`: all whose package is known, in order.
    pub(crate) plugins: Vec<Plugin>,
}

impl ViteSettings {
    /// Returns whether the folder has a configuration file, so that it is a project even without a
    /// `package.json`.
    pub(crate) fn exist(&self) -> bool {
        !self.file.as_os_str().is_empty()
    }

    /// Returns the folder that is served: `root`, or that of the file.
    pub(crate) fn served_folder(&self) -> &Path {
        let folder = self.file.parent().unwrap_or(&self.file);
        self.root.as_deref().unwrap_or(folder)
    }

    /// Returns the URL path of the folder whose files are also served from the root.
    pub(crate) fn public_url(&self) -> Option<String> {
        match &self.public_dir {
            PublicDir::Default => Some("/public".to_owned()),
            PublicDir::Disabled => None,
            PublicDir::Folder(folder) => Some(match folder.strip_prefix(self.served_folder()) {
                Ok(below) => {
                    let names = below.iter().map(|name| format!("/{}", name.to_string_lossy()));
                    names.collect()
                }
                Err(_) => OUTER_PUBLIC.to_owned(),
            }),
        }
    }

    /// Returns whether a variable of a `.env` file reaches the page.
    pub(crate) fn is_public(&self, name: &str) -> bool {
        let starts = |prefix: &String| name.starts_with(prefix.as_str());
        match &*self.env_prefix {
            [] => is_public_by_default(name),
            prefixes => prefixes.iter().any(starts) || name.starts_with("LIVERS_"),
        }
    }

    /// Returns the options of a plug-in by the name of its package, or `None` if it is not used.
    pub(crate) fn plugin(&self, package: &str) -> Option<&Value> {
        self.plugins.iter().find(|plugin| plugin.package == package).map(|it| &it.options)
    }
}

/// Returns whether a variable reaches the page without any setting.
pub(crate) fn is_public_by_default(name: &str) -> bool {
    name.starts_with("LIVERS_") || name.starts_with("VITE_")
}

/// The folder whose files are also served from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum PublicDir {
    /// `public` in the root.
    #[default]
    Default,
    /// None.
    Disabled,
    Folder(PathBuf),
}

/// `server`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerSettings {
    pub(crate) port: Option<u16>,
    pub(crate) strict_port: bool,
    /// The path to open in the browser.
    pub(crate) open: Option<String>,
    /// `proxy`, in order.
    pub(crate) proxy: Vec<ProxyRule>,
}

/// An entry of `server.proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyRule {
    /// The path prefix and the target, in the syntax of a route: `/api=http://localhost:3000/`.
    pub(crate) route: String,
    pub(crate) change_origin: bool,
    /// Whether every certificate is accepted: `secure: false`.
    pub(crate) insecure: bool,
}

/// `css`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CssSettings {
    /// `preprocessorOptions`, by the extension of the style sheets: `scss`, `less`.
    pub(crate) preprocessors: Map<String, Value>,
    /// `modules.localsConvention`.
    pub(crate) locals_convention: Option<String>,
}

/// How JSX is compiled. What is not set comes from `tsconfig.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JsxSettings {
    pub(crate) runtime: Option<Runtime>,
    pub(crate) factory: Option<String>,
    pub(crate) fragment: Option<String>,
    pub(crate) import_source: Option<String>,
    /// Statements that precede each module with JSX.
    pub(crate) inject: Option<String>,
}

/// The functions that JSX is compiled to: those of a package, or those with names in the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    Automatic,
    Classic,
}

/// A plug-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plugin {
    pub(crate) package: String,
    /// Its options as far as they are literals; `null` without any.
    pub(crate) options: Value,
}
