//! The resolver: from a specifier to a file.

use std::{
    path::{MAIN_SEPARATOR, Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use oxc_resolver::ResolveError;

use super::{
    builtin,
    engine::{self, Engine},
    install,
    package::{Package, PackageFile},
    package_folders::{self, Freshness, PackageFolders},
    references::References,
    similar_package::PackageNames,
    specifier::{is_bare, is_package_name, is_url, module_url, package_of},
    target::{ImportKind, Resolved, Target},
};
use crate::{
    esm::{
        disk_view::DiskView,
        vite_settings::{ViteSettings, apply},
    },
    http::own_paths::PACKAGES,
};

/// Resolves the specifiers of one project.
///
/// All methods block on the disk.
pub(crate) struct Resolver {
    root: PathBuf,
    pub(super) real_root: PathBuf,
    /// The real paths of the [linked packages](super::linked) that are served as sources.
    linked: Vec<PathBuf>,
    settings: Arc<ViteSettings>,
    workspace: PathBuf,
    pub(super) folders: PackageFolders,
    pub(super) references: References,
    /// The stamp of the last installation, and the lookups since then.
    engine: RwLock<(u64, Arc<Engine>)>,
}

impl Resolver {
    /// Creates a resolver for the project in a folder.
    pub(crate) fn new(root: &Path) -> Self {
        let real_root = dunce::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let workspace = install::workspace(&real_root);
        let stamp = install::stamp(&real_root, &workspace, &DiskView::default());
        let engine = (stamp, Arc::new(Engine::new(&[])));
        Self {
            root: root.to_owned(),
            real_root,
            linked: Vec::new(),
            settings: Arc::default(),
            workspace,
            folders: PackageFolders::default(),
            references: References::default(),
            engine: RwLock::new(engine),
        }
    }

    /// Sets the folders outside of the root that are served as sources, by their real paths.
    pub(crate) fn with_linked(mut self, folders: Vec<PathBuf>) -> Self {
        self.linked = folders;
        self
    }

    /// Sets the settings of the project's `vite.config.*`.
    pub(crate) fn with_settings(mut self, settings: &Arc<ViteSettings>) -> Self {
        self.settings = Arc::clone(settings);
        self.clear_cache();
        self
    }

    /// Discards all lookups if packages were installed since they were made. To be called once
    /// before the specifiers of a source are resolved.
    pub(crate) fn refresh(&self, disk: &DiskView) {
        self.refreshed_engine(disk);
    }

    /// Resolves a specifier in a source of the project. A specifier that does not resolve is tried
    /// again with an empty cache.
    pub(crate) fn resolve(&self, specifier: &str, from: &Path, disk: &DiskView) -> Target {
        let (name, query) = match specifier.split_once('?') {
            Some((name, query)) => (name, Some(query)),
            None => (specifier, None),
        };
        let mut resolved = self.resolve_source(name, from, disk);
        let is_removed = matches!(&resolved, Resolved::File(path) if !path.is_file());
        if is_removed || matches!(resolved, Resolved::Missing(_)) {
            self.refresh(disk);
            self.clear_cache();
            resolved = self.resolve_source(name, from, disk);
        }
        match resolved {
            Resolved::File(path) => Target::File(path),
            Resolved::Package(file) => Target::Package(module_url(&file, query)),
            Resolved::Builtin(name) => Target::Package(format!("{PACKAGES}node:{name}")),
            Resolved::Ignored => Target::Package(format!("{PACKAGES}node:")),
            // An alias can stand for another URL.
            Resolved::Url(url) if url != name => Target::Url(url),
            Resolved::Url(_) => Target::Url(specifier.to_owned()),
            Resolved::Missing(help) => Target::Missing(help),
        }
    }

    /// Returns what a style sheet of the project imports: the URL of the package file, or a file of
    /// the project.
    pub(crate) fn resolve_from_sheet(
        &self,
        specifier: &str,
        from: &Path,
        disk: &DiskView,
    ) -> Option<Target> {
        self.refresh(disk);
        match self.resolve_as(specifier, from, ImportKind::Sheet) {
            Resolved::Package(file) => Some(Target::Package(format!("{PACKAGES}{}", file.key()))),
            Resolved::File(path) => Some(Target::File(path)),
            _ => None,
        }
    }

    /// Returns the path or other specifier that a specifier in a file of the project stands for
    /// because of an alias, without looking for a file there.
    pub(crate) fn alias(&self, specifier: &str, from: &Path) -> Option<String> {
        let aliased = apply(&self.settings.aliases, specifier);
        aliased.or_else(|| self.engine().1.alias(specifier, from))
    }

    /// Returns the file of a package at a path on the disk.
    pub(crate) fn package_file_at(&self, path: &Path) -> Option<PackageFile> {
        let freshness = Freshness { install_stamp: self.install_stamp(), recheck: None };
        self.folders.file(path, &self.workspace, freshness)
    }

    /// Discards all lookups: after files were created or removed, or a `package.json` or
    /// `tsconfig.json` changed.
    pub(crate) fn clear_cache(&self) {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        engine.1 = Arc::new(Engine::new(&self.settings.extensions));
    }

    /// Returns the real path of the root.
    pub(crate) fn real_root(&self) -> &Path {
        &self.real_root
    }

    /// Returns the real paths of the folders with sources: the root and the linked packages.
    pub(super) fn source_folders(&self) -> impl Iterator<Item = &Path> {
        [&self.real_root].into_iter().chain(&self.linked).map(PathBuf::as_path)
    }

    /// Returns the stamp of the installation that was found last.
    pub(crate) fn install_stamp(&self) -> u64 {
        self.engine().0
    }

    /// Returns whether the URLs of a package always identify the same bytes.
    pub(crate) fn is_immutable(&self, package: &Package) -> bool {
        package.installed && package.install_stamp == self.engine().0
    }

    /// Resolves a specifier without a query in a source of the project.
    fn resolve_source(&self, specifier: &str, from: &Path, disk: &DiskView) -> Resolved {
        self.resolve_with(specifier, from, ImportKind::Source, Some(disk))
    }

    /// Resolves a specifier without a query.
    pub(crate) fn resolve_as(&self, specifier: &str, from: &Path, kind: ImportKind) -> Resolved {
        self.resolve_with(specifier, from, kind, None)
    }

    /// Resolves a specifier without a query. With `disk`, packages whose `package.json` was edited
    /// are noticed.
    fn resolve_with(
        &self,
        specifier: &str,
        from: &Path,
        kind: ImportKind,
        disk: Option<&DiskView>,
    ) -> Resolved {
        let of_project = matches!(kind, ImportKind::Source | ImportKind::Sheet);
        let aliased = of_project.then(|| apply(&self.settings.aliases, specifier)).flatten();
        let specifier = aliased.as_deref().unwrap_or(specifier);
        if is_url(specifier) {
            return Resolved::Url(specifier.to_owned());
        }
        let from_source = kind == ImportKind::Source;
        let (install_stamp, engine) = self.engine();
        let freshness = Freshness { install_stamp, recheck: disk };
        // The replacement of an alias is a path on the disk, unlike that in a source.
        if aliased.is_some()
            && Path::new(specifier).is_absolute()
            && let Ok(path) = engine.resolve(specifier, from, kind)
        {
            return self.classify(&path, specifier, (from, kind), freshness);
        }
        if aliased.is_some() && Path::new(specifier).starts_with(&self.root) {
            return Resolved::Missing(None);
        }
        let result = match specifier.strip_prefix('/').filter(|_| from_source) {
            Some("") => return Resolved::Url(specifier.to_owned()),
            Some(rest) => {
                let relative = format!("./{rest}");
                let resolve =
                    |folder: &Path| engine.resolve(&relative, &folder.join("index.html"), kind);
                let mut projects = self.projects_of(from);
                match resolve(&self.real_root) {
                    Err(ResolveError::NotFound(_)) => {
                        match projects.find_map(|folder| resolve(folder).ok()) {
                            Some(path) => Ok(path),
                            // A backend may serve it.
                            None => return Resolved::Url(specifier.to_owned()),
                        }
                    }
                    other => other,
                }
            }
            // `tsconfig.json` covers JavaScript only with `allowJs`, but its paths are expected to
            // work there anyway.
            None => match from_source.then(|| engine.resolve_alias(specifier, from)).flatten() {
                Some(path) => Ok(path),
                None => engine.resolve(specifier, from, kind).or_else(|error| {
                    let again = from_source && is_bare(specifier);
                    let from = from.with_extension("tsx");
                    let as_typescript = || engine.resolve(specifier, &from, kind);
                    again.then(as_typescript).and_then(Result::ok).ok_or(error)
                }),
            },
        };
        match result {
            Ok(path) => self.classify(&path, specifier, (from, kind), freshness),
            Err(ResolveError::Ignored(_)) => Resolved::Ignored,
            Err(error) => self
                .resolve_builtin(&engine, specifier, from, kind, freshness)
                .unwrap_or_else(|| Resolved::Missing(self.explain(specifier, from, &error))),
        }
    }

    /// Returns the folders with a `package.json` above a file, below the root.
    fn projects_of<'r>(&'r self, from: &'r Path) -> impl Iterator<Item = &'r Path> {
        let above = from.ancestors().skip(1);
        let below_root = above.take_while(|it| it.starts_with(&self.root) && **it != *self.root);
        below_root.filter(|folder| folder.join("package.json").is_file())
    }

    /// Resolves the name of a module of Node: to a package of the same name, if there is one.
    fn resolve_builtin(
        &self,
        engine: &Engine,
        specifier: &str,
        from: &Path,
        kind: ImportKind,
        freshness: Freshness<'_>,
    ) -> Option<Resolved> {
        let name = builtin::name(specifier)?;
        Some(match engine.resolve(&format!("{name}/"), from, kind) {
            Ok(path) => self.classify(&path, specifier, (from, kind), freshness),
            Err(_) => Resolved::Builtin(name.to_owned()),
        })
    }

    /// Returns how to fix a specifier that does not resolve, if that is known.
    fn explain(&self, specifier: &str, from: &Path, error: &ResolveError) -> Option<String> {
        let ResolveError::NotFound(_) = error else {
            return Some(self.with_relative_paths(&engine::explain(error)));
        };
        let package = package_of(specifier);
        let is_installed = || self.in_some_node_modules(package, from).is_some();
        if !is_bare(specifier) || !is_package_name(package) || is_installed() {
            return None;
        }
        let above = from.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
        let folders = above.chain(self.real_root.ancestors()).map(Path::to_owned);
        Some(match PackageNames::of(folders).similar(package) {
            Some(similar) => {
                let rest = specifier.strip_prefix(package).unwrap_or_default();
                format!("did you mean {:?}?", format!("{similar}{rest}"))
            }
            None => install::install_command(&self.real_root, &self.workspace, package),
        })
    }

    /// Returns what a file on the disk is to the project.
    fn classify(
        &self,
        path: &Path,
        specifier: &str,
        (from, kind): (&Path, ImportKind),
        freshness: Freshness<'_>,
    ) -> Resolved {
        let inside = path.strip_prefix(&self.real_root).ok();
        let is_installed = package_folders::in_node_modules(inside.unwrap_or(path)).is_some();
        if let Some(inside) = inside.filter(|_| !is_installed) {
            return Resolved::File(self.root.join(inside));
        }
        // Packages that import it get a copy that is not a source.
        let is_source = matches!(kind, ImportKind::Source | ImportKind::Sheet) && !is_installed;
        if is_source && self.linked.iter().any(|folder| path.starts_with(folder)) {
            return Resolved::File(path.to_owned());
        }
        let in_workspace = path.starts_with(&self.workspace);
        let is_linked = || {
            let package = self.in_some_node_modules(package_of(specifier), from);
            is_bare(specifier) && package.is_some_and(|folder| path.starts_with(folder))
        };
        let limit = if in_workspace { &*self.workspace } else { Path::new("/") };
        let file = self.folders.file(path, limit, freshness);
        match file.filter(|_| is_installed || in_workspace || is_linked()) {
            Some(file) => {
                if !file.package.installed {
                    self.references.add_file(&file.path());
                }
                Resolved::Package(file)
            }
            None => Resolved::Missing(Some(self.with_relative_paths(&format!(
                "{} is neither in the workspace nor in a package",
                path.display()
            )))),
        }
    }

    /// Makes the paths in a message relative to the workspace, as pages of other computers see it.
    fn with_relative_paths(&self, message: &str) -> String {
        let folder = self.workspace.display();
        message.replace(&format!("{folder}{MAIN_SEPARATOR}"), "").replace(&folder.to_string(), ".")
    }

    /// Returns the real path of a package's folder in the `node_modules` above a file or the root.
    fn in_some_node_modules(&self, package: &str, from: &Path) -> Option<PathBuf> {
        let above = from.ancestors().skip(1).chain(self.real_root.ancestors());
        above
            .map(|folder| folder.join("node_modules").join(package))
            .find_map(|folder| dunce::canonicalize(folder).ok().filter(|folder| folder.is_dir()))
    }

    /// Allows a file to be served that a file of a workspace package refers to by a relative URL.
    /// `*` stands for computed parts.
    pub(crate) fn allow_reference(&self, from: &PackageFile, url: &str) {
        if !from.package.installed {
            self.references.add_relative(&from.path(), url);
        }
    }

    /// Returns the stamp of the installation and the lookups, as they are.
    fn engine(&self) -> (u64, Arc<Engine>) {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        (engine.0, Arc::clone(&engine.1))
    }

    /// Returns the same, after discarding the lookups if packages were installed since.
    pub(super) fn refreshed_engine(&self, disk: &DiskView) -> (u64, Arc<Engine>) {
        let now = install::stamp(&self.real_root, &self.workspace, disk);
        let (stamp, engine) = self.engine();
        if stamp == now && !engine.is_full() {
            return (now, engine);
        }
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        *engine = (now, Arc::new(Engine::new(&self.settings.extensions)));
        (now, Arc::clone(&engine.1))
    }
}
