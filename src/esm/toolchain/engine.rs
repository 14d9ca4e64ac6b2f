//! QuickJS as a host: runs a driver and the compiler that it loads on threads of livers.
//!
//! Each thread has a runtime of its own, with the compiler loaded. A request goes to an idle one;
//! while all are busy, another one is started, up to [`MAX_THREADS`]. The thread asks its questions
//! through a channel, and the caller answers them meanwhile.
//!
//! A request that takes too long is interrupted, and one that needs more than [`MEMORY`] fails; the
//! runtime is discarded with its thread then.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use rquickjs::{
    CatchResultExt, Context, Ctx, Function, Module, Promise, Runtime, context::EvalOptions,
};
use serde_json::Value;

use super::{
    driver::Tool,
    engine_modules::{ModuleFiles, ModuleLoader},
    exchange::{Ask, Conversation, HostError, Reply},
};
use crate::esm::lock::lock;

/// The memory of a runtime, bytes.
const MEMORY: usize = 512 << 20;

/// The stack of a thread, bytes, and the part of it that JavaScript may use.
const STACK: usize = 16 << 20;
const SCRIPT_STACK: usize = 12 << 20;

/// The number of runtimes with the same compiler.
const MAX_THREADS: usize = 4;

/// How long a request may take.
const DEADLINE: Duration = Duration::from_secs(25);

/// The time that an interrupted request gets to end.
const GRACE: Duration = Duration::from_secs(1);

/// The globals that compilers expect, and `require`.
const PRELUDE: &str =
    concat!(include_str!("drivers/report.js"), include_str!("drivers/prelude.js"));

/// The runtimes with one compiler.
pub(super) struct Engines {
    tool: Tool,
    base: PathBuf,
    deadline: Duration,
    threads: Mutex<Threads>,
    is_stopped: Arc<AtomicBool>,
    freed: Condvar,
}

/// The threads that are idle, and the number of all.
#[derive(Default)]
struct Threads {
    idle: Vec<mpsc::Sender<Job>>,
    count: usize,
}

/// A request for a thread.
struct Job {
    function: String,
    input: String,
    deadline: Instant,
    events: mpsc::Sender<Event>,
}

/// What a thread tells the caller.
enum Event {
    Ask(String, mpsc::Sender<String>),
    /// What the driver answers, as JSON, or why the runtime failed.
    Done(Result<String, String>),
}

impl Engines {
    /// Creates the host of a compiler that is installed in a folder. Starts nothing.
    pub(super) fn new(tool: Tool, base: &Path) -> Self {
        let (base, deadline) = (base.to_owned(), DEADLINE);
        let (threads, is_stopped) = (Mutex::default(), Arc::default());
        Self { tool, base, deadline, threads, is_stopped, freed: Condvar::new() }
    }

    #[cfg(test)]
    pub(super) fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Calls a function of the driver.
    ///
    /// # Blocking
    /// Waits for the answer.
    ///
    /// # Errors
    /// The compiler reports an error, or does not answer in time.
    pub(super) fn run(
        &self,
        function: &str,
        input: &Value,
        conversation: &mut Conversation<'_>,
    ) -> Result<Value, HostError> {
        let deadline = Instant::now() + self.deadline;
        let overdue = || HostError::Overdue(self.deadline.as_secs());
        let thread = self.thread(deadline)?;
        let (events, heard) = mpsc::channel();
        let job = Job { function: function.to_owned(), input: input.to_string(), deadline, events };
        let ended = |what: &str| HostError::Ended(format!(": {what}"));
        if thread.send(job).is_err() {
            self.discard();
            return Err(ended("it could not be loaded"));
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now()) + GRACE;
            let failed = match heard.recv_timeout(left) {
                Ok(Event::Ask(ask, answer)) => {
                    let reply =
                        serde_json::from_str::<Ask>(&ask).map(|ask| conversation.answer(&ask));
                    let _ = answer.send(reply.unwrap_or_default().to_string());
                    continue;
                }
                Ok(Event::Done(Ok(reply))) => {
                    self.free(thread);
                    let reply: Reply = serde_json::from_str(&reply)
                        .map_err(|_| ended("its answer is not understood"))?;
                    return conversation.outcome(reply);
                }
                Ok(Event::Done(Err(message))) if Instant::now() < deadline => ended(&message),
                Ok(Event::Done(Err(_))) | Err(RecvTimeoutError::Timeout) => overdue(),
                Err(RecvTimeoutError::Disconnected) => ended("its thread ended"),
            };
            self.discard();
            return Err(failed);
        }
    }

    /// Returns an idle thread, or starts one, or waits for one.
    fn thread(&self, deadline: Instant) -> Result<mpsc::Sender<Job>, HostError> {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let mut threads = lock(&self.threads);
        loop {
            if let Some(thread) = threads.idle.pop() {
                return Ok(thread);
            }
            if threads.count < cores.min(MAX_THREADS) {
                let (sender, jobs) = mpsc::channel();
                let (tool, base) = (self.tool, self.base.clone());
                let is_stopped = Arc::clone(&self.is_stopped);
                thread::Builder::new()
                    .name(format!("livers-{}", tool.driver().name))
                    .stack_size(STACK)
                    .spawn(move || serve(tool, &base, &jobs, &is_stopped))
                    .map_err(|error| HostError::Ended(format!(": {error}")))?;
                threads.count += 1;
                return Ok(sender);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(HostError::Overdue(self.deadline.as_secs()));
            }
            threads = match self.freed.wait_timeout(threads, left) {
                Ok((threads, _)) => threads,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Interrupts all requests. Further ones fail.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }

    fn free(&self, thread: mpsc::Sender<Job>) {
        lock(&self.threads).idle.push(thread);
        self.freed.notify_one();
    }

    /// Counts a thread off that failed.
    fn discard(&self) {
        lock(&self.threads).count -= 1;
        self.freed.notify_one();
    }
}

/// Runs the requests of one thread, until one fails or there are no more.
fn serve(tool: Tool, base: &Path, jobs: &mpsc::Receiver<Job>, is_stopped: &Arc<AtomicBool>) {
    let current: Current = Arc::default();
    let mut machine = None;
    for job in jobs {
        let events = job.events.clone();
        *lock(&current) = Some((job.deadline, job.events));
        let answer = (|| {
            let (_, context) = match &machine {
                Some(machine) => machine,
                None => machine.insert(start(tool, base, &current, is_stopped)?),
            };
            context.with(|ctx| call(&ctx, &job.function, &job.input))
        })();
        *lock(&current) = None;
        let failed = answer.is_err();
        let _ = events.send(Event::Done(answer));
        if failed {
            return;
        }
    }
}

/// The deadline of the current request, and its caller.
type Current = Arc<Mutex<Option<(Instant, mpsc::Sender<Event>)>>>;

/// Creates a runtime with a driver in it.
fn start(
    tool: Tool,
    base: &Path,
    current: &Current,
    is_stopped: &Arc<AtomicBool>,
) -> Result<(Runtime, Context), String> {
    let message = |error: rquickjs::Error| error.to_string();
    let runtime = Runtime::new().map_err(message)?;
    runtime.set_memory_limit(MEMORY);
    runtime.set_max_stack_size(SCRIPT_STACK);
    let (watched, stopped) = (Arc::clone(current), Arc::clone(is_stopped));
    runtime.set_interrupt_handler(Some(Box::new(move || {
        stopped.load(Ordering::SeqCst)
            || lock(&watched).as_ref().is_none_or(|(deadline, _)| Instant::now() >= *deadline)
    })));
    let files = Arc::new(ModuleFiles::new());
    runtime.set_loader(ModuleLoader(Arc::clone(&files)), ModuleLoader(Arc::clone(&files)));
    let context = Context::full(&runtime).map_err(message)?;
    context.with(|ctx| {
        define(&ctx, current, &files).catch(&ctx).map_err(|error| error.to_string())?;
        let base = base.to_string_lossy();
        ctx.globals().set("__base", &*base).map_err(message)?;
        ctx.eval::<(), _>(PRELUDE).catch(&ctx).map_err(|error| error.to_string())?;
        let module = Module::declare(ctx.clone(), "livers:driver", tool.driver().source)
            .catch(&ctx)
            .map_err(|error| error.to_string())?;
        let (module, promise) = module.eval().catch(&ctx).map_err(|error| error.to_string())?;
        promise.finish::<()>().catch(&ctx).map_err(|error| error.to_string())?;
        let load: Function<'_> = module.get("default").map_err(message)?;
        ctx.globals().set("__driver", load).map_err(message)
    })?;
    Ok((runtime, context))
}

/// Defines the functions that the prelude uses.
fn define(ctx: &Ctx<'_>, current: &Current, files: &Arc<ModuleFiles>) -> rquickjs::Result<()> {
    let globals = ctx.globals();
    let caller = Arc::clone(current);
    let ask = move |question: String| {
        let events = lock(&caller).as_ref().map(|(_, events)| events.clone());
        let (sender, answer) = mpsc::channel();
        let sent = events.is_some_and(|events| events.send(Event::Ask(question, sender)).is_ok());
        let answer = if sent { answer.recv().ok() } else { None };
        answer.unwrap_or_else(|| "null".to_owned())
    };
    globals.set("__ask", Function::new(ctx.clone(), ask)?)?;
    let resolver = Arc::clone(files);
    let resolve = move |specifier: String, from: String, is_import: bool| {
        resolver.resolve(&specifier, &from, is_import)
    };
    globals.set("__resolve", Function::new(ctx.clone(), resolve)?)?;
    globals.set("__read", Function::new(ctx.clone(), |path: String| ModuleFiles::read(&path))?)?;
    let is_module = |path: String| ModuleFiles::is_module(&path);
    globals.set("__isModule", Function::new(ctx.clone(), is_module)?)?;
    let began = Instant::now();
    let now = move || began.elapsed().as_secs_f64() * 1000.0;
    globals.set("__now", Function::new(ctx.clone(), now)?)?;
    globals.set("__evaluate", Function::new(ctx.clone(), evaluate)?)
}

/// Evaluates a script, and returns its value.
#[allow(clippy::needless_pass_by_value)] // The engine passes values.
fn evaluate(ctx: Ctx<'_>, text: String, name: String) -> rquickjs::Result<rquickjs::Value<'_>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name);
    ctx.eval_with_options(text, options)
}

/// Calls a function of the driver. Returns its answer as JSON.
fn call(ctx: &Ctx<'_>, function: &str, input: &str) -> Result<String, String> {
    let run = || {
        let run: Function<'_> = ctx.globals().get("__run")?;
        let promise: Promise<'_> = run.call((function, input))?;
        promise.finish::<String>()
    };
    run().catch(ctx).map_err(|error| error.to_string())
}
