//! The errors of a server as the events that reported them.

use livers::{Errors, Event, PageMessage};

/// Returns the compile errors, and then what the pages reported.
pub(crate) fn events(errors: &Errors) -> Vec<Event> {
    let several = have_several(errors.tabs.iter().map(|tab| &tab.browser));
    let faults = errors.faults.iter().cloned().map(Event::SourceFault);
    let pages = errors.tabs.iter();
    let pages =
        pages.flat_map(|tab| of_page(&tab.page, several.then_some(&tab.browser), &tab.errors));
    faults.chain(pages).collect()
}

/// Returns what a page reported.
pub(crate) fn of_page<'e>(
    page: &'e str,
    browser: Option<&'e String>,
    errors: &'e [PageMessage],
) -> impl Iterator<Item = Event> + 'e {
    errors.iter().map(move |message| Event::PageMessage {
        page: page.to_owned(),
        browser: browser.cloned(),
        message: message.clone(),
    })
}

/// Returns whether the tabs are of more than one browser.
pub(crate) fn have_several<'b>(mut browsers: impl Iterator<Item = &'b String>) -> bool {
    let first = browsers.next();
    browsers.any(|browser| Some(browser) != first)
}
