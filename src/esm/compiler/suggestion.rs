//! Suggestions for misspelled file names in import specifiers ("did you mean ...?").

use std::path::Path;

use super::project::Project;

/// Returns a relative specifier with a similar name that exists, if there is one.
///
/// File names are compared without their extensions, and may differ in up to a third of their
/// characters, two at most.
pub(super) fn similar_file(project: &dyn Project, from: &Path, specifier: &str) -> Option<String> {
    let (folder, name) = specifier.rsplit_once('/')?;
    if name.is_empty() || !specifier.starts_with('.') {
        return None;
    }
    let names = project.names(&from.parent()?.join(folder));
    let stem =
        |name: &str| name.split_once('.').map_or(name, |(stem, _)| stem).to_ascii_lowercase();
    let missing = stem(name);
    let (_, _, best) = names
        .iter()
        .map(|found| (strsim::levenshtein(&missing, &stem(found)), found != name, found))
        .filter(|(distance, ..)| *distance <= (missing.chars().count() / 3).min(2))
        .min()?;
    Some(format!("{folder}/{best}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::similar_file;
    use crate::esm::compiler::tests::FakeProject;

    #[test]
    fn only_small_differences_are_suggested() {
        for (specifier, expected) in [
            ("./plan.js", Some("./plain.js")),
            ("./App.tsx", Some("./App.jsx")),
            ("./zzz", None),
            ("./Ap", None),
            ("/plan.js", None),
            ("plan/plan.js", None),
        ] {
            let from = Path::new("/web/src/main.ts");
            let found = similar_file(&FakeProject::default(), from, specifier);
            assert_eq!(found.as_deref(), expected, "{specifier}");
        }
    }
}
