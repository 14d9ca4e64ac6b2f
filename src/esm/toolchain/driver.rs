//! The drivers: which compilers livers can run, and where.

/// A compiler of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tool {
    Sass,
    Svelte,
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

impl Tool {
    /// Returns the packages that contain the compiler. The first that is installed is used.
    pub(super) fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Sass => &["sass-embedded", "sass"],
            Self::Svelte => &["svelte"],
            Self::Vue => &["vue"],
            #[cfg(test)]
            Self::Test => &["fake"],
        }
    }

    /// Returns the name in messages, and of the driver.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sass => "sass",
            Self::Svelte => "svelte",
            Self::Vue => "vue",
            #[cfg(test)]
            Self::Test => "test",
        }
    }

    /// Returns the driver: an ES module whose default export takes the host, and returns the
    /// functions.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::Sass => {
                concat!(include_str!("drivers/sheet_files.js"), include_str!("drivers/sass.js"))
            }
            Self::Svelte => include_str!("drivers/svelte.js"),
            Self::Vue => include_str!("drivers/vue.js"),
            #[cfg(test)]
            Self::Test => include_str!("drivers/test.js"),
        }
    }

    pub(super) fn place(self) -> Place {
        match self {
            Self::Svelte | Self::Vue => Place::Engine,
            #[cfg(test)]
            Self::Test => Place::Engine,
            Self::Sass => Place::NodeOrEngine,
        }
    }
}
