//! Formats samples of the process as a table, a line of bars, CSV and SVG.

use std::fmt::Write;

use crate::sample::Sample;

/// The width of a line of bars, in characters.
const WIDTH: usize = 60;

/// The head of the table.
pub(crate) const HEAD: &str = "  minute   cpu %  resident MB   own MB   descriptors (sockets, files)   \
    threads  watches   responses/s  saves notified wrong";

/// Formats a row of the table from a sample, the one before, and the counts.
pub(crate) fn row(before: &Sample, now: &Sample, counts: Counts) -> String {
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
        counts.notified,
        counts.wrong
    )
}

/// Further figures of a row. Responses are counted since the last row, the others since the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) answers: u64,
    pub(crate) saves: u64,
    pub(crate) notified: u64,
    pub(crate) wrong: u64,
}

/// Formats values as a line of bars, from the minimum to the maximum.
pub(crate) fn bars(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<_> = samples.iter().map(value).collect();
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

/// Returns the growth of a value per hour (linear regression).
pub(crate) fn slope(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (time, middle) = (mean(&|sample| sample.at), mean(&|sample| value(sample)));
    let spread: f64 = samples.iter().map(|sample| (sample.at - time).powi(2)).sum();
    let both: f64 =
        samples.iter().map(|sample| (sample.at - time) * (value(sample) - middle)).sum();
    both / spread.max(f64::EPSILON) * 3600.0
}

/// Formats all samples as CSV.
pub(crate) fn csv(samples: &[Sample]) -> String {
    let mut text =
        "seconds,resident_mb,own_mb,descriptors,sockets,files,threads,watches,cpu_s\n".to_owned();
    for sample in samples {
        let _ = writeln!(
            text,
            "{:.1},{:.2},{:.2},{},{},{},{},{},{:.2}",
            sample.at,
            sample.resident,
            sample.own,
            sample.open(),
            sample.of("sockets"),
            sample.of("files"),
            sample.threads,
            sample.watches,
            sample.cpu
        );
    }
    text
}

/// Draws memory, descriptors and watches over time as SVG.
pub(crate) fn svg(samples: &[Sample]) -> String {
    let curve = |top: f64, name: &str, value: &dyn Fn(&Sample) -> f64| {
        let values: Vec<_> = samples.iter().map(value).collect();
        let (_, most) = ends(&values);
        let end = samples.last().map_or(1.0, |sample| sample.at).max(1.0);
        let points =
            samples.iter().zip(&values).fold(String::new(), |mut points, (sample, value)| {
                let (x, y) = (sample.at / end * 900.0, top + 160.0 - value / most.max(1.0) * 160.0);
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
        curve(20.0, "own memory, MB", &|sample| sample.own),
        curve(220.0, "open descriptors", &|sample| sample.open() as f64),
        curve(420.0, "inotify watches", &|sample| sample.watches as f64)
    )
}
