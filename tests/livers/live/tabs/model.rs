//! A site as plain data, and which page uses which file: computed from the contents of the files,
//! without requests or anything of livers.

use std::collections::{BTreeMap, BTreeSet};

/// How a file references another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Link,
    Style,
    Classic,
    Module,
    Worker,
    ModuleWorker,
    Fetch,
    Xhr,
    Img,
    Srcset,
    Picture,
    Poster,
    Icon,
    Frame,
    FrameImage,
    Import,
    Background,
    Font,
    Dynamic,
    ImportScripts,
}

use How::*;

#[derive(Clone, Debug)]
pub struct Ref {
    pub how: How,
    pub to: &'static str,
    /// Whether the file has the reference now.
    pub on: bool,
}

#[derive(Clone, Debug, Default)]
pub struct File {
    pub refs: Vec<Ref>,
    /// 0 if the file does not exist.
    pub version: u32,
    /// The beginning of its head.
    pub head: &'static str,
}

/// All files of the site by their URL paths. A backend serves those below `/app/`.
#[derive(Clone, Debug)]
pub struct Model(pub BTreeMap<&'static str, File>);

/// What a document uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Everything.
    pub all: BTreeSet<String>,
    /// What its own resource timings report.
    pub timed: BTreeSet<String>,
    /// The version that it shows of each file, 0 for a 404.
    pub shown: BTreeMap<String, (How, u32)>,
}

/// The files of the site and their references. `?` marks a reference that is absent at first, `!` a
/// file that does not exist at first.
const SITE: &[(&str, &[(How, &str)])] = &[
    ("/plain.html", &[]),
    ("/sheets.html", &[(Link, "/a.css"), (Style, "/s.css"), (Link, "?/z.css")]),
    (
        "/scripts.html",
        &[(Classic, "/c.js"), (Module, "/m.js"), (Fetch, "/d1.json"), (Classic, "?/c2.js")],
    ),
    ("/workers.html", &[(Worker, "/w.js"), (ModuleWorker, "/mw.js"), (Xhr, "?/d2.json")]),
    (
        "/media.html",
        &[
            (Img, "/1.svg"),
            (Srcset, "/2.svg"),
            (Picture, "/3.svg"),
            (Poster, "/4.svg"),
            (Icon, "/5.svg"),
            (Img, "?/6.svg"),
            (Link, "/f.css"),
        ],
    ),
    ("/frames.html", &[(Frame, "/inner.html"), (FrameImage, "/7.svg")]),
    ("/inner.html", &[(Link, "/z.css"), (Img, "/1.svg"), (Fetch, "?/d1.json")]),
    ("/quiet.html", &[(Link, "/a.css"), (Classic, "/c.js"), (Worker, "/w.js"), (Img, "?/2.svg")]),
    ("/app/page", &[(Link, "/a.css"), (Img, "/2.svg"), (Fetch, "/d2.json"), (Module, "/m.js")]),
    ("/app/quiet", &[(Link, "/z.css"), (Xhr, "/d1.json"), (Img, "/missing.svg")]),
    ("/sw/page.html", &[(Link, "/s.css"), (Fetch, "/d2.json")]),
    ("!/late.html", &[(Link, "/s.css"), (Img, "/3.svg")]),
    ("/back.html", &[(Link, "/z.css"), (Img, "/1.svg"), (Fetch, "?/d2.json")]),
    ("/forth.html", &[(Link, "/s.css")]),
    ("/a.css", &[(Import, "/b.css"), (Background, "/8.svg"), (Import, "?/missing.css")]),
    ("/b.css", &[(Import, "/base.css"), (Background, "?/9.svg")]),
    ("/z.css", &[(Import, "/base.css"), (Background, "/8.svg")]),
    ("/s.css", &[(Import, "?/t.css")]),
    ("/t.css", &[(Background, "?/9.svg")]),
    ("/f.css", &[(Font, "/f.woff2"), (Background, "/9.svg")]),
    ("/base.css", &[]),
    ("!/missing.css", &[]),
    ("/c.js", &[(Fetch, "/d3.json"), (Fetch, "?/d2.json")]),
    ("/c2.js", &[(Xhr, "/d3.json")]),
    ("/m.js", &[(Import, "/m2.js"), (Dynamic, "/m4.js"), (Fetch, "?/d3.json")]),
    ("/m2.js", &[(Import, "/m3.js")]),
    ("/m3.js", &[]),
    ("/m4.js", &[(Import, "?/m3.js")]),
    ("/w.js", &[(ImportScripts, "/w2.js"), (Fetch, "/d4.json"), (ImportScripts, "?/w3.js")]),
    ("/w2.js", &[(Fetch, "?/d1.json")]),
    ("!/w3.js", &[]),
    ("/mw.js", &[(Import, "/mw2.js"), (Dynamic, "?/mw3.js")]),
    ("/mw2.js", &[]),
    ("/mw3.js", &[]),
    ("/list/x.md", &[]),
    ("!/list/y.md", &[]),
    ("!/missing.svg", &[]),
    ("/1.svg", &[]),
    ("/2.svg", &[]),
    ("/3.svg", &[]),
    ("/4.svg", &[]),
    ("/5.svg", &[]),
    ("/6.svg", &[]),
    ("/7.svg", &[]),
    ("/8.svg", &[]),
    ("/9.svg", &[]),
    ("/f.woff2", &[]),
    ("/d1.json", &[]),
    ("/d2.json", &[]),
    ("/d3.json", &[]),
    ("/d4.json", &[]),
    ("/unused.css", &[]),
];

impl Model {
    pub fn new() -> Self {
        let mut files = BTreeMap::new();
        for (path, refs) in SITE {
            let refs = refs.iter().map(|(how, to)| Ref {
                how: *how,
                to: to.trim_start_matches('?'),
                on: !to.starts_with('?'),
            });
            let head = match *path {
                "/quiet.html" => "<meta name=referrer content=no-referrer>",
                "/sw/page.html" => "<script>navigator.serviceWorker.register('/sw/sw.js')</script>",
                _ => "",
            };
            let file =
                File { refs: refs.collect(), version: u32::from(!path.starts_with('!')), head };
            files.insert(path.trim_start_matches('!'), file);
        }
        Self(files)
    }

    /// Returns what the document at a path and those in its frames use, each with its path.
    pub fn documents(&self, page: &str) -> Vec<(String, Uses)> {
        let mut uses = Uses::default();
        let mut documents = Vec::new();
        uses.all.insert(page.to_owned());
        let file = self.0.get(page);
        if file.is_some_and(|file| file.version > 0) {
            uses.shown.insert(page.to_owned(), (Frame, self.0[page].version));
            for to in file.into_iter().flat_map(|file| &file.refs).filter(|to| to.on) {
                match to.how {
                    Frame => documents.extend(self.documents(to.to)),
                    // The response to a missing file is a page with a client of its own.
                    FrameImage if self.0[to.to].version == 0 => {
                        documents.extend(self.documents(to.to));
                    }
                    how => self.walk(to.to, how, true, &mut uses),
                }
            }
        }
        if page == "/list/" {
            uses.all.extend(["/list/x.md".to_owned(), "/list/y.md".to_owned()]);
        }
        documents.insert(0, (page.to_owned(), uses));
        documents
    }

    /// Adds a file that a document uses, and everything that this file uses.
    fn walk(&self, path: &str, how: How, timed: bool, uses: &mut Uses) {
        let file = &self.0[path];
        let known = !uses.all.insert(path.to_owned());
        // A missing worker is not in the timings.
        let timed = timed && !(file.version == 0 && matches!(how, Worker | ModuleWorker));
        let new = timed && how != FrameImage && uses.timed.insert(path.to_owned());
        if shows(path, how) {
            uses.shown.insert(path.to_owned(), (how, file.version));
        }
        if file.version == 0 || (known && !new) {
            return;
        }
        for to in file.refs.iter().filter(|to| to.on) {
            let inside = matches!(how, Worker | ModuleWorker);
            self.walk(to.to, to.how, timed && !inside, uses);
        }
    }

    /// Returns everything that a tab uses, frames included.
    pub fn used(&self, page: &str) -> BTreeSet<String> {
        self.documents(page).into_iter().flat_map(|(_, uses)| uses.all).collect()
    }
}

/// Returns whether a page can tell which version of a file it shows.
fn shows(path: &str, how: How) -> bool {
    let image = matches!(how, Img | Srcset | Picture);
    !matches!(how, Poster | Icon | FrameImage | Background | Font) && (image || kind(path) != "svg")
}

/// Returns the extension of a path.
pub fn kind(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}
