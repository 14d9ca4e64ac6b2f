//! What the repository promises to tools that read it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// `cargo install --git` reads every manifest of a repository, and fails if more than one package
/// has binaries.
#[test]
fn one_package_of_the_repository_has_binaries() {
    let mut manifests = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), &mut manifests);
    assert!(manifests.len() > 1, "{manifests:?}");
    let with_binaries = manifests.iter().flat_map(|manifest| {
        let metadata = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
            .arg("--manifest-path")
            .arg(manifest)
            .output()
            .expect("cargo metadata");
        let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
        let packages = metadata["packages"].as_array().cloned().expect("packages");
        packages.into_iter().filter(has_binaries).map(|package| package["name"].clone())
    });
    assert_eq!(with_binaries.collect::<Vec<_>>(), ["livers"]);
}

fn has_binaries(package: &Value) -> bool {
    let mut targets = package["targets"].as_array().into_iter().flatten();
    targets
        .any(|target| target["kind"].as_array().is_some_and(|kinds| kinds.contains(&"bin".into())))
}

/// Collects the manifests of a folder, from the folders in which cargo looks for them.
fn collect(folder: &Path, manifests: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if name == "Cargo.toml" {
            manifests.push(path);
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && !name.to_string_lossy().starts_with('.')
            && !["target", "node_modules"].iter().any(|skipped| name == *skipped)
        {
            collect(&path, manifests);
        }
    }
}
