//! A live-reload development server: it serves a folder, adds a small script to the pages, watches
//! the folder, and tells the open tabs what changed the moment it is saved.
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
//! The library never prints, exits, or takes signals. It emits [`Event`]s; the binary is one reader
//! of them.
//!
//! # The house
//!
//! Imports run downward only, and siblings on one floor never import each other: they meet through
//! the plain data on the ground. `site` is where they are brought together.
//!
//! | floor  | rooms |
//! |--------|-------|
//! | fourth | `server`: builder, accept loop, connections, shutdown |
//! | third  | `site`: what happens to one request, in order |
//! | second | `files` (what a path leads to) · `inject` (the script into HTML) · `watch` (what changed) · `reload` (who is told) · `proxy` (backends) · `compile` (source to JavaScript; feature `esm`) |
//! | first  | `root` (URL path to disk path, and back) · `respond` (RFC 9110 on any representation) · `net` (sockets; who may speak to us) |
//! | ground | `error` · `event` · `fault` · `change` · `url_path`: plain data, no I/O |
//!
//! The binary (`main`, `cli`, `process`, `terminal`) stands outside and uses what is public here.
//!
//! **A request** goes through [`site`](crate#the-house) from top to bottom: the guard looks at its
//! `Host`, then come livers' own paths, then the routes to backends, then the files. What is served
//! is told to `reload` (which page uses which file) and to `watch` (which content it has). Where a
//! script is wanted, `compile` makes a module of the file; a page decides by itself which of its modules
//! a change replaces, so the server knows no more of them than who imports what.
//!
//! **A save** goes from notify's thread through a bounded queue to the watch's own thread, which
//! decides when to look (`watch::coalesce`) and whether anything is different (`watch::snapshot`),
//! and publishes one set of changes. `reload::hub` puts into each tab's mailbox what concerns it and
//! wakes its socket.
//!
//! **Nothing is missed.** A page is stamped with the version that was current when it was asked for.
//! Its client says that version when its socket opens, and is told what happened since.
//!
//! **Shutdown**: the future given to [`Server::run_until`] ends, listeners close, reload sockets say
//! 1001, tunnels close, answers under way get a moment to finish, and every task is waited for.

pub(crate) mod change;
pub(crate) mod config;
pub(crate) mod docroot;
pub(crate) mod error;
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
pub(crate) mod proxy;
pub(crate) mod refusal;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod watch;

pub use change::{Change, ChangeSet, Kind};
pub use config::{Config, PageUpdate};
pub use docroot::Mount;
pub use error::{Error, InvalidValue};
pub use event::{Event, Events};
pub use fault::Fault;
pub use http::guard::AllowedHost;
pub use live::reload::hub::Reload;
pub use proxy::Route;
pub use refusal::Refusal;
pub use server::Server;
pub use site::policy::{Cors, Header};
