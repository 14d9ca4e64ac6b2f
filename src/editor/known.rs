//! Editors that open a window: their commands, and how these take a place.

/// An editor that opens a window, or a family of editors with the same arguments.
#[derive(Debug)]
pub(super) struct Known {
    /// Its command, and other names of the command or of its process.
    pub(super) names: &'static [&'static str],
    /// Its bundle on macOS, and the command in it.
    pub(super) bundle: Option<(&'static str, &'static str)>,
    /// The arguments, with placeholders.
    pub(super) arguments: &'static [&'static str],
}

/// Opens a place in the window that is open already.
const VS_CODE: &[&str] = &["-r", "-g", "{file}:{line}:{column}"];
const COLONS: &[&str] = &["{file}:{line}:{column}"];
const JET_BRAINS: &[&str] = &["--line", "{line}", "--column", "{column}", "{file}"];

/// The command in the bundles of VS Code and its relatives.
macro_rules! in_vs_code {
    ($name:literal) => {
        concat!("Contents/Resources/app/bin/", $name)
    };
}

/// All known editors. If several are running, the first of them is used.
pub(super) const KNOWN: &[Known] = &[
    vs_code(&["code", "Code"], ("Visual Studio Code.app", in_vs_code!("code"))),
    vs_code(
        &["code-insiders", "Code - Insiders"],
        ("Visual Studio Code - Insiders.app", in_vs_code!("code")),
    ),
    vs_code(&["cursor", "Cursor"], ("Cursor.app", in_vs_code!("cursor"))),
    vs_code(&["windsurf", "Windsurf"], ("Windsurf.app", in_vs_code!("windsurf"))),
    vs_code(&["codium", "vscodium", "VSCodium"], ("VSCodium.app", in_vs_code!("codium"))),
    vs_code(&["antigravity"], ("Antigravity.app", in_vs_code!("antigravity"))),
    vs_code(&["kiro"], ("Kiro.app", in_vs_code!("code"))),
    vs_code(&["trae"], ("Trae.app", in_vs_code!("trae"))),
    vs_code(&["positron"], ("Positron.app", in_vs_code!("positron"))),
    Known {
        names: &["zed", "zeditor", "zed-editor"],
        bundle: Some(("Zed.app", "Contents/MacOS/cli")),
        arguments: COLONS,
    },
    Known {
        names: &["subl", "sublime_text"],
        bundle: Some(("Sublime Text.app", "Contents/SharedSupport/bin/subl")),
        arguments: COLONS,
    },
    jet_brains(&["webstorm", "webstorm64"], ("WebStorm.app", "Contents/MacOS/webstorm")),
    jet_brains(&["idea", "idea64"], ("IntelliJ IDEA.app", "Contents/MacOS/idea")),
    jet_brains(&["phpstorm", "phpstorm64"], ("PhpStorm.app", "Contents/MacOS/phpstorm")),
    jet_brains(&["pycharm", "pycharm64"], ("PyCharm.app", "Contents/MacOS/pycharm")),
    jet_brains(&["rubymine", "rubymine64"], ("RubyMine.app", "Contents/MacOS/rubymine")),
    jet_brains(&["goland", "goland64"], ("GoLand.app", "Contents/MacOS/goland")),
    jet_brains(&["rider", "rider64"], ("Rider.app", "Contents/MacOS/rider")),
    jet_brains(&["rustrover", "rustrover64"], ("RustRover.app", "Contents/MacOS/rustrover")),
    jet_brains(&["clion", "clion64"], ("CLion.app", "Contents/MacOS/clion")),
    Known { names: &["lapce"], bundle: None, arguments: COLONS },
    Known { names: &["geany"], bundle: None, arguments: COLONS },
    Known {
        names: &["kate"],
        bundle: None,
        arguments: &["-l", "{line}", "-c", "{column}", "{file}"],
    },
    Known { names: &["gedit"], bundle: None, arguments: &["+{line}:{column}", "{file}"] },
    Known {
        names: &["mate"],
        bundle: Some(("TextMate.app", "Contents/MacOS/mate")),
        arguments: &["-l", "{line}:{column}", "{file}"],
    },
    Known {
        names: &["bbedit"],
        bundle: Some(("BBEdit.app", "Contents/Helpers/bbedit_tool")),
        arguments: &["+{line}:{column}", "{file}"],
    },
    Known { names: &["notepad++"], bundle: None, arguments: &["-n{line}", "-c{column}", "{file}"] },
    Known {
        names: &["gvim", "mvim"],
        bundle: None,
        arguments: &["+call cursor({line}, {column})", "{file}"],
    },
    // Opens the file in the window of an Emacs that is running.
    Known {
        names: &["emacsclient"],
        bundle: None,
        arguments: &["-n", "+{line}:{column}", "{file}"],
    },
    Known { names: &["emacs"], bundle: None, arguments: &["+{line}:{column}", "{file}"] },
];

/// Editors that need a terminal: the server's is in use.
const TERMINAL: &[&str] =
    &["ed", "helix", "hx", "joe", "kak", "mcedit", "micro", "nano", "ne", "nvim", "vi", "vim"];

const fn vs_code(names: &'static [&'static str], bundle: (&'static str, &'static str)) -> Known {
    Known { names, bundle: Some(bundle), arguments: VS_CODE }
}

const fn jet_brains(names: &'static [&'static str], bundle: (&'static str, &'static str)) -> Known {
    Known { names, bundle: Some(bundle), arguments: JET_BRAINS }
}

/// Returns the editor with a command or process of this name.
pub(super) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.names.contains(&name))
}

/// Returns whether an editor of this name needs a terminal.
pub(super) fn is_terminal(name: &str) -> bool {
    TERMINAL.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{KNOWN, TERMINAL};

    #[test]
    fn each_name_is_of_one_editor_and_each_editor_gets_the_file() {
        let mut seen = HashSet::new();
        for known in KNOWN {
            for name in known.names {
                assert!(seen.insert(*name), "{name}");
                assert!(!TERMINAL.contains(name), "{name}");
            }
            let files = known.arguments.iter().filter(|word| word.contains("{file}")).count();
            assert_eq!(files, 1, "{known:?}");
        }
    }
}
