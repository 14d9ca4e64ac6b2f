//! The drivers: which compilers livers can run, and where.

/// A compiler of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tool {
    Sass,
    Svelte,
    Tailwind,
    Vue,
    #[cfg(test)]
    Test,
}

/// Where a driver runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the engine; in Node if livers was built without it.
    Engine,
    /// In Node where there is one, because it is much faster there.
    NodeOrEngine,
}

/// A program of livers that runs a compiler.
#[derive(Clone, Copy, Debug)]
pub(super) struct Driver {
    /// The name in messages.
    pub(super) name: &'static str,
    /// The packages that contain the compiler. The first that is installed is used.
    pub(super) packages: &'static [&'static str],
    /// An ES module whose default export takes the host, and returns the functions.
    pub(super) source: &'static str,
    pub(super) place: Place,
}

impl Tool {
    /// Returns the driver of the compiler.
    pub(super) const fn driver(self) -> Driver {
        match self {
            Self::Sass => Driver {
                name: "sass",
                packages: &["sass-embedded", "sass"],
                source: concat!(
                    include_str!("drivers/sheet_files.js"),
                    include_str!("drivers/sass.js")
                ),
                place: Place::NodeOrEngine,
            },
            Self::Svelte => Driver {
                name: "svelte",
                packages: &["svelte"],
                source: include_str!("drivers/svelte.js"),
                place: Place::Engine,
            },
            Self::Tailwind => Driver {
                name: "tailwind",
                packages: &["tailwindcss"],
                source: include_str!("drivers/tailwind.js"),
                place: Place::Engine,
            },
            Self::Vue => Driver {
                name: "vue",
                packages: &["vue"],
                source: include_str!("drivers/vue.js"),
                place: Place::Engine,
            },
            #[cfg(test)]
            Self::Test => Driver {
                name: "test",
                packages: &["fake"],
                source: include_str!("drivers/test.js"),
                place: Place::Engine,
            },
        }
    }
}
