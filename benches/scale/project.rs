//! A project of one's own, of which each server gets a copy.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    edit::Edit,
    rival::Kind,
    servers::{Folder, Result},
    visit::{Painted, Visit},
};

/// A project to measure beside its Vite.
pub(crate) struct Project {
    folder: PathBuf,
    pub(crate) edits: Vec<Edit>,
    pub(crate) visit: Visit,
}

impl Project {
    pub(crate) fn new(folder: &str) -> Result<Self> {
        let folder = fs::canonicalize(folder)?;
        let visit = Visit::root(Painted::Largest { texts: Vec::new() });
        Ok(Self { folder, edits: Vec::new(), visit })
    }

    /// Adds an edit, if it can be made.
    ///
    /// # Errors
    /// The file cannot be read, or does not contain what is edited.
    pub(crate) fn add(&mut self, edit: Edit) -> Result<()> {
        let file = self.folder.join(&edit.file);
        let original = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        edit.content(&original, 0)?;
        if let Painted::Largest { texts } = &mut self.visit.painted {
            texts.extend(edit.text().map(str::to_owned));
        }
        self.edits.push(edit);
        Ok(())
    }

    pub(crate) fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Copies the project for a server, beside it, so that relative paths lead where they led.
    pub(crate) fn copy(&self, kind: Kind) -> Result<Folder> {
        let parent = self.folder.parent().ok_or("the root is no project")?;
        let to = Folder::below(parent, &format!("{}-{kind:?}", self.name()))?;
        copy(&self.folder, to.path())?;
        Ok(to)
    }
}

/// Copies the contents of a folder. `node_modules` folders are [linked](link).
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
        } else if kind.is_dir() && entry.file_name() == "node_modules" {
            link(&from, &to)?;
        } else if kind.is_dir() {
            fs::create_dir(&to)?;
            copy(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

/// Links the files of a folder and its subfolders, so that each project has a `node_modules` of its
/// own as npm installs it. Servers find packages behind a symbolic link outside of the project, and
/// share their caches there. Reads each file, so that no server is the first to read it.
pub(crate) fn link(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            link(&from, &to)?;
        } else if kind.is_symlink() {
            // Those of `.bin`, which are relative.
            std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
        } else {
            fs::hard_link(&from, to)?;
            io::copy(&mut fs::File::open(from)?, &mut io::sink())?;
        }
    }
    Ok(())
}
