//! The folder with the servers' files.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Returns the path of the folder, which may not exist.
#[cfg(unix)]
pub(super) fn path() -> PathBuf {
    let user = user();
    // Shells that were not started by a login lack the variable.
    let system = || PathBuf::from(format!("/run/user/{user}"));
    let named = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = named.filter(|path| path.is_absolute()).unwrap_or_else(system);
    if runtime.is_dir() {
        runtime.join("livers")
    } else {
        env::temp_dir().join(format!("livers-{user}"))
    }
}

/// Returns the path of the folder. The temporary folder is one of the user.
#[cfg(not(unix))]
pub(super) fn path() -> PathBuf {
    env::temp_dir().join("livers")
}

/// Creates the folder, unless it exists.
///
/// # Errors
/// It cannot be created, or something else is in its place: another user could have put it there.
pub(super) fn create(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => check(folder),
    }
}

/// Checks that only this user can use the folder.
///
/// # Errors
/// It is a link or a file, or other users can use it.
#[cfg(unix)]
pub(super) fn check(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::symlink_metadata(folder)?;
    let rights_of_others = found.mode() & 0o077;
    if found.is_dir() && found.uid() == user() && rights_of_others == 0 {
        return Ok(());
    }
    let why = format!("{} is not a folder that only this user can use", folder.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

#[cfg(not(unix))]
pub(super) fn check(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::{check, create};

    #[test]
    fn only_a_folder_of_this_user_alone_is_used() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("livers");
        create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        create(&path).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o750)).unwrap();
        assert!(create(&path).is_err() && check(&path).is_err());
        fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();

        // Only root can give a folder away.
        if super::user() == 0 {
            std::os::unix::fs::chown(&path, Some(1), None).unwrap();
            assert!(create(&path).is_err() && check(&path).is_err(), "of another user");
            std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        }

        let link = top.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let file = top.path().join("file");
        fs::write(&file, "").unwrap();
        for other in [link, file] {
            assert!(create(&other).is_err(), "{}", other.display());
        }
    }
}
