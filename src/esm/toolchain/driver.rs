//! The drivers: which compilers livers can run, and where.

/// Returns the driver of a compiler of style sheets.
macro_rules! with_sheet_files {
    ($name:literal) => {
        concat!(
            include_str!("drivers/sheet_files.js"),
            include_str!(concat!("drivers/", $name, ".js"))
        )
    };
}

/// A compiler of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tool {
    Less,
    Mdx,
    Postcss,
    Sass,
    Solid,
    Svelte,
    Svgr,
    Tailwind,
    Vue,
    VueJsx,
    #[cfg(test)]
    Test,
}

/// Where a driver runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the engine; in Node if livers was built without it.
    Engine,
    /// In the engine, which has started sooner; and for many files in Node where there is one, which
    /// is faster once it has compiled some.
    EngineThenNode,
    /// In Node where there is one, because it is much faster there.
    NodeOrEngine,
    /// In Node.
    Node,
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
    #[cfg_attr(not(feature = "engine"), allow(dead_code))]
    pub(super) place: Place,
}

impl Tool {
    /// Returns the driver of the compiler.
    pub(super) const fn driver(self) -> Driver {
        match self {
            Self::Less => Driver {
                name: "less",
                packages: &["less"],
                source: with_sheet_files!("less"),
                place: Place::NodeOrEngine,
            },
            Self::Mdx => Driver {
                name: "mdx",
                packages: &["@mdx-js/mdx", "@mdx-js/rollup"],
                source: include_str!("drivers/mdx.js"),
                place: Place::EngineThenNode,
            },
            Self::Postcss => Driver {
                name: "postcss",
                // The others have it among their own dependencies.
                packages: &["@tailwindcss/postcss", "vite", "postcss"],
                source: with_sheet_files!("postcss"),
                place: Place::Node,
            },
            Self::Sass => Driver {
                name: "sass",
                packages: &["sass-embedded", "sass"],
                source: with_sheet_files!("sass"),
                place: Place::NodeOrEngine,
            },
            Self::Solid => Driver {
                name: "solid",
                packages: &["babel-preset-solid", "vite-plugin-solid"],
                source: include_str!("drivers/solid.js"),
                place: Place::NodeOrEngine,
            },
            Self::Svelte => Driver {
                name: "svelte",
                packages: &["svelte"],
                source: include_str!("drivers/svelte.js"),
                place: Place::EngineThenNode,
            },
            Self::Svgr => Driver {
                name: "svgr",
                packages: &["@svgr/core", "vite-plugin-svgr"],
                source: include_str!("drivers/svgr.js"),
                place: Place::NodeOrEngine,
            },
            Self::Tailwind => Driver {
                name: "tailwind",
                packages: &["tailwindcss"],
                source: include_str!("drivers/tailwind.js"),
                place: Place::NodeOrEngine,
            },
            Self::Vue => Driver {
                name: "vue",
                packages: &["vue"],
                source: include_str!("drivers/vue.js"),
                place: Place::Engine,
            },
            Self::VueJsx => Driver {
                name: "vue-jsx",
                packages: &["@vitejs/plugin-vue-jsx"],
                source: include_str!("drivers/vue_jsx.js"),
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
