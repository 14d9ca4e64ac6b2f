//! What a server is to be, and the way to it: everything that can go wrong at the start goes wrong here.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Server,
    connection::Listener,
    listen::{addresses, listen},
    stop,
};
use crate::{
    change::{Change, ChangeSet},
    docroot::{Allow, Mount, Root},
    error::Error,
    esm::Esm,
    event::{Event, Events},
    files::Files,
    http::guard::{AllowedHost, Guard},
    http::url_path::UrlPath,
    live::{
        self, Live,
        reload::hub::{Hub, Reload},
    },
    proxy::{self, Proxy, Route},
    site::{
        Site,
        changes::FileChanges,
        policy::{Cors, Header, Policy},
    },
    watch::{self, Watch},
};

/// The port where none is named.
const PORT: u16 = 8080;

/// What a server is to be.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    root: PathBuf,
    host: Option<String>,
    allowed_hosts: Vec<AllowedHost>,
    port: u16,
    strict_port: bool,
    proxy: proxy::Options,
    more: Vec<PathBuf>,
    ignore: Vec<String>,
    allow: Allow,
    mounts: Vec<Mount>,
    spa: Option<String>,
    policy: Policy,
    poll: bool,
    morph: bool,
    compile: bool,
    reload: Reload,
    events: Events,
}

impl Builder {
    /// One of a folder, with everything else as it is by default.
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            host: None,
            allowed_hosts: Vec::new(),
            port: PORT,
            strict_port: false,
            proxy: proxy::Options::default(),
            more: Vec::new(),
            ignore: Vec::new(),
            allow: Allow::default(),
            mounts: Vec::new(),
            spa: None,
            policy: Policy::default(),
            poll: false,
            morph: true,
            compile: true,
            reload: Reload::default(),
            events: Events::default(),
        }
    }

    /// Listens on this host name or address, rather than on the loopback, and answers to it.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Answers to this host, too, when a request names it: one that a tunnel or another server has.
    pub fn allowed_host(mut self, host: AllowedHost) -> Self {
        self.allowed_hosts.push(host);
        self
    }

    /// Listens on this port, rather than on 8080; 0 is the system's choice.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Fails if the port is taken, rather than to try the next ones.
    pub fn strict_port(mut self, strict: bool) -> Self {
        self.strict_port = strict;
        self
    }

    /// Has a backend answer the paths of a route. The longest prefix wins.
    pub fn proxy(mut self, route: Route) -> Self {
        self.proxy.routes.push(route);
        self
    }

    /// How long a request waits for a backend that is down, before it is told so: long enough for a
    /// restart. By default it is told at once.
    pub fn proxy_wait(mut self, wait: Duration) -> Self {
        self.proxy.wait = wait;
        self
    }

    /// How long a backend may take to begin a page or a part of one, rather than two minutes; zero is
    /// for ever. What a script fetches, streams and WebSockets are always waited for.
    pub fn proxy_timeout(mut self, timeout: Duration) -> Self {
        self.proxy.timeout = Some(timeout);
        self
    }

    /// Whether backends see their own name in `Host`, and their own origin in `Origin` where it is
    /// livers', rather than what the browser sent. Always so for `https://`.
    pub fn proxy_change_origin(mut self, change: bool) -> Self {
        self.proxy.change_origin = change;
        self
    }

    /// Whether any certificate of a backend will do.
    pub fn proxy_insecure(mut self, insecure: bool) -> Self {
        self.proxy.insecure = insecure;
        self
    }

    /// Watches this folder or file too, without serving it; its changes reload every tab.
    pub fn watch(mut self, path: impl Into<PathBuf>) -> Self {
        self.more.push(path.into());
        self
    }

    /// Lets no change of the files that this pattern matches count, as in a `.gitignore`.
    pub fn ignore(mut self, pattern: impl Into<String>) -> Self {
        self.ignore.push(pattern.into());
        self
    }

    /// Serves files and folders whose name begins with a dot.
    pub fn dotfiles(mut self, serve: bool) -> Self {
        self.allow.dotfiles = serve;
        self
    }

    /// Serves private keys: files called `*.pem`, `*.key`, `id_rsa` and the like.
    pub fn serve_keys(mut self, serve: bool) -> Self {
        self.allow.keys = serve;
        self
    }

    /// Serves what symbolic links lead to that lead out of the folder.
    pub fn follow_symlinks(mut self, follow: bool) -> Self {
        self.allow.symlinks = follow;
        self
    }

    /// Serves another folder below a path, over the root. The first mount that has a file wins.
    pub fn mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Shows this page of the folder to whoever goes to a path where nothing is: that of an
    /// application that finds its way by itself.
    pub fn spa(mut self, file: impl Into<String>) -> Self {
        self.spa = Some(file.into());
        self
    }

    /// Adds a field to every answer that is a file or a listing, or says that there is none.
    pub fn header(mut self, header: Header) -> Self {
        self.policy.headers.push(header);
        self
    }

    /// Lets pages of another origin read files.
    pub fn cors(mut self, origin: Cors) -> Self {
        self.policy.cors.push(origin);
        self
    }

    /// Keeps pages apart from those of other origins, so that they may share memory
    /// (`SharedArrayBuffer`) and measure time finely.
    pub fn isolate(mut self, isolate: bool) -> Self {
        self.policy.isolate = isolate;
        self
    }

    /// Looks for changes again and again, rather than to have the system tell of them. Where the
    /// system is known not to, this is done unasked.
    pub fn poll(mut self, poll: bool) -> Self {
        self.poll = poll;
        self
    }

    /// Whether a page whose own file was saved is brought up to date in place, where that is sure to
    /// be right, rather than reloaded. It is so by default.
    pub fn morph(mut self, morph: bool) -> Self {
        self.morph = morph;
        self
    }

    /// Whether TypeScript, JSX and imports of packages become what a browser runs, where a script is
    /// wanted. It is so by default, with the feature `esm`; without it, files are served as they are.
    pub fn compile(mut self, compile: bool) -> Self {
        self.compile = compile;
        self
    }

    /// Tells these tabs of a change, rather than those that use the file.
    pub fn reload(mut self, reload: Reload) -> Self {
        self.reload = reload;
        self
    }

    /// Emits its events here; subscribe before [`bind`](Self::bind) to miss none.
    pub fn events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// Opens the sockets and watches the folders. When this returns, a browser can connect.
    pub async fn bind(self) -> Result<Server, Error> {
        let addresses = addresses(self.host.as_deref()).await?;
        let hub = Hub::new(self.reload);
        let spa = self.spa.map(|file| page(&file)).transpose()?;
        let Self { root, more, ignore, allow, mounts, poll, events, .. } = self;
        let (tabs, said) = (Arc::clone(&hub), events.clone());
        let prefixes: Vec<_> =
            self.proxy.routes.iter().map(|route| route.prefix().to_owned()).collect();
        let compile = self.compile;
        let watching = events.clone();
        let begun = tokio::task::spawn_blocking(move || {
            let root = Arc::new(Root::new(&root, allow, &mounts)?);
            let esm = compile.then(|| Esm::new(root.path(), prefixes)).flatten().map(Arc::new);
            let compiled = esm.clone();
            let publish = move |mut changes: ChangeSet| {
                // What was missing may be there now: who asked for it in vain is to ask again.
                if let Some(more) = compiled.as_ref().and_then(|esm| esm.changed(&changes)) {
                    changes.extend(tabs.at_fault());
                    changes.extend(more);
                }
                let (version, tabs) = tabs.publish(&changes);
                let changes = changes.into_iter().collect();
                said.emit(Event::Updated { version, changes, tabs });
            };
            let options =
                watch::Options { root: Arc::clone(&root), extra_watch_paths: more, ignore, poll };
            let watch = Watch::start(options, watching, Box::new(publish))?;
            Ok((root, Arc::new(watch), esm))
        });
        let (root, watch, esm) =
            begun.await.map_err(|stopped| Error::System(stopped.to_string()))??;
        let listening = match listen(&addresses, self.port, self.strict_port).await {
            Ok(listening) => listening,
            Err(error) => {
                stop(watch).await;
                return Err(error);
            }
        };

        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let routes = self.proxy.routes.iter().map(ToString::to_string).collect();
        let (publisher, open) = (Arc::clone(&hub), Arc::clone(&hub));
        // A page names itself as the server spells paths, a request as the browser does.
        let republish = Arc::new(move |pages: ChangeSet| {
            let spelled = pages.into_iter().filter_map(|Change { path, kind }| {
                Some(Change { path: UrlPath::parse(&path).ok()?.to_string(), kind })
            });
            publisher.publish(&spelled.collect());
        });
        let open = Arc::new(move || open.pages().into_iter().map(|(page, _)| page).collect());
        let pages = proxy::Pages { open, reload: republish };
        let live = Live::new(live::Options {
            hub,
            changes: Arc::new(FileChanges { root: Arc::clone(&root), watch: Arc::clone(&watch) }),
            morph: self.morph,
            events: events.clone(),
            tasks: tasks.clone(),
            cancel: cancel.clone(),
        });
        let proxy = Proxy::new(self.proxy, events.clone(), tasks.clone(), cancel.clone(), pages);
        let guard = Guard::new(self.host.as_deref(), self.allowed_hosts);
        let files = Files::new(Arc::clone(&root), spa);
        let policy = self.policy;
        let site = Site { guard, root, files, watch, proxy, routes, live, events, policy, esm };
        Ok(Server {
            site: Arc::new(site),
            host: self.host,
            addresses: listening
                .listeners
                .iter()
                .filter_map(|listener| listener.local_addr().ok())
                .collect(),
            listener: Listener::new(listening.listeners),
            port: listening.port,
            asked_port: self.port,
            tasks,
            cancel,
        })
    }
}

/// The URL path of a file of the folder, as the person wrote it.
fn page(file: &str) -> Result<UrlPath, Error> {
    let names = file.trim_start_matches('/').split('/').map(str::as_bytes);
    UrlPath::from_names(names, false).ok_or_else(|| Error::SpaPath(file.to_owned()))
}
