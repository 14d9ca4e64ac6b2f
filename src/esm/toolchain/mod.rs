//! Runs the compilers that a project has installed (Vue, Svelte, Tailwind, Sass, ...), each at the
//! project's own version, so that the result equals that of the project's own build.
//!
//! A *driver* ([`mod@driver`]) is a small JavaScript program of livers that loads one compiler and
//! answers requests, as JSON. It runs in one of two *hosts*:
//!
//! - the [`engine`], QuickJS inside of livers, for compilers that are pure JavaScript. It sees no
//!   files but those of packages and what the request hands it, no network and no environment;
//! - a [`node`] process, for compilers, plug-ins and configurations that need Node.
//!
//! Nothing starts before a file is compiled that needs it. Requests have a deadline and hosts a
//! limit of memory; a host that fails is ended, and the next request starts another one.
//!
//! Answers are kept by everything that they were made from ([`answers`]).

mod answers;
mod driver;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod engine_modules;
mod exchange;
mod installed;
mod node;
#[cfg(test)]
mod tests;

#[cfg(feature = "engine")]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::SystemTime,
};

use serde_json::Value;

use self::{
    answers::{Answers, Key},
    exchange::{Conversation, NoFiles, is_newer},
    installed::Installed,
    node::Node,
};
#[cfg(feature = "engine")]
use self::{driver::Place, exchange::HostError};
pub(crate) use self::{
    driver::Tool,
    exchange::{Dependencies, Files, ToolError},
};
use super::{disk_view::DiskView, lock::lock};
use crate::event::{CompilerHost, Event, Events};

/// The number of hosts of each kind that are kept. A project has one for each of its compilers.
const MAX_HOSTS: usize = 16;

/// How often a file is compiled whose dependencies are saved meanwhile.
const MAX_ATTEMPTS: usize = 3;

/// The number of requests that the engine answers sooner than a Node that has to start.
#[cfg(feature = "engine")]
const FEW: usize = 8;

/// A request to a compiler.
pub(crate) struct Request<'r> {
    pub(crate) tool: Tool,
    /// The file that is compiled. The compiler is the one that this file could import.
    pub(crate) file: &'r Path,
    /// The name of a function of the driver.
    pub(crate) function: &'static str,
    /// The argument of the function. Together with the files that it reads, it determines the
    /// answer.
    pub(crate) input: Value,
}

/// An answer of a compiler.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) output: Value,
    /// The files that it was made from, apart from the input.
    pub(crate) dependencies: Dependencies,
}

/// The compilers of one project.
pub(crate) struct Toolchain {
    answers: Answers,
    #[cfg(feature = "engine")]
    engines: Mutex<HashMap<(Tool, PathBuf, String), Arc<engine::Engines>>>,
    nodes: Mutex<HashMap<PathBuf, Arc<Node>>>,
    /// The number of requests for which it decides where they go.
    #[cfg(feature = "engine")]
    requests: AtomicUsize,
    /// The compilers that an event was emitted about.
    started: Mutex<Vec<(Tool, PathBuf, CompilerHost)>>,
    events: Events,
}

impl Toolchain {
    /// Creates the toolchain of the project in a folder. Starts nothing.
    pub(crate) fn new(root: &Path, events: Events) -> Self {
        Self {
            answers: Answers::new(root),
            #[cfg(feature = "engine")]
            engines: Mutex::default(),
            nodes: Mutex::default(),
            #[cfg(feature = "engine")]
            requests: AtomicUsize::new(0),
            started: Mutex::default(),
            events,
        }
    }

    /// Returns the version of a compiler that a file could import, or `None` if it is not installed.
    ///
    /// # Blocking
    /// Looks for its `package.json`.
    pub(crate) fn version(tool: Tool, file: &Path, disk: &DiskView) -> Option<String> {
        installed::find(tool, file, disk).map(|installed| installed.version)
    }

    /// Returns the answer of a compiler to a request.
    ///
    /// # Blocking
    /// Runs the compiler, which may have to be loaded first.
    ///
    /// # Errors
    /// The compiler is not installed, or reports an error in the source, or fails.
    pub(crate) fn run(
        &self,
        request: &Request<'_>,
        files: &dyn Files,
        disk: &DiskView,
    ) -> Result<Arc<Answer>, ToolError> {
        let Request { tool, file, function, input } = request;
        let installed =
            installed::find(*tool, file, disk).ok_or_else(|| ToolError::not_installed(*tool))?;
        let key = Key::of(*tool, &installed, function, input);
        if let Some(answer) = self.answers.get(key, disk) {
            return Ok(answer);
        }
        let mut attempts = 0;
        loop {
            let began = SystemTime::now();
            let mut conversation = Conversation::new(files);
            let output = self.ask(*tool, &installed, function, input, &mut conversation)?;
            let dependencies = conversation.into_dependencies();
            attempts += 1;
            // A file that was saved meanwhile may have been read before.
            if attempts < MAX_ATTEMPTS && dependencies.keys().any(|file| is_newer(file, began)) {
                continue;
            }
            let answer = Arc::new(Answer { output, dependencies });
            self.answers.put(key, &answer);
            return Ok(answer);
        }
    }

    /// Like [`run`](Self::run), for a file of a package, which is compiled by itself.
    ///
    /// # Blocking
    /// Like [`run`](Self::run).
    ///
    /// # Errors
    /// The message for the developer, in the same cases.
    pub(crate) fn run_installed(&self, request: &Request<'_>) -> Result<Arc<Answer>, String> {
        let answer = self.run(request, &NoFiles, &DiskView::default());
        answer.map_err(|error| error.reported.message)
    }

    /// Sends a request to a host.
    fn ask(
        &self,
        tool: Tool,
        installed: &Installed,
        function: &str,
        input: &Value,
        conversation: &mut Conversation<'_>,
    ) -> Result<Value, ToolError> {
        #[cfg(feature = "engine")]
        if self.is_for_engine(tool.driver().place) {
            self.tell(tool, installed, CompilerHost::Engine);
            match self.engine(tool, installed).run(function, input, conversation) {
                Err(HostError::Reported(reported, _)) if reported.needs_node => {}
                result => return result.map_err(|error| error.describe(tool, installed)),
            }
        }
        self.tell(tool, installed, CompilerHost::Node);
        let result = self.node(&installed.base).run(tool, function, input, conversation);
        result.map_err(|error| error.describe(tool, installed))
    }

    /// Returns whether the next request goes to the engine.
    #[cfg(feature = "engine")]
    fn is_for_engine(&self, place: Place) -> bool {
        match place {
            Place::Engine => true,
            Place::EngineThenNode => {
                self.requests.fetch_add(1, Ordering::Relaxed) < FEW || !node::is_available()
            }
            Place::NodeOrEngine => !node::is_available(),
            Place::Node => false,
        }
    }

    /// Ends all processes. Requests fail from now on.
    ///
    /// # Blocking
    /// Waits for the processes.
    pub(crate) fn stop(&self) {
        let nodes: Vec<_> = lock(&self.nodes).values().cloned().collect();
        for node in nodes {
            node.stop();
        }
        #[cfg(feature = "engine")]
        lock(&self.engines).values().for_each(|engines| engines.stop());
    }

    /// Emits an event about the first request to a compiler in a host.
    fn tell(&self, tool: Tool, installed: &Installed, host: CompilerHost) {
        let Installed { base, package, version, .. } = installed;
        let mut started = lock(&self.started);
        let is_known = started.iter().any(|known| *known == (tool, base.clone(), host));
        if is_known || started.len() >= MAX_HOSTS {
            return;
        }
        started.push((tool, base.clone(), host));
        drop(started);
        self.events.emit(Event::CompilerStarted { compiler: format!("{package} {version}"), host });
    }

    #[cfg(feature = "engine")]
    fn engine(&self, tool: Tool, installed: &Installed) -> Arc<engine::Engines> {
        let key = (tool, installed.base.clone(), installed.version.clone());
        let mut engines = lock(&self.engines);
        if engines.len() >= MAX_HOSTS && !engines.contains_key(&key) {
            engines.clear();
        }
        let new = || Arc::new(engine::Engines::new(tool, &installed.base));
        Arc::clone(engines.entry(key).or_insert_with(new))
    }

    fn node(&self, base: &Path) -> Arc<Node> {
        let mut nodes = lock(&self.nodes);
        if nodes.len() >= MAX_HOSTS && !nodes.contains_key(base) {
            nodes.clear();
        }
        let new = || Arc::new(Node::new(base));
        Arc::clone(nodes.entry(base.to_owned()).or_insert_with(new))
    }
}
