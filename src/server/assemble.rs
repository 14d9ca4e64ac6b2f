//! Builds the parts of a server from a [`Config`] and connects them.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{control::Hold, project};
use crate::{
    change::{Change, ChangeSet},
    config::{Config, Console, PageUpdate},
    docroot::{self, Allow, Located, Root},
    editor::{Choice, Editor},
    error::Error,
    esm::{Esm, ViteSettings},
    event::{ConfigNotice, Event, Events},
    files::Files,
    http::{guard::Guard, url_path::UrlPath},
    live::{self, Live, reload::hub::Hub},
    proxy::{self, Proxy},
    site::{
        Cache, MissingFiles, Site, Tokens, changes::FileChanges, event_log::EventLog,
        page_errors::SourceErrors, policy::Policy,
    },
    watch::{self, PathState, Publish, Watch},
};

/// The served folders, the compiler of their sources, and the watch on them.
pub(super) struct Folders {
    root: Arc<Root>,
    /// The page for navigations that match no file.
    spa: Option<UrlPath>,
    esm: Option<Arc<Esm>>,
    /// The `base` of the project's `vite.config.*`.
    base: Option<String>,
    pub(super) watch: Arc<Watch>,
    pub(super) hold: Arc<Hold>,
}

impl Folders {
    /// Opens the folders and begins to watch them. Changes are published to the hub's tabs.
    /// `settings` are those of the project's `vite.config.*`.
    ///
    /// # Blocking
    /// Reads folders.
    ///
    /// # Errors
    /// A folder does not exist or cannot be read, the path of the SPA page or an ignore pattern is
    /// invalid, or the system refuses a thread.
    pub(super) fn open(
        config: &Config,
        settings: &Arc<ViteSettings>,
        hub: &Arc<Hub>,
        events: &Events,
    ) -> Result<Self, Error> {
        let allow = Allow {
            dotfiles: config.dotfiles,
            keys: config.serve_keys,
            symlinks: config.follow_symlinks,
        };
        let root = Root::new(&config.root, allow, &config.mount)?;
        let linked = if config.compile { Esm::linked_packages(root.path()) } else { Vec::new() };
        let root = Arc::new(root.with_linked(linked));
        let spa = config.spa.as_deref().map(spa_page).transpose()?;
        let proxied = config.proxy.iter().map(|route| route.prefix().to_owned()).collect();
        let esm = config
            .compile
            .then(|| Esm::new(Arc::clone(&root), proxied, Arc::clone(settings), events.clone()))
            .flatten()
            .map(Arc::new);
        let options = watch::Options {
            root: Arc::clone(&root),
            extra_watch_paths: config.watch.clone(),
            ignore: config.ignore.clone(),
            poll: config.poll,
        };
        let project = ConfigFile::of(settings, &root);
        let publish = publisher(Arc::clone(hub), esm.clone(), project.clone(), events.clone());
        let hold = Arc::new(Hold::new(publish));
        let publish: Publish = Box::new({
            let hold = Arc::clone(&hold);
            move |changes| hold.publish(changes)
        });
        let watch = Arc::new(Watch::start(options, events.clone(), publish)?);
        if let Ok((content, _)) = docroot::examine(&settings.file) {
            watch.note(&settings.file, PathState::File(content));
        }
        if let (Some(page), Some(file)) = (&spa, &config.spa) {
            match root.locate(page) {
                Located::File(_) => {}
                Located::Refused(reason) => {
                    events.emit(Event::Refused { path: page.to_string(), reason });
                }
                _ => events.emit(Event::SpaPageMissing { file: file.clone() }),
            }
        }
        Ok(Self { root, spa, esm, watch, base: settings.base.clone(), hold })
    }
}

/// The `vite.config.*` of the project.
#[derive(Clone)]
struct ConfigFile {
    settings: Arc<ViteSettings>,
    /// The URL paths of the file.
    urls: Vec<String>,
}

impl ConfigFile {
    fn of(settings: &Arc<ViteSettings>, root: &Root) -> Self {
        let urls = root.urls_of(&settings.file, false).iter().map(ToString::to_string).collect();
        Self { settings: Arc::clone(settings), urls }
    }

    /// Returns the changes to report: a path below `base` is another one of the same file.
    fn without_base(&self, changes: ChangeSet) -> Vec<Change> {
        let base = self.settings.base.as_deref();
        let is_other = |path: &str| base.is_some_and(|base| path.starts_with(base));
        changes.into_iter().filter(|change| !is_other(&change.path)).collect()
    }
}

/// Returns the function that receives the watch's changes and publishes them to the tabs.
fn publisher(
    hub: Arc<Hub>,
    esm: Option<Arc<Esm>>,
    project: ConfigFile,
    events: Events,
) -> impl Fn(ChangeSet) + Send + Sync {
    move |mut changes: ChangeSet| {
        if changes.iter().any(|(path, _)| project.urls.iter().any(|url| url == path)) {
            events.emit(project::event(&project.settings, ConfigNotice::Changed));
        }
        // A file that appears may resolve an import that failed: modules with an error are
        // requested again.
        if let Some(dependents) = esm.as_ref().and_then(|esm| esm.changed(&changes)) {
            // One that was removed stays removed.
            let is_changed = |path: &str| changes.iter().any(|(changed, _)| changed == path);
            let faulty = hub.faulty_sources();
            let faulty = faulty.into_iter().filter(|change| !is_changed(&change.path));
            changes.extend(faulty.collect::<Vec<_>>());
            changes.extend(dependents);
        }
        let (version, tabs) = hub.publish(&changes);
        let changes = project.without_base(changes);
        events.emit(Event::Updated { version, changes, tabs });
    }
}

/// Connects the parts of a server to the [`Site`] that responds to requests.
///
/// `tasks` tracks everything that outlives a request, and `cancel` ends it.
pub(super) fn site(
    config: Config,
    folders: Folders,
    hub: Arc<Hub>,
    events: Events,
    tasks: &TaskTracker,
    cancel: &CancellationToken,
) -> Site {
    let Folders { root, spa, esm, watch, base, .. } = folders;
    let routes = config.proxy.iter().map(ToString::to_string).collect();
    let options = proxy::Options {
        routes: config.proxy,
        wait: config.proxy_wait,
        timeout: config.proxy_timeout,
        change_origin: config.proxy_change_origin,
        insecure: config.proxy_insecure,
    };
    let pages = pages(&hub);
    let proxy = Arc::new(Proxy::new(options, events.clone(), tasks.clone(), cancel.clone(), pages));
    #[cfg(feature = "esm")]
    let packs = Arc::default();
    let page_errors = SourceErrors {
        esm: esm.clone(),
        root: Arc::clone(&root),
        hub: Arc::clone(&hub),
        events: events.clone(),
        proxy: Arc::clone(&proxy),
        #[cfg(feature = "esm")]
        packs: Arc::clone(&packs),
    };
    let live = Live::new(live::Options {
        hub,
        changes: Arc::new(FileChanges { root: Arc::clone(&root), watch: Arc::clone(&watch) }),
        page_errors: Some(Arc::new(page_errors)),
        hears_errors: config.console != Console::Off,
        morph: config.html == PageUpdate::Morph,
        events: events.clone(),
        tasks: tasks.clone(),
        cancel: cancel.clone(),
    });
    Site {
        guard: Guard::new(config.host.as_deref(), config.allowed_host),
        files: Files::new(Arc::clone(&root), spa),
        cache: Cache::new(),
        root,
        base,
        watch,
        proxy,
        routes,
        live,
        events,
        log: EventLog::new(cancel.clone()),
        console: config.console,
        missing: MissingFiles::default(),
        editor: Editor::new(
            Choice { command: config.editor, conventional: config.editors },
            tasks.clone(),
            cancel.clone(),
        ),
        tokens: Tokens::default(),
        policy: Policy { headers: config.header, cors: config.cors, isolate: config.isolate },
        esm,
        #[cfg(feature = "esm")]
        packs: crate::site::PackState::new(config.packs, packs),
    }
}

/// Returns the hub's pages as the proxy uses them: to list the open ones, and to reload those of a
/// backend that is up again.
fn pages(hub: &Arc<Hub>) -> proxy::Pages {
    let (open, reload) = (Arc::clone(hub), Arc::clone(hub));
    proxy::Pages {
        open: Arc::new(move || open.pages().into_iter().map(|(page, _)| page).collect()),
        reload: Arc::new(move |pages: ChangeSet| {
            // The proxy has the paths as the browser sent them, the hub in normal form.
            let normal = pages.into_iter().filter_map(|Change { path, kind }| {
                Some(Change { path: UrlPath::parse(&path).ok()?.to_string(), kind })
            });
            reload.publish(&normal.collect());
        }),
    }
}

/// Parses the path of the SPA page, relative to the root.
fn spa_page(file: &str) -> Result<UrlPath, Error> {
    let names = file.trim_start_matches('/').split('/').map(str::as_bytes);
    UrlPath::from_names(names, false).ok_or_else(|| Error::SpaPath(file.to_owned()))
}
