//! Finds an editor among the running processes of the user.

use std::path::{Path, PathBuf};

use super::{
    command::{program_name, without_deletion},
    known::{KNOWN, Known},
};

/// An editor that is running.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) known: &'static Known,
    /// Its programs, by preference: the command on the `PATH`, and the file that is running.
    pub(super) programs: Vec<PathBuf>,
}

/// Returns the first known editor that the user has running.
///
/// # Blocking
/// Lists the processes of the system.
pub(super) fn running() -> Option<Running> {
    choose(&processes())
}

/// Returns the first known editor among the files that processes run.
fn choose(processes: &[PathBuf]) -> Option<Running> {
    KNOWN.iter().find_map(|known| processes.iter().find_map(|process| matches(known, process)))
}

/// Returns an editor if this is the file of one of its processes.
fn matches(known: &'static Known, process: &Path) -> Option<Running> {
    if let Some((bundle, command)) = known.bundle
        && let Some(folder) = process.ancestors().find(|folder| folder.ends_with(bundle))
    {
        let programs = vec![folder.join(command), known.names[0].into()];
        return Some(Running { known, programs });
    }
    let name = program_name(process);
    // On macOS, programs in bundles have other arguments than commands.
    if cfg!(target_os = "macos") || !known.names.contains(&name.as_str()) {
        return None;
    }
    Some(Running { known, programs: vec![known.names[0].into(), process.to_owned()] })
}

/// Returns the files that the user's processes run. Those of other users cannot be read.
#[cfg(target_os = "linux")]
fn processes() -> Vec<PathBuf> {
    let is_number = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let folders = entries.filter(|entry| is_number(&entry.file_name())).map(|entry| entry.path());
    folders
        .filter_map(|folder| {
            let file = without_deletion(std::fs::read_link(folder.join("exe")).ok()?);
            // A script runs in an interpreter, and has its own name.
            let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
            let name = Path::new(name.trim_end());
            let is_script = name.extension().is_some_and(|extension| extension == "sh");
            Some(if is_script { name.to_owned() } else { file })
        })
        .collect()
}

/// Returns the files that the user's processes run.
#[cfg(target_os = "macos")]
fn processes() -> Vec<PathBuf> {
    let listed = std::process::Command::new("/bin/ps").args(["-x", "-o", "comm="]).output();
    let text = listed.map(|output| output.stdout).unwrap_or_default();
    let paths = String::from_utf8_lossy(&text);
    paths.lines().map(|line| without_deletion(line.trim().into())).collect()
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn processes() -> Vec<PathBuf> {
    let _ = without_deletion;
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::choose;

    #[test]
    fn the_first_known_editor_is_chosen() {
        let programs = |processes: &[&str]| {
            let processes: Vec<PathBuf> = processes.iter().map(PathBuf::from).collect();
            let found = choose(&processes)?;
            let programs = found.programs.iter().map(|path| path.display().to_string());
            Some(programs.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(programs(&["/usr/bin/bash", "/usr/bin/vim", "/usr/bin/encode"]), None);
        #[cfg(not(target_os = "macos"))]
        for (processes, wanted) in [
            (&["/usr/share/code/code"][..], "code /usr/share/code/code"),
            (&["/bin/x", "/opt/zed.app/libexec/zed-editor"], "zed /opt/zed.app/libexec/zed-editor"),
            (&["/opt/sublime_text/sublime_text", "/tmp/code"], "code /tmp/code"),
            (&["webstorm.sh"], "webstorm webstorm.sh"),
        ] {
            assert_eq!(programs(processes).as_deref(), Some(wanted), "{processes:?}");
        }
        let bundle = "/Users/a/Applications/Visual Studio Code.app";
        let process = format!("{bundle}/Contents/MacOS/Electron");
        let wanted = format!("{bundle}/Contents/Resources/app/bin/code code");
        assert_eq!(programs(&[&process]).unwrap(), wanted);
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn the_processes_of_the_user_are_listed() {
        let own = std::env::current_exe().unwrap();
        let own: &Path = &own;
        assert!(super::processes().iter().any(|process| process == own), "{}", own.display());
    }
}
