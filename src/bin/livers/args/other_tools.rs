//! Options of other development servers, and what livers has instead.

/// Names of options, and what to do.
const TABLE: &[(&[&str], &str)] = &[
    (&["--no-browser", "--no-open"], "leave it out, since livers opens a browser only with --open"),
    (&["--browser"], "write --open, which opens the default browser"),
    (&["--start-path", "--open-page", "--open-path", "--open-file"], "write --open=/PATH"),
    (
        &["--entry-file", "--single", "--fallback", "--history-api-fallback", "--not-found"],
        "write --spa=FILE",
    ),
    (
        &[
            "--https",
            "--ssl",
            "--tls",
            "--cert",
            "--key",
            "--ssl-cert",
            "--ssl-key",
            "--https-module",
            "-S",
            "-C",
            "-K",
        ],
        "leave it out, since livers has no HTTPS and browsers treat http://localhost as secure",
    ),
    (
        &["--files", "--watch-dir", "--watch-path", "--serve-static", "-w"],
        "write --watch PATH, or nothing for the served folder, which is always watched",
    ),
    (
        &["--wait", "--delay", "--debounce", "--reload-delay", "--reload-debounce"],
        "leave it out, since livers knows when a save is complete",
    ),
    (&["--hard", "--no-css-inject", "--full-reload"], "write --html reload to reload each page"),
    (
        &["--hot", "--hmr", "--live", "--live-reload", "--livereload", "--reload-on-save"],
        "leave it out, since livers always updates the page",
    ),
    (&["--listen", "-l"], "write --port PORT, and --host HOST for another address"),
    (&["--bind", "--address", "--addr", "--hostname", "-a", "-b", "-H"], "write --host HOST"),
    (
        &[
            "--directory",
            "--dir",
            "--root",
            "--folder",
            "--path",
            "--base-dir",
            "--server",
            "--serve",
            "--public",
            "--content-base",
            "--cwd",
            "-d",
        ],
        "write the folder alone, like livers ./site",
    ),
    (&["--silent", "--log-level", "--logger", "-s"], "write --quiet or --verbose"),
    (&["--debug"], "write --verbose"),
    (&["--symlinks"], "write --follow-symlinks"),
    (&["--no-port-switching", "--exact-port"], "write --strict-port"),
    (&["--no-dotfiles"], "leave it out, since files with a dot are served only with --dotfiles"),
    (
        &["--gzip", "--brotli", "--compress", "--no-compression", "-g"],
        "leave it out: app.js.gz or app.js.br beside app.js is sent to browsers that accept it",
    ),
    (
        &["--cache", "--no-cache", "--cache-control", "-c"],
        "leave it out, since browsers check each file before they use a cached copy",
    ),
    (&["--ignore-pattern", "--exclude", "--ignored", "-i"], "write --ignore 'GLOB'"),
    (
        &["--username", "--password", "--htpasswd", "--auth"],
        "leave it out, since only this machine can connect without --host",
    ),
    (&["--middleware", "--plugin", "--plugins"], "write --proxy /PATH=TARGET for what is computed"),
    (&["--config", "--mode", "--force"], "leave it out, since livers needs no configuration"),
    (&["--base"], "write --mount /PATH=. to serve the folder below a path"),
    (&["--ext", "--extensions", "-e"], "leave it out, since /page finds page.html"),
    (&["--color", "--no-color", "--colors", "--no-colors"], "set NO_COLOR=1 to turn colours off"),
    (&["--tunnel", "--online"], "start the tunnel yourself, and write --allowed-host NAME"),
    (&["--no-hot", "--no-reload", "--no-live-reload", "--no-watch"], "write --ignore '*'"),
];

/// Returns what to do instead of an option of another tool, in kebab case.
pub(super) fn remedy(option: &str) -> Option<&'static str> {
    TABLE.iter().find(|(names, _)| names.contains(&option)).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::TABLE;
    use crate::args::cli::Cli;

    #[test]
    fn options_of_other_tools_are_none_of_livers_own() {
        let command = Cli::command();
        let own: Vec<_> = command
            .get_arguments()
            .flat_map(|arg| {
                let short = arg.get_short().map(|short| format!("-{short}"));
                short.into_iter().chain(arg.get_long().map(|long| format!("--{long}")))
            })
            .collect();
        let mut names: Vec<_> = TABLE.iter().flat_map(|(names, _)| *names).collect();
        assert!(names.iter().all(|name| !own.iter().any(|own| own == *name)));
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a name is in two rows");
    }
}
