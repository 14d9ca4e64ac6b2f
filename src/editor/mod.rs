//! Opens places of files in the editor of the person at the machine.
//!
//! The editor is the one that the user [configured], or the one in a variable
//! such as `VISUAL`, or one that is [running]. It is started without a shell, and the
//! absolute path of the file is one argument, or a part of one. Editors that need a terminal are
//! not started.

mod command;
mod known;
mod running;

use std::{
    ffi::OsString,
    io,
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::command::Place;
use self::command::{Command, configured, conventional, of_known, program_name};
use crate::editor_error::EditorError;

/// How many editors that were started may run at once. Most commands end as soon as the editor's
/// window has taken the file.
const MAX_RUNNING: usize = 8;

/// The first pause between two looks at whether a process has ended.
const FIRST_LOOK: Duration = Duration::from_millis(20);

/// The longest pause between two looks.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// Which editor to open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// The command of the user; `none` opens no editor.
    pub(crate) command: Option<String>,
    /// Commands to use if they are those of known editors that open a window.
    pub(crate) conventional: Vec<String>,
}

/// Opens places in an editor.
#[derive(Debug)]
pub(crate) struct Editor {
    choice: Choice,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Editor {
    /// `tasks` tracks the tasks that wait for the end of processes, and `cancel` ends them. The
    /// processes go on.
    pub(crate) fn new(choice: Choice, tasks: TaskTracker, cancel: CancellationToken) -> Self {
        Self { choice, permits: Arc::new(Semaphore::new(MAX_RUNNING)), tasks, cancel }
    }

    /// Opens a place of a file, whose path is absolute, and returns the name of the editor.
    /// `failed` is called if the process that was started ends with an error.
    ///
    /// # Errors
    /// There is no editor, or it could not be started.
    pub(crate) async fn open(
        &self,
        file: &Path,
        (line, column): (u32, u32),
        failed: impl FnOnce(EditorError) + Send + 'static,
    ) -> Result<String, EditorError> {
        let permits = Arc::clone(&self.permits);
        let Ok(permit) = permits.try_acquire_owned() else { return Err(EditorError::Busy) };
        let (choice, file) = (self.choice.clone(), file.to_owned());
        let start = move || start(&choice, Place { file: &file, line, column });
        // This fails only if the runtime is shutting down.
        let started = tokio::task::spawn_blocking(start).await;
        let (name, child) = started.map_err(|_| EditorError::Busy)??;
        let ended = ended(child, permit, self.cancel.clone());
        let editor = name.clone();
        self.tasks.spawn(async move {
            if let Some(status) = ended.await {
                failed(EditorError::Exited { editor, status });
            }
        });
        Ok(name)
    }
}

/// Waits for the end of a process, so that the system forgets it. Returns its status if that is an
/// error.
async fn ended(
    mut child: Child,
    _permit: OwnedSemaphorePermit,
    cancel: CancellationToken,
) -> Option<String> {
    let mut pause = FIRST_LOOK;
    loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return (!status.success()).then(|| status.to_string()),
            Err(_) => return None,
        }
        tokio::select! {
            () = sleep(pause) => pause = (pause * 2).min(LAST_LOOK),
            () = cancel.cancelled() => return None,
        }
    }
}

/// Starts the editor for a place. Returns its name and the process.
///
/// # Blocking
/// Lists processes, and starts one.
fn start(choice: &Choice, place: Place<'_>) -> Result<(String, Child), EditorError> {
    if let Some(text) = choice.command.as_deref().filter(|text| !text.trim().is_empty()) {
        if text.trim() == "none" {
            return Err(EditorError::Disabled);
        }
        return started(&configured(text, place)?);
    }
    let mut texts = choice.conventional.iter();
    if let Some(command) = texts.find_map(|text| conventional(text, place)) {
        return started(&command?);
    }
    let running = running::running().ok_or(EditorError::NotFound)?;
    let mut last = EditorError::NotFound;
    for program in running.programs {
        match started(&of_known(running.known, program.into(), place)?) {
            Err(why @ EditorError::NotStarted { .. }) => last = why,
            outcome => return outcome,
        }
    }
    Err(last)
}

/// Starts a command. Returns the name of its program and the process.
fn started(command: &Command) -> Result<(String, Child), EditorError> {
    let editor = program_name(Path::new(&command.program));
    let mut child = spawn(&command.program, &command.arguments);
    // Windows finds commands that are batch files by their whole name only. The standard library
    // escapes their arguments, or refuses to start them.
    if cfg!(windows) && child.is_err() && Path::new(&command.program).extension().is_none() {
        let mut program = command.program.clone();
        program.push(".cmd");
        child = spawn(&program, &command.arguments);
    }
    match child {
        Ok(child) => Ok((editor, child)),
        Err(why) => Err(EditorError::NotStarted { editor, why: why.to_string() }),
    }
}

/// Starts a process that outlives livers, and does not get the signals of its terminal.
fn spawn(program: &OsString, arguments: &[OsString]) -> io::Result<Child> {
    let mut command = std::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(windows)]
    {
        // CREATE_NEW_PROCESS_GROUP and CREATE_NO_WINDOW (the console of a batch file).
        std::os::windows::process::CommandExt::creation_flags(&mut command, 0x0800_0200);
    }
    command.spawn()
}
