//! The ways in which real tools save a file, and what must come of each.
//!
//! A pattern is a line of shell, run in the folder of the page, because that is what a person does.
//! The lines find these variables:
//!
//! | | |
//! |---|---|
//! | `NEW` | a file outside of the site: the page with each `one` become `two` |
//! | `NEWCSS` | the same for the sheet |
//! | `OUT` | the folder that the site lies in, for what must not be seen |
//! | `FAR` | an empty folder on another file system |
//!
//! The word `one` is what the page and the sheet begin with. Left out: editors that need a screen of
//! their own; what they do to the file is done by hand instead.

mod bursts;
mod editors;
mod links;
mod plain;
mod still;
mod tools;

/// What must come of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing changed, so nothing is told.
    Nothing,
    /// One message, and one navigation or change in place at the most.
    One,
    /// Two messages at the most, and still one navigation.
    Burst,
    /// So many at the most, and at least one.
    Few(usize),
}

impl Wanted {
    /// The least and the most messages.
    pub fn messages(self) -> (usize, usize) {
        match self {
            Self::Nothing => (0, 0),
            Self::One => (1, 1),
            Self::Burst => (1, 2),
            Self::Few(most) => (1, most),
        }
    }

    /// The most changes of the page.
    pub fn changes(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One | Self::Burst => 1,
            Self::Few(most) => most,
        }
    }
}

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// A page of 10 KB and its sheet.
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
    /// The programs without which it cannot be tried.
    pub needs: Vec<&'static str>,
    pub site: Site,
    /// What the tab shows.
    pub path: &'static str,
    /// What is done before the server starts.
    pub setup: &'static str,
    pub line: String,
    pub wanted: Wanted,
    /// Whether it is among those that every run of the tests tries.
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

/// A save by a program.
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

/// Something that changes nothing.
fn still(name: &'static str, needs: &[&'static str], line: impl Into<String>) -> Pattern {
    Pattern { wanted: Wanted::Nothing, ..save(name, needs, line) }
}

/// A save by a script, with the modules that it is likely to need.
fn python(name: &'static str, script: &str) -> Pattern {
    let modules = "import ctypes, mmap, os, sys, time; new = open(os.environ['NEW']).read()";
    save(name, &["python3"], format!("python3 -c \"\n{modules}\n{script}\""))
}

/// A save by a script of Node's.
fn node(name: &'static str, script: &str) -> Pattern {
    let modules = "const fs = require('fs'); const text = fs.readFileSync(process.env.NEW, 'utf8')";
    save(name, &["node"], format!("node -e \"{modules}; {script}\""))
}

/// All there are, by their kind.
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
