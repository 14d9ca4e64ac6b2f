use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{Hub, Reload, User};
use crate::{
    change::{Change, ChangeSet, Kind::*},
    fault::Fault,
    live::reload::{
        graph::SWEEP,
        log::LIMIT,
        message::Hello,
        tab_handle::{Missed, TabHandle},
        tab_record::ClientInfo,
        tabs::CLOSED,
    },
};

fn publish(hub: &Hub, paths: &[&str]) -> usize {
    let changes = paths.iter().map(|path| Change { path: (*path).into(), kind: Modified });
    hub.publish(&changes.collect()).1
}

fn paths(tab: &TabHandle) -> Vec<String> {
    updated(tab).unwrap_or_default().1.into_iter().map(|change| change.path).collect()
}

fn updated(tab: &TabHandle) -> Option<(u64, Vec<Change>)> {
    tab.take().update()
}

fn failed(tab: &TabHandle) -> Option<Vec<Fault>> {
    tab.take().faults()
}

fn hello(hub: &Hub, page: &str, uses: &[&str], version: u64) -> Hello {
    Hello {
        page: page.into(),
        uses: Some(uses.iter().map(|path| (*path).into()).collect()),
        boot: Some(hub.boot().into()),
        version: Some(version),
        served: None,
        age: None,
        since: None,
    }
}

fn tab(hub: &Arc<Hub>, page: &str, uses: &[&str]) -> TabHandle {
    let tab = TabHandle::join(Arc::clone(hub), ClientInfo::default());
    let missed = tab.hello(&hello(hub, page, uses, hub.version()), SystemTime::now());
    assert_eq!(missed, Missed::Delivered);
    tab
}

#[test]
fn a_tab_is_notified_of_the_files_that_it_uses() {
    let hub = Hub::new(Reload::Used);
    let one = tab(&hub, "/one.html", &["/css/app.css"]);
    let two = tab(&hub, "/two.html", &["/css/app.css", "/a%20b.png"]);
    hub.observe(&User::Path("/css/app.css".into()), "/css/base.css");

    assert_eq!(publish(&hub, &["/css/base.css"]), 2);
    assert_eq!(
        (paths(&one), paths(&two)),
        (vec!["/css/base.css".into()], vec!["/css/base.css".into()])
    );
    assert_eq!(publish(&hub, &["/one.html", "/css/app.css", "/unused.js"]), 2);
    assert_eq!(paths(&one), ["/css/app.css", "/one.html"]);
    assert_eq!(paths(&two), ["/css/app.css"]);
    assert_eq!(publish(&hub, &["/a%20b.png"]), 1);
    assert_eq!(publish(&hub, &["/unused.js"]), 0);
    assert_eq!(publish(&hub, &[]), 0);
    assert_eq!(publish(&hub, &["templates/a.html"]), 2, "not served, so its users are unknown");
    assert_eq!(hub.version(), 5);
}

#[test]
fn a_tab_without_hello_is_notified_of_everything() {
    let hub = Hub::new(Reload::Used);
    let tool = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
    assert_eq!(publish(&hub, &["/a"]), 1);
    assert_eq!(publish(&hub, &["/b", "/a"]), 1);
    assert_eq!(updated(&tool).map(|(version, changes)| (version, changes.len())), Some((2, 2)));
    assert_eq!(updated(&tool), None);
    tool.hello(&Hello { uses: None, ..hello(&hub, "/", &[], 2) }, SystemTime::now());
    assert_eq!(publish(&hub, &["/c"]), 1, "its uses are too many to report");
    drop(tool);
    assert_eq!((hub.open_tabs(), publish(&hub, &["/a"])), (0, 0));
}

#[test]
fn edges_seen_before_a_document_was_served_do_not_count_for_it() {
    let hub = Hub::new(Reload::Used);
    let sees = |user: &str, used: &str| hub.observe(&User::Path(user.into()), used);
    sees("/", "/w.js");
    sees("/w.js", "/old.js");
    let asleep = tab(&hub, "/", &[]);
    publish(&hub, &["/w.js"]);
    sees("/", "/w.js");
    sees("/w.js", "/new.js");
    let fresh = tab(&hub, "/", &[]);
    for (changed, notified) in [("/old.js", [1, 0]), ("/new.js", [1, 1]), ("/w.js", [1, 1])] {
        let _ = [&asleep, &fresh].map(paths);
        publish(&hub, &[changed]);
        assert_eq!([&asleep, &fresh].map(|tab| paths(tab).len()), notified, "{changed}");
    }
    // A tab that reconnects may report the version of its document, if it is of this run.
    let hello = |served| Hello { served, age: Some(5), ..hello(&hub, "/", &[], hub.version()) };
    let other = |served| Hello { boot: Some("other".into()), ..hello(served) };
    for (hello, notified) in [
        (hello(None), true),
        (hello(Some(0)), true),
        (hello(Some(1)), false),
        (other(Some(1)), true),
    ] {
        let back = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
        back.hello(&hello, SystemTime::now());
        updated(&back);
        publish(&hub, &["/old.js"]);
        assert_eq!(paths(&back).len(), usize::from(notified), "{hello:?}");
    }
}

#[test]
fn edges_of_recently_closed_tabs_are_kept() {
    let hub = Hub::new(Reload::Used);
    publish(&hub, &["/first"]);
    hub.observe(&User::Path("/".into()), "/w.js");
    let asleep = tab(&hub, "/", &[]);
    publish(&hub, &["/second"]);
    drop(asleep);
    let mut names = 0..;
    let mut grow = |edges| {
        for name in names.by_ref().take(edges) {
            hub.observe(&User::Path("/other.html".into()), &format!("/{name}.js"));
        }
    };
    let notified = |changed: &str| {
        let back = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
        let hello = Hello { served: Some(1), age: Some(5), ..hello(&hub, "/", &[], hub.version()) };
        back.hello(&hello, SystemTime::now());
        publish(&hub, &[changed]);
        !paths(&back).is_empty()
    };
    grow(2 * SWEEP);
    assert_eq!([notified("/w.js"), notified("/0.js")], [true, false]);
    for _ in 0..CLOSED {
        drop(tab(&hub, "/other.html", &[]));
    }
    grow(2 * SWEEP);
    assert!(notified("/0.js"), "too many tabs closed since");
}

#[test]
fn a_changed_sheet_uses_nothing_until_it_requests_it_again() {
    for (file, kind, notified) in [
        ("/a.css", Modified, 0),
        ("/a.css", Removed, 0),
        ("/a.js", Modified, 1), // its pages reload, and versions tell old edges from new
        ("/a.js", Removed, 0),
    ] {
        let hub = Hub::new(Reload::Used);
        hub.observe(&User::Path(file.into()), "/part");
        let tab = tab(&hub, "/", &[file]);
        hub.publish(&ChangeSet::from_iter([Change { path: file.into(), kind }]));
        assert_eq!(paths(&tab), [file]);
        assert_eq!(publish(&hub, &["/part"]), notified, "{file} {kind:?}");
        hub.observe(&User::Path(file.into()), "/part");
        assert_eq!(publish(&hub, &["/part"]), 1, "{file} {kind:?}");
    }
    // A part that changes together with the sheet still counts.
    let hub = Hub::new(Reload::Used);
    hub.observe(&User::Path("/a.css".into()), "/part");
    let tab = tab(&hub, "/", &["/a.css"]);
    publish(&hub, &["/a.css", "/part"]);
    assert_eq!(paths(&tab), ["/a.css", "/part"]);
}

#[test]
fn a_page_reports_files_that_it_no_longer_uses() {
    let hub = Hub::new(Reload::Used);
    hub.observe(&User::Path("/".into()), "/b.css");
    let tab = tab(&hub, "/", &["/a.css", "/b.css"]);
    tab.update_uses(&[], &["/b.css".into(), "/".into(), "/unknown".into()]);
    for (changed, notified) in [("/b.css", 0), ("/a.css", 1), ("/", 1)] {
        assert_eq!(publish(&hub, &[changed]), notified, "{changed}");
    }
    tab.update_uses(&["/b.css".into()], &[]);
    assert_eq!(publish(&hub, &["/b.css"]), 1);
    assert_eq!(hub.pages(), [("/".to_owned(), Some(3))]);
}

#[test]
fn shared_workers_and_reload_all_affect_every_tab() {
    let hub = Hub::new(Reload::Used);
    let _tabs = ["/a", "/b"].map(|page| tab(&hub, page, &[]));
    hub.observe(&User::SharedWorker, "/shared.js");
    hub.observe(&User::Path("/shared.js".into()), "/part.js");
    publish(&hub, &["/x"]);
    assert_eq!(publish(&hub, &["/part.js"]), 2);
    assert_eq!(publish(&hub, &["/unused.js"]), 0);

    let hub = Hub::new(Reload::All);
    let _tabs = ["/a", "/b"].map(|page| tab(&hub, page, &[]));
    assert_eq!(publish(&hub, &["/unused.js"]), 2);
}

#[test]
fn missed_changes_are_delivered_once() {
    let hub = Hub::new(Reload::Used);
    publish(&hub, &["/a.css", "/x"]); // 1
    publish(&hub, &["/b.css"]); // 2
    publish(&hub, &["/x"]); // 3
    for (version, wanted) in
        [(0, vec!["/a.css", "/b.css"]), (1, vec!["/b.css"]), (2, vec![]), (9, vec![])]
    {
        let tab = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
        tab.hello(&hello(&hub, "/", &["/a.css", "/b.css"], version), SystemTime::now());
        assert_eq!(paths(&tab), wanted, "from {version}");
    }
    // A change after it joined was delivered at once, and is not repeated after the hello.
    let tab = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
    publish(&hub, &["/a.css"]); // 4
    assert_eq!(paths(&tab), ["/a.css"]);
    tab.hello(&hello(&hub, "/", &["/a.css"], 3), SystemTime::now());
    assert_eq!(paths(&tab), Vec::<String>::new());
    // A pending change is kept if the tab uses the file.
    let tab = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
    publish(&hub, &["/a.css", "/x", "templates/a.html"]); // 5
    tab.hello(&hello(&hub, "/", &["/a.css"], 4), SystemTime::now());
    assert_eq!(paths(&tab), ["/a.css", "templates/a.html"]);
    // A change that affects every tab affects those that missed it.
    let tab = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
    tab.hello(&hello(&hub, "/", &[], 4), SystemTime::now());
    assert_eq!(paths(&tab), ["templates/a.html"]);
}

#[test]
fn a_tab_older_than_the_log_is_reloaded() {
    let hub = Hub::new(Reload::Used);
    for file in 0..=LIMIT {
        publish(&hub, &[&format!("/{file}")]);
    }
    let tab = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
    let mut hello = hello(&hub, "/page", &[], 1);
    tab.hello(&hello, SystemTime::now());
    assert_eq!(paths(&tab), ["unknown files"]);
    // If the page knows when it was served, its files on the disk are compared.
    hello.since = Some(1_000);
    let tab = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
    let missed = tab.hello(&hello, SystemTime::now());
    assert_eq!(missed, Missed::Since(vec!["/page".into()], UNIX_EPOCH + Duration::from_secs(1)));
    assert_eq!(updated(&tab), None);
}

#[test]
fn the_stamp_has_the_beginning_of_the_version() {
    let began = || {
        let hub = Hub::new(Reload::Used);
        let first = hub.stamp();
        publish(&hub, &["/a"]);
        (first, hub.stamp())
    };
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let (first, second) = began();
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    assert_eq!((first.version, second.version), (0, 1));
    let times = [before, first.since.into(), second.since.into(), after];
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn versions_of_another_run_are_not_compared() {
    let hub = Hub::new(Reload::Used);
    let now = SystemTime::now();
    let mut other = hello(&hub, "/page", &["/a.css"], 7);
    other.boot = Some("other".into());

    let kept = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
    assert_eq!(kept.hello(&other, now), Missed::Delivered);
    assert_eq!(paths(&kept), ["unknown files"], "reloaded in doubt");

    let served = |since, uses: Option<Vec<String>>| {
        let tab = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
        let missed = tab.hello(&Hello { since: Some(since), uses, ..other.clone() }, now);
        (missed, paths(&tab))
    };
    let (missed, delivered) = served(1_000, other.uses.clone());
    let Missed::Since(_, since) = missed else { panic!() };
    assert_eq!((since, delivered.len()), (UNIX_EPOCH + Duration::from_secs(1), 0));
    let unknown = (Missed::Delivered, vec!["unknown files".to_owned()]);
    assert_eq!(served(u64::MAX, other.uses.clone()), unknown, "no time");
    assert_eq!(served(1_000, None), unknown, "files that are too many to list");

    other.age = Some(5_000);
    let back = TabHandle::join(Arc::clone(&hub), ClientInfo::default());
    let Missed::Since(mut uses, since) = back.hello(&other, now) else { panic!() };
    uses.sort();
    assert_eq!(
        (uses, since),
        (vec!["/a.css".into(), "/page".into()], now - Duration::from_secs(5))
    );
    assert_eq!(updated(&back), None);
    back.add_missed(ChangeSet::from_iter([Change { path: "/a.css".into(), kind: Modified }]));
    assert_eq!(paths(&back), ["/a.css"]);
}

#[test]
fn a_compile_error_is_sent_to_the_users_of_its_source_until_it_is_fixed() {
    let hub = Hub::new(Reload::Used);
    let user = tab(&hub, "/", &["/main.js"]);
    let other = tab(&hub, "/other", &[]);
    let fault = Fault {
        path: "/part.js".into(),
        file: "part.js".into(),
        message: "wrong".into(),
        ..Fault::default()
    };
    assert!(!hub.clear_fault("/part.js"), "there is no error");
    assert!(hub.report_fault(fault.clone()));
    assert_eq!((failed(&user), failed(&other)), (None, None), "no tab is known to use it");
    hub.observe(&User::Path("/main.js".into()), "/part.js");
    assert!(!hub.report_fault(fault.clone()), "the error is known");
    assert_eq!((failed(&user), failed(&other)), (Some(vec![fault.clone()]), None));
    assert_eq!(failed(&user), None, "sent once");
    assert_eq!(hub.faulty_sources().len(), 1);
    assert!(hub.clear_fault("/part.js"));
    assert_eq!((failed(&user), failed(&other)), (Some(Vec::new()), None));
    for number in 0..200 {
        let path = format!("/{number}");
        hub.report_fault(Fault { path, ..fault.clone() });
    }
    assert_eq!(hub.faulty_sources().len(), 100);
}

#[test]
fn a_compile_error_is_forgotten_if_its_source_changes_and_no_tab_uses_it() {
    let hub = Hub::new(Reload::Used);
    let fault = |path: &str| Fault { path: path.into(), ..Fault::default() };
    hub.report_fault(fault("/a.js"));
    hub.report_fault(fault("/b.js"));
    publish(&hub, &["/a.js"]);
    let known = || hub.errors().faults.into_iter().map(|fault| fault.path).collect::<Vec<_>>();
    assert_eq!(known(), ["/b.js"]);
    let _user = tab(&hub, "/", &["/b.js"]);
    publish(&hub, &["/b.js"]);
    assert_eq!(known(), ["/b.js"], "the tab requests it, which shows whether it is fixed");
}
