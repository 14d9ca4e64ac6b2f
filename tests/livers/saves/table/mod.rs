//! The ways in which tools save a file, and the wanted outcome of each.
//!
//! A pattern is a shell command in the folder of the page. These variables are set:
//!
//! | | |
//! |---|---|
//! | `NEW` | a file outside the site: the page with each `one` replaced by `two` |
//! | `NEWCSS` | the same for the style sheet |
//! | `OUT` | the folder above the site, for files that are not served |
//! | `FAR` | an empty folder on another file system |
//!
//! The page and the style sheet contain the word `one` at first. Editors with a graphical interface
//! do not run here; shell commands repeat their steps instead.

mod bursts;
mod editors;
mod links;
mod plain;
mod still;
mod tools;

/// The wanted outcome of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No message, because nothing changed.
    Nothing,
    /// One message, and at most one navigation or change in place.
    One,
    /// At most two messages, and at most one navigation or change in place.
    Burst,
    /// At least one message, and at most so many.
    Few(usize),
}

impl Wanted {
    /// Returns the least and the largest number of messages.
    pub fn messages(self) -> (usize, usize) {
        match self {
            Self::Nothing => (0, 0),
            Self::One => (1, 1),
            Self::Burst => (1, 2),
            Self::Few(most) => (1, most),
        }
    }

    /// Returns the largest number of changes of the page.
    pub fn changes(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One | Self::Burst => 1,
            Self::Few(most) => most,
        }
    }
}

/// The site of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// A page of 10 KB and its style sheet.
    Page,
    /// The same with a page of 20 MB.
    Large,
    /// The same with a script that fetches so many files, `f/0.txt` and so on.
    Files(usize),
}

/// One way to save.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub name: &'static str,
    /// The programs that it needs.
    pub needs: Vec<&'static str>,
    pub site: Site,
    /// The page that the tab shows.
    pub path: &'static str,
    /// A shell command that runs before the server starts.
    pub setup: &'static str,
    pub line: String,
    pub wanted: Wanted,
    /// Whether the tests run it, and not only the bench.
    pub tested: bool,
}

impl Pattern {
    fn on(mut self, site: Site) -> Self {
        self.site = site;
        self
    }

    fn at(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    fn setup(mut self, line: &'static str) -> Self {
        self.setup = line;
        self
    }

    fn burst(mut self) -> Self {
        self.wanted = Wanted::Burst;
        self
    }

    fn few(mut self, most: usize) -> Self {
        self.wanted = Wanted::Few(most);
        self
    }

    fn tested(mut self) -> Self {
        self.tested = true;
        self
    }
}

/// Returns a save by a shell command.
fn save(name: &'static str, needs: &[&'static str], line: impl Into<String>) -> Pattern {
    Pattern {
        name,
        needs: needs.to_vec(),
        site: Site::Page,
        path: "/page/",
        setup: "",
        line: line.into(),
        wanted: Wanted::One,
        tested: false,
    }
}

/// Returns a command that changes no content.
fn still(name: &'static str, needs: &[&'static str], line: impl Into<String>) -> Pattern {
    Pattern { wanted: Wanted::Nothing, ..save(name, needs, line) }
}

/// Returns a save by a Python script, with common modules imported.
fn python(name: &'static str, script: &str) -> Pattern {
    let modules = "import ctypes, mmap, os, sys, time; new = open(os.environ['NEW']).read()";
    save(name, &["python3"], format!("python3 -c \"\n{modules}\n{script}\""))
}

/// Returns a save by a script for Node.
fn node(name: &'static str, script: &str) -> Pattern {
    let modules = "const fs = require('fs'); const text = fs.readFileSync(process.env.NEW, 'utf8')";
    save(name, &["node"], format!("node -e \"{modules}; {script}\""))
}

/// Returns all patterns, by kind.
pub fn all() -> Vec<(&'static str, Vec<Pattern>)> {
    vec![
        ("editors", editors::all()),
        ("programs that write", plain::all()),
        ("programs that copy, unpack and merge", tools::all()),
        ("links and folders", links::all()),
        ("many files, large files, slow writers", bursts::all()),
        ("nothing changed", still::all()),
    ]
}
