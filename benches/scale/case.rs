//! Generates React projects with the shape of the cases react-1k, react-5k and react-10k of
//! rstackjs/build-tools-performance: a tree of folders with components.
//!
//! Component `fN` of a folder renders the components of the folder `dN` beside it; the last one
//! renders those of each further folder as well. Every component imports React, an icon of its own
//! and the component `Icon`; those without children render the icon. The page renders the root
//! component `src/f0.jsx`. It imports the others beside that when their routes are visited, which
//! never happens, or renders all of them.

use std::{fs, path::Path};

use crate::servers::Result;

/// A project to generate.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Number of components in `src`, and of folders there.
    top: [usize; 2],
    /// Number of components in each folder below `src/d0`.
    first: usize,
    /// Number of components in each folder below the others. There is one more folder than that.
    others: usize,
    /// Number of levels of folders below `src`.
    levels: usize,
    /// Whether the page renders all components.
    renders_all: bool,
}

pub(crate) const CASES: [Case; 5] = [
    Case { name: "1k", top: [5, 5], first: 9, others: 4, levels: 3, renders_all: false },
    Case { name: "5k", top: [8, 8], first: 4, others: 4, levels: 4, renders_all: false },
    Case { name: "10k", top: [9, 10], first: 9, others: 9, levels: 3, renders_all: false },
    Case { name: "5k-all", top: [8, 8], first: 4, others: 4, levels: 4, renders_all: true },
    Case { name: "10k-all", top: [9, 10], first: 9, others: 9, levels: 3, renders_all: true },
];

/// The component at the root of the tree.
pub(crate) const ROOT: &str = "src/f0.jsx";

/// How many components there are, and how many of them have no children.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) components: usize,
    pub(crate) leaves: usize,
}

/// What was generated.
pub(crate) struct Project {
    pub(crate) all: Count,
    pub(crate) rendered: Count,
}

impl Case {
    /// Returns the path of a component without children.
    pub(crate) fn leaf(&self) -> String {
        format!("src/{}f0.jsx", "d0/".repeat(self.levels))
    }

    /// Writes the project into a folder that has a `node_modules`, in place of the project there.
    pub(crate) fn write(&self, folder: &Path) -> Result<Project> {
        let src = folder.join("src");
        if src.exists() {
            fs::remove_dir_all(&src)?;
        }
        fs::create_dir(&src)?;
        for (name, content) in FILES {
            fs::write(folder.join(name), content)?;
        }
        fs::write(src.join("index.css"), "")?;
        fs::write(src.join("index.jsx"), self.index())?;
        let mut icons = Icons::of(folder)?;
        let [entries, folders] = self.top;
        let mut counts = Vec::new();
        for entry in 0..entries {
            let files = if entry == 0 { self.first } else { self.others };
            let last = if entry + 1 == entries { folders } else { entry + 1 };
            write_component(&src, entry, &children(entry..last, files), &mut icons)?;
            let mut count = Count { components: 1, leaves: 0 };
            for below in entry..last {
                let path = src.join(format!("d{below}"));
                write_folder(&path, files, self.levels - 1, &mut icons, &mut count)?;
            }
            counts.push(count);
        }
        let sum = |counts: &[Count]| Count {
            components: counts.iter().map(|count| count.components).sum(),
            leaves: counts.iter().map(|count| count.leaves).sum(),
        };
        let rendered = if self.renders_all { sum(&counts) } else { counts[0] };
        Ok(Project { all: sum(&counts), rendered })
    }

    fn index(&self) -> String {
        let others = 1..self.top[0];
        let lines = |line: &dyn Fn(usize) -> String| others.clone().map(line).collect::<String>();
        let (imports, elements) = if self.renders_all {
            let imports = lines(&|n| format!("import App{n} from './f{n}';\n"));
            (imports, lines(&|n| format!("      <App{n} />\n")))
        } else {
            let imports =
                lines(&|n| format!("const App{n} = React.lazy(() => import('./f{n}'));\n"));
            let routes =
                lines(&|n| format!("          <Route path=\"/f{n}\" element={{<App{n} />}} />\n"));
            let elements = format!(
                "      <React.Suspense fallback={{<p>Loading</p>}}>\n        \
                 <Routes>\n{routes}        </Routes>\n      </React.Suspense>\n"
            );
            (imports, elements)
        };
        format!(
            "import React from 'react';
import ReactDom from 'react-dom/client';
import {{ BrowserRouter, Routes, Route }} from 'react-router-dom';
import App0 from './f0';
import './index.css';
{imports}
ReactDom.createRoot(document.getElementById('root')).render(
  <React.StrictMode>
    <BrowserRouter>
      <App0 />
{elements}    </BrowserRouter>
  </React.StrictMode>,
);
"
        )
    }
}

/// The files besides `src`.
const FILES: [(&str, &str); 4] = [
    (
        "index.html",
        "<!DOCTYPE html>
<html lang=\"en\">
  <head>
    <meta charset=\"UTF-8\" />
    <title>Document</title>
  </head>
  <body>
    <div id=\"root\"></div>
    <script type=\"module\" src=\"./src/index.jsx\"></script>
  </body>
</html>
",
    ),
    (
        "package.json",
        "{ \"name\": \"scale\", \"private\": true, \"browserslist\": \"Chrome >= 93\" }\n",
    ),
    // Vite would bundle the icons one by one, which takes much longer.
    (
        "vite.config.mjs",
        "import { defineConfig } from 'vite';
import react from '@vitejs/plugin-react';

export default defineConfig({
  plugins: [react()],
  optimizeDeps: { exclude: ['@iconify-icons/material-symbols'] },
});
",
    ),
    (
        "rsbuild.config.mjs",
        "import { defineConfig } from '@rsbuild/core';
import { pluginReact } from '@rsbuild/plugin-react';

export default defineConfig({
  plugins: [pluginReact()],
  performance: { buildCache: true },
});
",
    ),
];

/// The names of the installed icons, each of which is used once.
struct Icons(std::vec::IntoIter<String>);

impl Icons {
    fn of(folder: &Path) -> Result<Self> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.join("node_modules/@iconify-icons/material-symbols"))? {
            let name = entry?.file_name();
            names.extend(name.to_string_lossy().strip_suffix(".js").map(str::to_owned));
        }
        names.sort_unstable();
        // Neighbours are variants of one icon.
        let spread = (0..7).flat_map(|rest| names.iter().skip(rest).step_by(7).cloned());
        Ok(Self(spread.collect::<Vec<_>>().into_iter()))
    }
}

/// Returns the paths of the components of folders, relative to the folder that has these.
fn children(folders: std::ops::Range<usize>, files: usize) -> Vec<String> {
    folders
        .flat_map(|folder| (0..files).map(move |file| format!("./d{folder}/f{file}.jsx")))
        .collect()
}

/// Writes a folder of so many components, and the levels of folders below it.
fn write_folder(
    folder: &Path,
    files: usize,
    levels: usize,
    icons: &mut Icons,
    count: &mut Count,
) -> Result<()> {
    fs::create_dir(folder)?;
    count.components += files;
    if levels == 0 {
        count.leaves += files;
        return (0..files).try_for_each(|file| write_component(folder, file, &[], icons));
    }
    for file in 0..files {
        // There is one folder more than components.
        let last = if file + 1 == files { files + 1 } else { file + 1 };
        write_component(folder, file, &children(file..last, files), icons)?;
    }
    (0..=files).try_for_each(|below| {
        write_folder(&folder.join(format!("d{below}")), files, levels - 1, icons, count)
    })
}

fn write_component(
    folder: &Path,
    file: usize,
    children: &[String],
    icons: &mut Icons,
) -> Result<()> {
    let icon = icons.0.next().ok_or("there are too few icons")?;
    let lines = |line: &dyn Fn(usize, &String) -> String| {
        children.iter().enumerate().map(|(n, path)| line(n, path)).collect::<String>()
    };
    let imports = lines(&|n, path| format!("import C{n} from '{path}';\n"));
    let content = match children {
        [] => "      <Icon icon={I} />\n".to_owned(),
        _ => lines(&|n, _| format!("      <C{n} />\n")),
    };
    let component = format!(
        "import React from 'react';
import I from '@iconify-icons/material-symbols/{icon}.js';
import {{ Icon }} from '@iconify/react/dist/offline';
{imports}
function Component() {{
  return (
    <div className=\"\">
{content}    </div>
  );
}}

export default Component;
"
    );
    Ok(fs::write(folder.join(format!("f{file}.jsx")), component)?)
}
