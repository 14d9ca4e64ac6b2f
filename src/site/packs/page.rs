//! Decides whether a page gets packs.

use std::sync::Arc;

use super::{is_script, state::Entries};
use crate::{
    docroot::Content,
    esm::{self, DiskView, Packs},
    files::{FileRequest, Lookup, ServedFile},
    http::url_path::UrlPath,
    site::Site,
};

/// The number of imports up to which a request for each module is about as fast as packs. Measured
/// with modules of 2 KB in Chromium: a reload of 10 takes 93 ms one by one and 96 in packs, of 20 it
/// takes 112 and 99, of 120 it takes 278 and 96.
const FEW: usize = 20;

impl Site {
    /// Returns the URL paths of the module scripts of a page, or `None` if the page gets no packs:
    /// its modules may be imported from elsewhere, too, or are few.
    pub(super) async fn entries(&self, page: &str, host: &str, disk: &Arc<DiskView>) -> Entries {
        let version = self.live.hub().version();
        let ServedFile { content: Content::Memory(html), content_hash, .. } =
            self.find_page(page).await?
        else {
            return None;
        };
        let key = (page.to_owned(), content_hash);
        if let Some(known) = self.packs.entries(&key, version) {
            return known;
        }
        let entries = match module_scripts(page, &html) {
            Some(entries) if self.packs.mode() == Packs::Always => Some(entries),
            Some(entries) if self.has_more_modules(&entries, FEW, host, disk).await => {
                Some(entries)
            }
            _ => None,
        };
        let entries = entries.map(Arc::new);
        self.packs.keep_entries(key, version, entries.clone());
        entries
    }

    /// Finds the file of a page. That of a backend has none.
    async fn find_page(&self, page: &str) -> Option<ServedFile> {
        let url = UrlPath::parse(page).ok()?;
        if self.proxy.route(page).is_some() {
            return None;
        }
        let request = FileRequest {
            page: true,
            navigation: true,
            content_only: true,
            ..FileRequest::default()
        };
        match self.find_in_project(&url, request).await {
            Lookup::File(_, file) => Some(file),
            _ => None,
        }
    }
}

/// Returns the URL paths of the module scripts of a page at a path, if all that are of this server
/// are scripts without a query, and nothing else in the page imports modules.
fn module_scripts(page: &str, html: &[u8]) -> Option<Vec<String>> {
    let is_local = |source: &&String| !source.contains("://") && !source.starts_with("//");
    let sources = esm::module_scripts(str::from_utf8(html).ok()?)?;
    let paths = sources.iter().filter(is_local).map(|source| {
        let path = UrlPath::parse(&esm::resolve_url(source, page)).ok()?.to_string();
        (is_script(&path) && !source.contains(['?', '#'])).then_some(path)
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::module_scripts;

    #[test]
    fn module_scripts_are_resolved_in_their_page() {
        for (scripts, expected) in [
            (&["main.ts", "./a.js", "/b.tsx"][..], Some("/app/main.ts /app/a.js /b.tsx")),
            (&["../c%20d.js", "https://example.org/x.js", "//example.org/y.js"], Some("/c%20d.js")),
            (&["a.js?v=1"], None),
            (&["a.css"], None),
            (&[], Some("")),
        ] {
            let scripts =
                scripts.iter().map(|src| format!("<script type=module src={src}></script>"));
            let html = format!("<!-- module -->{}", scripts.collect::<String>());
            let paths = module_scripts("/app/page", html.as_bytes());
            assert_eq!(paths.map(|paths| paths.join(" ")).as_deref(), expected, "{html}");
        }
    }
}
