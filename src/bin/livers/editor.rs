//! Which editor to open, from the environment.

use livers::Config;

/// Adds the editors that the environment names. `variable` returns the value of a variable.
pub(crate) fn configure(config: Config, variable: impl Fn(&str) -> Option<String>) -> Config {
    Config {
        editor: variable("LIVERS_EDITOR").or(config.editor),
        editors: ["VISUAL", "EDITOR"].into_iter().filter_map(variable).collect(),
        ..config
    }
}

#[cfg(test)]
mod tests {
    use livers::Config;

    use super::configure;

    #[test]
    fn the_variables_are_tried_in_this_order() {
        let config = configure(Config::default(), |name| Some(name.to_lowercase()));
        assert_eq!(config.editor.as_deref(), Some("livers_editor"));
        assert_eq!(config.editors, ["visual", "editor"]);
        let config = configure(Config::default(), |name| (name == "EDITOR").then(|| "vi".into()));
        assert_eq!((config.editor, config.editors), (None, vec!["vi".to_owned()]));
    }
}
