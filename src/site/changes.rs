//! Answers what the live-reload core asks about changes of the served files.

use std::{future::Future, pin::Pin, sync::Arc, time::SystemTime};

use crate::{
    change::ChangeSet,
    docroot::{Located, Root},
    files,
    http::url_path::UrlPath,
    live::ChangeSource,
    watch::{self, Watch},
};

/// The served folders and their watch.
pub(crate) struct FileChanges {
    pub(crate) root: Arc<Root>,
    pub(crate) watch: Arc<Watch>,
}

impl ChangeSource for FileChanges {
    fn until_settled(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> {
        if self.watch.is_settled() {
            return None;
        }
        Some(Box::pin(self.watch.until_settled()))
    }

    fn changed_since(&self, paths: &[String], since: SystemTime) -> ChangeSet {
        let files: Vec<_> = paths
            .iter()
            .filter_map(|path| UrlPath::parse(path).ok())
            .filter_map(|url| match self.root.locate(&url) {
                Located::File(file) => Some(file.path),
                Located::Missing(path) => {
                    let page = url.with_suffix(files::PAGE).map(|page| self.root.locate(&page));
                    if let Some(Located::File(page)) = page { Some(page.path) } else { path }
                }
                Located::Directory(folder) => {
                    let index = folder.path.join(files::INDEX);
                    Some(if index.exists() { index } else { folder.path })
                }
                _ => None,
            })
            .collect();
        // Before the comparison: a change in between may be reported twice, but is not missed.
        for file in &files {
            self.watch.note_current(file);
        }
        watch::changed_since(&self.root, files, since)
    }
}
