//! A live-reload development server: serves a folder, injects a small script into its pages,
//! watches the folder, and notifies the open tabs of every change.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = livers::Config {
//!     root: "site".into(),
//!     proxy: vec!["/ws=localhost:3000".parse()?],
//!     ..livers::Config::default()
//! };
//! let server = livers::Server::bind(config, livers::Events::default()).await?;
//! println!("{}", server.url());
//! server.run_until(async { tokio::signal::ctrl_c().await.unwrap_or(()) }).await;
//! # Ok(())
//! # }
//! ```
//!
//! The library never prints, exits, or handles signals. It emits [`Event`]s; the binary in
//! `src/bin/livers` turns them into lines on the terminal, and uses nothing but this public
//! interface.
//!
//! # Map
//!
//! Imports run downward only. Modules on the same layer do not import each other; `site` connects
//! them.
//!
//! | layer | modules |
//! |---|---|
//! | 7 | `server`: startup, accept loop, connections, connection limit, shutdown |
//! | 6 | `config`: all settings as one plain value, filled by flags, a file or a program |
//! | 5 | `site`: routes each request and turns the outcomes of the layer below into responses |
//! | 4 | `live`: the live-reload core, usable without files and without `site` (injection, reload socket, which tab uses which file) · `files`: what a URL path resolves to, and the cache of served files · `esm`: compiles modules and serves packages (feature `esm`) · `watch`: detects changes · `proxy`: forwards requests and WebSockets to backends · `editor`: opens places of files in the editor of the user |
//! | 3 | `docroot`: maps URL paths to files and back, access rules, reads files as consistent snapshots |
//! | 2 | `http`: RFC 9110 and 9112, and of livers only its own paths: representations, preconditions, ranges, content codings, URL paths, host guard · `mcp`: messages of the Model Context Protocol, in which agents call the tools |
//! | 1 | plain data without I/O: `answer` · `editor_error` · `error` · `event` · `fault` · `page_message` · `refusal` · `change` · `escape` · `source_map` · `wire_format` |
//!
//! The client in `client-snippet` has three programs: `reload` (in every page), `hmr` (hot updates
//! of modules) and `packages` (the module registry, of packages and of packs).
//!
//! **A request** passes the host guard, then livers' own paths, then the proxy routes, then the
//! files. A file in the cache costs a `stat` on the async thread, and one for each folder above it.
//! Otherwise a blocking thread locates and reads the file. If a script was requested, `esm`
//! compiles the file; for style sheets and components, it runs the compilers that the project has
//! installed (`esm::toolchain`). A page with many modules gets them in a few packs (`site::packs`), which
//! contain each module as a function, for the registry in the page. `live` records which page uses
//! the file, `watch` records the content that was served.
//!
//! **A save** arrives on the one thread that owns the watch. It decides when to examine a path
//! (`watch::coalesce`) and whether its content differs from what was served (`watch::snapshot`),
//! and publishes one set of changes with a new version. `live` adds the changes to the mailbox of
//! each tab that uses the files and wakes its socket.
//!
//! **A message of a page**, such as an error, names a place in what was served. `site::page_errors`
//! looks it up in the module, pack or package that this was, and `esm` leads from there to the
//! source.
//!
//! **No change is lost.** Each page carries the version at which it was requested. When its socket
//! opens, the client reports that version and receives what changed since.
//!
//! **A question** whether a save has arrived (`site::tools`) first brings the watch up to date with
//! the disk, so that a change which the system has not reported yet counts. Then it waits for what
//! the tabs that use the file acknowledge and report: each page hears its errors from its first
//! script on, and says when it has been loaded.
//!
//! **Shutdown** begins when the future given to [`Server::run_until`] completes: the listeners
//! close, reload sockets are closed with status 1001, tunnels end, requests in progress get a
//! moment to finish, and every task is awaited.
//!
//! # Absent on purpose
//!
//! There is no global state, no plug-in interface, and no bundler. Nothing is written to the served
//! folder, except compiled packages and the answers of compilers in `node_modules/.livers`.
//! Decisions (when to examine a path, which tabs a change concerns, whether a precondition holds)
//! are functions of values and times without I/O. `http` and `live` know no files, `watch` knows no
//! tabs, and `esm` knows neither tabs nor requests.

pub(crate) mod answer;
pub(crate) mod change;
pub(crate) mod config;
pub(crate) mod docroot;
pub(crate) mod editor;
pub(crate) mod editor_error;
pub(crate) mod error;
pub(crate) mod escape;
#[cfg_attr(not(feature = "esm"), path = "esm/disabled.rs")]
pub(crate) mod esm;
pub(crate) mod event;
pub(crate) mod fault;
pub(crate) mod files;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod http;
pub(crate) mod live;
pub(crate) mod mcp;
pub(crate) mod page_message;
pub(crate) mod proxy;
pub(crate) mod refusal;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod source_map;
pub(crate) mod watch;
pub(crate) mod wire_format;

pub use answer::{Errors, Tab, TabErrors, TabOutcome, TabState, Tabs, Verdict, WaitAnswer};
pub use change::{Change, ChangeSet, Kind};
pub use config::{Config, Console, PageUpdate};
pub use docroot::Mount;
pub use editor_error::EditorError;
pub use error::{Error, InvalidValue};
pub use escape::escape;
pub use esm::Packs;
pub use event::{CompilerHost, ConfigNotice, Event, Events, NoEffect, Record};
pub use fault::Fault;
pub use http::guard::AllowedHost;
pub use live::reload::hub::Reload;
pub use page_message::{Level, MessageKind, PageMessage, StackFrame};
pub use proxy::Route;
pub use refusal::Refusal;
pub use server::{Control, Server};
pub use site::policy::{Cors, Header};
