//! What an import specifier means: a file of the project, a package, a URL, or nothing.
//!
//! The rules are those of Node and bundlers for a browser: `exports` and `imports` by condition, the
//! `browser` field, `tsconfig.json`'s paths, extensions and folders. What the resolver comes to
//! outside of the root is a package ([`folders`]), if it was installed or lies in the workspace.
//! What it knows of the disk is kept, and forgotten when packages are installed, when a specifier
//! leads to nothing, and by [`Resolver::forget`].
//!
//! Left out on purpose: Yarn's Plug'n'Play, aliases of a configuration.

mod builtin;
mod engine;
mod folders;
mod install;
mod named;
mod specifier;

use std::{
    path::{Component, Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use oxc_resolver::ResolveError;

pub(crate) use self::{
    engine::Asker,
    folders::{Folder, Place},
    install::file_stamp,
    specifier::{is_bare, is_script, key},
};
use self::{
    engine::Engine,
    folders::{Folders, Moment},
    named::Named,
    specifier::{is_package_name, is_url, package_name, package_of, url},
};
use crate::docroot::Allow;
pub(crate) use crate::http::own_paths::PACKAGES;

/// What a specifier leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file of the project, in the root: it has a URL of its own.
    File(PathBuf),
    /// A file in a package: the URL of the module for it. It has a query (`?import`) if the file is
    /// no script.
    Package(String),
    /// A URL, or whatever else the browser knows by itself.
    Url(String),
    /// Nothing; what to do about it, if that is known.
    Missing(Option<String>),
}

/// What a specifier leads to, for those that make packs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file in the root.
    File(PathBuf),
    /// A file in a package.
    Package(Place),
    /// A module of Node's, without `node:`.
    Builtin(String),
    /// A package says that there is nothing for browsers.
    Ignored,
    /// A URL.
    Url(String),
    /// Nothing; what to do about it, if that is known.
    Missing(Option<String>),
}

/// Resolves specifiers, as Node and bundlers do.
pub(crate) struct Resolver {
    root: PathBuf,
    real_root: PathBuf,
    workspace: PathBuf,
    folders: Folders,
    named: Named,
    /// The stamp of the last installation, and what was read of the disk since then.
    engine: RwLock<(u64, Arc<Engine>)>,
}

impl Resolver {
    /// For the project in a folder. Blocking, as all here.
    pub(crate) fn new(root: &Path) -> Self {
        let real_root = dunce::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let workspace = install::workspace(&real_root);
        let engine = (install::stamp(&real_root, &workspace), Arc::new(Engine::new()));
        Self {
            root: root.to_owned(),
            real_root,
            workspace,
            folders: Folders::default(),
            named: Named::default(),
            engine: RwLock::new(engine),
        }
    }

    /// What a specifier means in a file of the project, as an `import`.
    pub(crate) fn resolve(&self, specifier: &str, from: &Path) -> Target {
        let (name, query) = match specifier.split_once('?') {
            Some((name, query)) => (name, Some(query)),
            None => (specifier, None),
        };
        let mut found = self.find(name, from, Asker::Project);
        let gone = matches!(&found, Found::File(path) if !path.is_file());
        if gone || matches!(found, Found::Missing(_)) {
            self.forget();
            found = self.find(name, from, Asker::Project);
        }
        match found {
            Found::File(path) => Target::File(path),
            Found::Package(place) => Target::Package(url(&place, query)),
            Found::Builtin(name) => Target::Package(format!("{PACKAGES}node:{name}")),
            Found::Ignored => Target::Package(format!("{PACKAGES}node:")),
            Found::Url(_) => Target::Url(specifier.to_owned()),
            Found::Missing(help) => Target::Missing(help),
        }
    }

    /// The URL of the file that a package's name means in a style sheet of the project.
    pub(crate) fn of_sheet(&self, specifier: &str, from: &Path) -> Option<String> {
        self.look(); // what was found of packages may be of before an installation
        match self.find(specifier, from, Asker::Sheet) {
            Found::Package(place) => Some(format!("{PACKAGES}{}", key(&place))),
            _ => None,
        }
    }

    /// Forgets what is known of the disk: after files came or went, and after a `package.json` or
    /// `tsconfig.json` changed.
    pub(crate) fn forget(&self) {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        engine.1 = Arc::new(Engine::new());
    }

    /// The folder of the project, by its real path.
    pub(crate) fn project(&self) -> &Path {
        &self.real_root
    }

    /// Takes over what an earlier run found: folders of packages by their real paths, and their
    /// names there. What is in no `node_modules` above the root is not believed.
    pub(crate) fn learn(&self, folders: impl IntoIterator<Item = (PathBuf, String)>) {
        let moment = Moment { epoch: self.look().0, look: true };
        for (path, name) in folders {
            let found = folders::in_node_modules(&path.join("package.json"));
            let above = |folder: &Path| path.starts_with(folder.join("node_modules"));
            let is_package = found.is_some_and(|(folder, known)| folder == path && known == name);
            let is_real = dunce::canonicalize(&path).is_ok_and(|real| real == path);
            if is_package && is_real && self.real_root.ancestors().any(above) {
                self.folders.folder(path, Some(name), moment);
            }
        }
    }

    /// Whether what is made of a package can be kept for good.
    pub(crate) fn is_fixed(&self, folder: &Folder) -> bool {
        folder.installed && folder.epoch == self.current().0
    }

    /// What a specifier without a query means to somebody.
    pub(crate) fn find(&self, specifier: &str, from: &Path, asker: Asker) -> Found {
        if is_url(specifier) {
            return Found::Url(specifier.to_owned());
        }
        // A pack has thousands of specifiers; it was looked when its URL was made.
        let project = asker == Asker::Project;
        let (epoch, engine) = if project { self.look() } else { self.current() };
        let moment = Moment { epoch, look: project };
        let result = match specifier.strip_prefix('/').filter(|_| project) {
            Some("") => return Found::Url(specifier.to_owned()),
            Some(rest) => {
                let from = self.real_root.join("index.html");
                match engine.resolve(&format!("./{rest}"), &from, asker) {
                    // Perhaps a backend has it.
                    Err(ResolveError::NotFound(_)) => return Found::Url(specifier.to_owned()),
                    other => other,
                }
            }
            // `tsconfig.json` is not about JavaScript, if it does not say so; its paths are wanted
            // there all the same.
            None => engine.resolve(specifier, from, asker).or_else(|error| {
                let again = project && is_bare(specifier);
                let as_typescript =
                    || engine.resolve(specifier, &from.with_extension("tsx"), asker);
                again.then(as_typescript).and_then(Result::ok).ok_or(error)
            }),
        };
        match result {
            Ok(path) => self.classify(&path, specifier, from, moment),
            Err(ResolveError::Ignored(_)) => Found::Ignored,
            Err(error) => self.failed(&engine, specifier, from, asker, moment, &error),
        }
    }

    /// A module of Node's, or nothing.
    fn failed(
        &self,
        engine: &Engine,
        specifier: &str,
        from: &Path,
        asker: Asker,
        moment: Moment,
        error: &ResolveError,
    ) -> Found {
        if let Some(name) = builtin::name(specifier) {
            // `node:events` is in the package `events`, and `process/` too.
            return match engine.resolve(&format!("{name}/"), from, asker) {
                Ok(path) => self.classify(&path, specifier, from, moment),
                Err(_) => Found::Builtin(name.to_owned()),
            };
        }
        Found::Missing(match error {
            ResolveError::NotFound(_) if is_bare(specifier) => {
                let package = package_of(specifier);
                let here = self.in_some_node_modules(package, from).is_some();
                let command = || install::command(&self.real_root, &self.workspace, package);
                (!here && is_package_name(package)).then(command)
            }
            ResolveError::NotFound(_) => None,
            other => Some(other.to_string()),
        })
    }

    /// What a file on the disk is to the project.
    fn classify(&self, path: &Path, specifier: &str, from: &Path, moment: Moment) -> Found {
        let inside = path.strip_prefix(&self.real_root).ok();
        let of_package = folders::in_node_modules(inside.unwrap_or(path)).is_some();
        if let Some(inside) = inside.filter(|_| !of_package) {
            return Found::File(self.root.join(inside));
        }
        let allowed = of_package
            || path.starts_with(&self.workspace)
            || is_bare(specifier)
                && self
                    .in_some_node_modules(package_of(specifier), from)
                    .is_some_and(|link| path.starts_with(link));
        let limit =
            if path.starts_with(&self.workspace) { &*self.workspace } else { Path::new("/") };
        match self.folders.place(path, limit, moment).filter(|_| allowed) {
            Some(place) => {
                if !place.folder.installed {
                    self.named.file(&place.path());
                }
                Found::Package(place)
            }
            None => Found::Missing(Some(format!(
                "{} is not in {}, nor in a package",
                path.display(),
                self.workspace.display()
            ))),
        }
    }

    /// The real path of a package's folder in the `node_modules` above a file.
    fn in_some_node_modules(&self, package: &str, from: &Path) -> Option<PathBuf> {
        let above = from.ancestors().skip(1).chain(self.real_root.ancestors());
        above.map(|folder| folder.join("node_modules").join(package)).find_map(|folder| {
            // A link, or a folder.
            dunce::canonicalize(folder).ok().filter(|folder| folder.is_dir())
        })
    }

    /// A file of a package names an address that is relative to itself; `*` stands for what is not
    /// known of it.
    pub(crate) fn names(&self, from: &Place, address: &str) {
        if !from.folder.installed {
            self.named.beside(&from.path(), address);
        }
    }

    /// What code names in the workspace, for the next run, if there is more than before.
    pub(crate) fn named_anew(&self) -> Option<String> {
        self.named.anew()
    }

    /// Takes over what an earlier run told of that.
    pub(crate) fn learn_names(&self, told: &[u8]) {
        self.named.learn(told);
    }

    /// The file of a package by its URL: its id, and the path in the package, decoded. `None` for
    /// all that is not in the folder of a package that was found or can be, and for what nobody names
    /// in a workspace ([`named`]).
    pub(crate) fn place(&self, id: &str, file: &str) -> Option<Place> {
        let plain = |part: Component<'_>| match part {
            // No flag lets these out of a package.
            Component::Normal(name) => {
                !name.as_encoded_bytes().starts_with(b".")
                    && Allow::default().refuses(name).is_none()
            }
            _ => false,
        };
        let path = Path::new(file);
        if !path.components().all(plain) {
            return None;
        }
        let folder = self.folders.known(id).or_else(|| self.search(id))?;
        let real = dunce::canonicalize(folder.path.join(path)).ok()?;
        let inside = real.strip_prefix(&folder.path).ok()?;
        // A link may have another name than what it leads to.
        let is_own = inside.components().all(plain) && !inside.iter().any(|p| p == "node_modules");
        let is_meant = folder.installed || self.named.has(&folder.path.join(inside));
        if !real.is_file() || !is_own || !is_meant {
            return None;
        }
        Some(Place { folder, file: file.to_owned() })
    }

    /// The package of a URL that an earlier run of the server gave: in the `node_modules` of the
    /// root, of the folders above it, and of the packages in there.
    fn search(&self, id: &str) -> Option<Arc<Folder>> {
        let moment = Moment { epoch: self.look().0, look: true };
        let name = package_name(id)?;
        let matches = |folder: PathBuf| {
            let path = dunce::canonicalize(folder.join(name)).ok().filter(|path| path.is_dir())?;
            // What a link leads to is a package only by its own name.
            let (path, name) = match folders::in_node_modules(&path.join("package.json")) {
                Some((_, name)) => (path, Some(name)),
                None => (path, None),
            };
            self.folders.folder(path, name, moment).filter(|folder| folder.id == id)
        };
        let above = self.real_root.ancestors().map(|folder| folder.join("node_modules"));
        let above: Vec<_> = above.filter(|folder| folder.is_dir()).collect();
        above
            .iter()
            .cloned()
            .find_map(matches)
            .or_else(|| above.iter().flat_map(|folder| nested(folder)).find_map(matches))
    }

    /// What is known of the disk.
    fn current(&self) -> (u64, Arc<Engine>) {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        (engine.0, Arc::clone(&engine.1))
    }

    /// The same, but nothing of before the last installation.
    fn look(&self) -> (u64, Arc<Engine>) {
        let now = install::stamp(&self.real_root, &self.workspace);
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        if engine.0 == now {
            return (now, Arc::clone(&engine.1));
        }
        drop(engine);
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        *engine = (now, Arc::new(Engine::new()));
        (now, Arc::clone(&engine.1))
    }
}

/// The folders `node_modules` of the packages in one, pnpm's among them.
fn nested(modules: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let is_scope = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('@'))
    };
    let packages = list(modules).into_iter().chain(list(&modules.join(".pnpm")));
    let packages = packages.flat_map(|path| {
        if is_scope(&path) && path.parent() == Some(modules) { list(&path) } else { vec![path] }
    });
    packages.map(|path| path.join("node_modules")).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
pub(crate) mod tests;
