//! Output of `--log json`: one JSON object per line, and nothing else.
//!
//! What the program itself has to say goes to standard error.

use std::io::{self, Write};

use livers::{Event, Record};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    mpsc as commands,
};

use super::{Command, lines::needed};
use crate::verbosity::Verbosity;

/// Prints records until their sender is dropped.
pub(super) async fn print_all(
    commands: &mut commands::Receiver<Command>,
    events: &mut Receiver<Record>,
    mut verbosity: Verbosity,
) {
    let mut open = true;
    loop {
        let record = tokio::select! {
            biased;
            command = commands.recv(), if open => match command {
                Some(Command::Print(message)) => {
                    for line in &message.0 {
                        let _ = writeln!(anstream::stderr(), "{line}");
                    }
                    continue;
                }
                Some(Command::Verbosity(new)) => {
                    verbosity = new;
                    continue;
                }
                Some(Command::Repeat(event)) => Record::now(*event),
                Some(Command::Banner(_) | Command::Clear | Command::Forget) => continue,
                None => {
                    open = false;
                    continue;
                }
            },
            received = events.recv() => match received {
                Ok(record) => record,
                Err(RecvError::Lagged(count)) => Record::now(Event::Lost { count }),
                Err(RecvError::Closed) => return,
            },
        };
        if is_printed(&record.event, verbosity)
            && let Ok(mut line) = serde_json::to_vec(&record)
        {
            line.push(b'\n');
            // A closed output is not an error of the server.
            let mut output = io::stdout().lock();
            let _ = output.write_all(&line).and_then(|()| output.flush());
        }
    }
}

/// Returns whether an event is printed: a quiet server prints its URL and errors, others everything.
fn is_printed(event: &Event, verbosity: Verbosity) -> bool {
    verbosity > Verbosity::Errors
        || matches!(event, Event::Listening { .. })
        || needed(event) == Verbosity::Errors
}
