//! The compilations that take long, which a terminal shows as progress.

use std::time::{Duration, Instant};

use crate::line::{Line, Style};

/// How many are counted.
const MAX: usize = 64;

/// How long a compilation has taken when its event comes.
const BEFORE: Duration = Duration::from_millis(500);

/// After which time the end of a compilation must have been missed: it may take a minute.
const OVER: Duration = Duration::from_secs(65);

/// The compilations that take long, oldest first.
#[derive(Debug, Default)]
pub(super) struct Compiling(Vec<(String, Instant)>);

impl Compiling {
    /// Adds a file, by the name that is shown.
    pub(super) fn begin(&mut self, name: String, now: Instant) {
        if self.0.len() < MAX {
            self.0.push((name, now.checked_sub(BEFORE).unwrap_or(now)));
        }
    }

    /// Removes a file.
    pub(super) fn end(&mut self, name: &str) {
        if let Some(at) = self.0.iter().position(|(other, _)| other == name) {
            self.0.remove(at);
        }
    }

    /// Returns the line with the oldest one, its time, and how many more there are.
    pub(super) fn line(&mut self, now: Instant) -> Option<Line> {
        self.0.retain(|(_, began)| now - *began < OVER);
        let (name, began) = self.0.first()?;
        let more = match self.0.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let seconds = (now - *began).as_secs();
        let text = format!("compiling {name}{more}, {seconds} s");
        Some(Line::default().styled(Style::Dim, text))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Compiling, MAX};

    #[test]
    fn the_oldest_is_shown_until_its_end_or_for_a_minute() {
        let (mut compiling, start) = (Compiling::default(), Instant::now());
        let shown = |compiling: &mut Compiling, seconds: u64| {
            let line = compiling.line(start + Duration::from_secs(seconds))?.to_string();
            Some(anstream::adapter::strip_str(&line).to_string())
        };
        assert_eq!(shown(&mut compiling, 0), None);
        compiling.begin("a".to_owned(), start);
        assert_eq!(shown(&mut compiling, 0).as_deref(), Some("compiling a, 0 s"));
        compiling.begin("b".to_owned(), start + Duration::from_secs(1));
        compiling.begin("b".to_owned(), start + Duration::from_secs(1));
        assert_eq!(shown(&mut compiling, 3).as_deref(), Some("compiling a and 2 more, 3 s"));
        compiling.end("a");
        compiling.end("b");
        compiling.end("unknown");
        assert_eq!(shown(&mut compiling, 4).as_deref(), Some("compiling b, 3 s"));
        assert_eq!(shown(&mut compiling, 90), None);
        (0..2 * MAX).for_each(|n| compiling.begin(n.to_string(), start));
        assert_eq!(compiling.0.len(), MAX);
    }
}
