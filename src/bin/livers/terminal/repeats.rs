//! Collapses equal messages that follow each other into one with a count.
//!
//! On a terminal each repetition replaces the message, with a higher count. In a pipe, where
//! nothing can be replaced, repetitions are held back and written as one message when the run ends
//! or after [`INTERVAL`]; its count is how many of them it stands for.
//!
//! Values and times only; [`terminal`](super) calls again at the [deadline](Repeats::deadline).

use std::time::{Duration, Instant};

use crate::line::Message;

/// The shortest time between two equal messages in a pipe.
const INTERVAL: Duration = Duration::from_secs(1);

/// A message to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) message: Message,
    /// Whether it takes the place of the previous one.
    pub(super) replaces: bool,
}

/// The last message, and how often it was repeated.
#[derive(Debug)]
pub(super) struct Repeats {
    /// Whether the output can replace a message.
    replace: bool,
    last: Option<Run>,
}

#[derive(Debug)]
struct Run {
    message: Message,
    /// How many messages the last one written stands for, or the next one if some are held back.
    count: usize,
    held: bool,
    written: Instant,
}

impl Repeats {
    pub(super) fn new(replace: bool) -> Self {
        Self { replace, last: None }
    }

    /// Adds a message that stands for so many. Returns what to write now, in this order.
    pub(super) fn add(&mut self, message: Message, count: usize, now: Instant) -> Vec<Output> {
        if let Some(run) = self.last.as_mut().filter(|run| run.message.repeats(&message)) {
            run.message = message;
            if self.replace {
                run.count = run.count.saturating_add(count);
                return vec![Output {
                    message: run.message.clone().counted(run.count),
                    replaces: true,
                }];
            }
            run.count = if run.held { run.count.saturating_add(count) } else { count };
            run.held = true;
            return self.take_due(now).into_iter().collect();
        }
        let held = self.take();
        self.last = Some(Run { message: message.clone(), count, held: false, written: now });
        let message = message.counted(count);
        held.into_iter().chain([Output { message, replaces: false }]).collect()
    }

    /// Returns the repetitions that were held back for long enough.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Output> {
        let output = self.deadline().filter(|deadline| *deadline <= now).and_then(|_| self.take());
        if let Some(run) = self.last.as_mut().filter(|_| output.is_some()) {
            run.written = now;
        }
        output
    }

    /// Returns the repetitions that are held back.
    pub(super) fn take(&mut self) -> Option<Output> {
        let run = self.last.as_mut().filter(|run| run.held)?;
        run.held = false;
        Some(Output { message: run.message.clone().counted(run.count), replaces: false })
    }

    /// Returns when the repetitions that are held back are to be written.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.last.as_ref().filter(|run| run.held).map(|run| run.written + INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Output, Repeats};
    use crate::line::{Line, Message};

    /// Adds a message for each letter at a time in ms, and returns what is written, and when.
    fn run(replace: bool, steps: &[(u64, &str)]) -> Vec<(u64, String)> {
        let (start, mut repeats) = (Instant::now(), Repeats::new(replace));
        let mut written = Vec::new();
        let mut write = |at: u64, output: Output| {
            let text = output.message.0[0].to_string();
            let text = anstream::adapter::strip_str(&text).to_string();
            written.push((at, if output.replaces { format!("^{text}") } else { text }));
        };
        for ms in 0..5000 {
            let now = start + Duration::from_millis(ms);
            if repeats.deadline().is_some_and(|deadline| deadline <= now) {
                repeats.take_due(now).into_iter().for_each(|output| write(ms, output));
            }
            for (_, text) in steps.iter().filter(|(at, _)| *at == ms) {
                let message = Message::from(Line::default().text(*text));
                repeats.add(message, 1, now).into_iter().for_each(|output| write(ms, output));
            }
        }
        repeats.take().into_iter().for_each(|output| write(5000, output));
        written
    }

    #[test]
    fn repetitions_replace_the_message_on_a_terminal() {
        let steps = [(0, "a"), (1, "a"), (4000, "a"), (4001, "b"), (4002, "a")];
        let wanted = [(0, "a"), (1, "^a  (x2)"), (4000, "^a  (x3)"), (4001, "b"), (4002, "a")];
        assert_eq!(run(true, &steps), wanted.map(|(at, text)| (at, text.to_owned())));
    }

    #[test]
    fn messages_may_stand_for_several() {
        let texts = |replace| {
            let (now, mut repeats) = (Instant::now(), Repeats::new(replace));
            let mut texts = Vec::new();
            for count in [3, 1, 2] {
                let message = Message(vec![Line::default().text("a"), Line::default().text("b")]);
                texts.extend(repeats.add(message, count, now));
            }
            texts.extend(repeats.take());
            let lines = texts.iter().map(|output| output.message.0[0].to_string());
            let lines = lines.collect::<Vec<_>>().join(" ");
            anstream::adapter::strip_str(&lines).to_string()
        };
        assert_eq!(texts(true), "a  (x3) a  (x4) a  (x6)");
        assert_eq!(texts(false), "a  (x3) a  (x3)");
    }

    #[test]
    fn repetitions_are_held_back_in_a_pipe() {
        let table: &[(&[(u64, &str)], &[(u64, &str)])] = &[
            // Slow repetitions are written as they come.
            (&[(0, "a"), (1000, "a"), (2500, "a")], &[(0, "a"), (1000, "a"), (2500, "a")]),
            // The run ends.
            (&[(0, "a"), (1, "a"), (2, "a"), (3, "b")], &[(0, "a"), (3, "a  (x2)"), (3, "b")]),
            // The time is over, and again.
            (
                &[(0, "a"), (1, "a"), (2, "a"), (999, "a"), (1500, "a")],
                &[(0, "a"), (1000, "a  (x3)"), (2000, "a")],
            ),
            // Nothing is lost at the end.
            (&[(4800, "a"), (4900, "a"), (4950, "a")], &[(4800, "a"), (5000, "a  (x2)")]),
            (&[(0, "a"), (1, "b"), (2, "a")], &[(0, "a"), (1, "b"), (2, "a")]),
        ];
        for (steps, wanted) in table {
            let wanted: Vec<_> =
                wanted.iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
            assert_eq!(run(false, steps), wanted, "{steps:?}");
        }
    }
}
