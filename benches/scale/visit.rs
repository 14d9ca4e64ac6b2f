//! The page that is visited, and when it counts as painted.

use crate::edit::shows;

/// The report that the page is painted.
pub(crate) const PAINTED: &str = "bench: painted at";

/// When a page counts as painted.
pub(crate) enum Painted {
    /// These numbers of components and icons are in the document, and a frame was presented.
    Tree { components: usize, icons: usize },
    /// The largest contentful paint, after which nothing was painted or loaded for two seconds, or
    /// the first frame with all of these texts if that is later: it then was of a placeholder.
    Largest { texts: Vec<String> },
}

impl Painted {
    /// Returns the script that reports when the page is painted.
    pub(crate) fn script(&self) -> String {
        // Without a larger buffer, the browser records 250 requests.
        let watch = match self {
            Self::Tree { components, icons } => format!(
                "const count = (name) => document.getElementsByTagName(name).length;
                const observer = new MutationObserver(() => {{
                    if (count('div') < {components} || count('svg') < {icons}) return;
                    observer.disconnect();
                    requestAnimationFrame(() => requestAnimationFrame(() =>
                        report(performance.now())));
                }});
                observer.observe(document, {{ subtree: true, childList: true }});"
            ),
            Self::Largest { texts } => {
                let shown: String =
                    texts.iter().map(|text| format!(" && {}", shows(text))).collect();
                format!(
                    "let timer, largest, complete;
                    const look = (time) => {{
                        if (document.body{shown}) complete = time;
                        else requestAnimationFrame(look); }};
                    requestAnimationFrame(look);
                    const wait = () => {{ timer = setTimeout(() => {{
                        if (largest && complete) report(Math.max(largest, complete));
                        else wait(); }}, 2000); }};
                    const observe = (type, change) => new PerformanceObserver((list) => {{
                        list.getEntries().forEach(change);
                        clearTimeout(timer);
                        wait();
                    }}).observe({{ type, buffered: true }});
                    observe('largest-contentful-paint', (entry) => {{ largest = entry.startTime; }});
                    observe('resource', () => {{}});"
                )
            }
        };
        format!(
            "if (top === self) {{ performance.setResourceTimingBufferSize(1e6);
            const report = (time) => console.info(`{PAINTED} ${{performance.timeOrigin + time}}`);
            {watch} }}"
        )
    }
}

/// The page that is visited.
pub(crate) struct Visit {
    /// Its path, query and fragment, from the first slash on.
    pub(crate) path: String,
    /// The script to run before those of the page.
    pub(crate) init: Option<String>,
    pub(crate) painted: Painted,
}

impl Visit {
    pub(crate) fn root(painted: Painted) -> Self {
        Self { path: "/".to_owned(), init: None, painted }
    }
}
