//! The looks at the process, as a table, as a line of bars, as CSV and as a picture.

use std::fmt::Write;

use crate::process::Look;

/// How wide a line of bars is.
const WIDTH: usize = 60;

/// What a table begins with.
pub(crate) const HEAD: &str = "  minute   cpu %  resident MB   own MB   descriptors (sockets, files)   \
    threads  watches   answers/s   saves    told  wrong";

/// A row of the table: a look, the one before, and the counts.
pub(crate) fn row(before: &Look, now: &Look, counts: Counts) -> String {
    let time = (now.at - before.at).max(0.001);
    format!(
        "{:8.1} {:7.1} {:12.1} {:8.1} {:13} ({:7}, {:5}) {:9} {:8} {:11.0} {:7} {:7} {:6}",
        now.at / 60.0,
        (now.cpu - before.cpu) / time * 100.0,
        now.resident,
        now.own,
        now.open(),
        now.of("sockets"),
        now.of("files"),
        now.threads,
        now.watches,
        counts.answers as f64 / time,
        counts.saves,
        counts.told,
        counts.wrong
    )
}

/// What a row tells besides: the answers are those since the last row, the others are all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) answers: u64,
    pub(crate) saves: u64,
    pub(crate) told: u64,
    pub(crate) wrong: u64,
}

/// A line of bars from the least to the most.
pub(crate) fn bars(looks: &[Look], value: impl Fn(&Look) -> f64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<_> = looks.iter().map(value).collect();
    let columns: Vec<_> = values
        .chunks(values.len().div_ceil(WIDTH).max(1))
        .map(|part| part.iter().sum::<f64>() / part.len() as f64)
        .collect();
    let (least, most) = ends(&columns);
    let height = |value: f64| ((value - least) / (most - least).max(f64::EPSILON) * 7.0) as usize;
    let line: String = columns.iter().map(|value| BARS[height(*value).min(7)]).collect();
    format!("{line}  {least:.1} to {most:.1}")
}

fn ends(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// How much a value grows in an hour: the slope of the line that fits best.
pub(crate) fn slope(looks: &[Look], value: impl Fn(&Look) -> f64) -> f64 {
    let count = looks.len() as f64;
    let mean = |of: &dyn Fn(&Look) -> f64| looks.iter().map(of).sum::<f64>() / count;
    let (time, middle) = (mean(&|look| look.at), mean(&|look| value(look)));
    let spread: f64 = looks.iter().map(|look| (look.at - time).powi(2)).sum();
    let both: f64 = looks.iter().map(|look| (look.at - time) * (value(look) - middle)).sum();
    both / spread.max(f64::EPSILON) * 3600.0
}

/// All looks, as CSV.
pub(crate) fn csv(looks: &[Look]) -> String {
    let mut text =
        "seconds,resident_mb,own_mb,descriptors,sockets,files,threads,watches,cpu_s\n".to_owned();
    for look in looks {
        let _ = writeln!(
            text,
            "{:.1},{:.2},{:.2},{},{},{},{},{},{:.2}",
            look.at,
            look.resident,
            look.own,
            look.open(),
            look.of("sockets"),
            look.of("files"),
            look.threads,
            look.watches,
            look.cpu
        );
    }
    text
}

/// Memory and descriptors over the time, as a picture.
pub(crate) fn svg(looks: &[Look]) -> String {
    let curve = |top: f64, name: &str, value: &dyn Fn(&Look) -> f64| {
        let values: Vec<_> = looks.iter().map(value).collect();
        let (_, most) = ends(&values);
        let end = looks.last().map_or(1.0, |look| look.at).max(1.0);
        let points = looks.iter().zip(&values).fold(String::new(), |mut points, (look, value)| {
            let (x, y) = (look.at / end * 900.0, top + 160.0 - value / most.max(1.0) * 160.0);
            let _ = write!(points, "{x:.1},{y:.1} ");
            points
        });
        format!(
            "<text x='0' y='{}'>{name}: 0 to {most:.1}, in {:.1} minutes</text>\n\
             <polyline fill='none' stroke='#27c' points='{points}'/>\n",
            top - 6.0,
            end / 60.0
        )
    };
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='-10 -10 920 620' font-family='sans-serif' \
         font-size='13'>\n{}{}{}</svg>\n",
        curve(20.0, "memory of its own, MB", &|look| look.own),
        curve(220.0, "open descriptors", &|look| look.open() as f64),
        curve(420.0, "inotify watches", &|look| look.watches as f64)
    )
}
