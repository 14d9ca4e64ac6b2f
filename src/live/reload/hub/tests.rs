use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Hub, Missed, Reload, TabHandle, User};
use crate::{
    change::{Change, ChangeSet, Kind::*},
    fault::Fault,
    live::reload::{graph::SWEEP, log::LIMIT, message::Hello, tabs::CLOSED},
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
    }
}

fn tab(hub: &Arc<Hub>, page: &str, uses: &[&str]) -> TabHandle {
    let tab = hub.join();
    let missed = tab.hello(&hello(hub, page, uses, hub.version()), SystemTime::now());
    assert_eq!(missed, Missed::Delivered);
    tab
}

#[test]
fn a_tab_is_told_what_it_uses_and_no_more() {
    let hub = Hub::new(Reload::Used);
    let one = tab(&hub, "/one.html", &["/css/app.css"]);
    let two = tab(&hub, "/two.html", &["/css/app.css", "/a%20b.png"]);
    hub.observe(&User::Path("/css/app.css".into()), "/css/base.css");

    assert_eq!(publish(&hub, &["/css/base.css"]), 2);
    assert_eq!(
        (paths(&one), paths(&two)),
        (vec!["/css/base.css".into()], vec!["/css/base.css".into()])
    );
    assert_eq!(publish(&hub, &["/one.html", "/css/app.css", "/nobody.js"]), 2);
    assert_eq!(paths(&one), ["/css/app.css", "/one.html"]);
    assert_eq!(paths(&two), ["/css/app.css"]);
    assert_eq!(publish(&hub, &["/a%20b.png"]), 1);
    assert_eq!(publish(&hub, &["/nobody.js"]), 0);
    assert_eq!(publish(&hub, &[]), 0);
    assert_eq!(publish(&hub, &["templates/a.html"]), 2, "who uses it is not known");
    assert_eq!(hub.version(), 5);
}

#[test]
fn a_tab_that_has_not_said_who_it_is_is_told_everything() {
    let hub = Hub::new(Reload::Used);
    let tool = hub.join();
    assert_eq!(publish(&hub, &["/a"]), 1);
    assert_eq!(publish(&hub, &["/b", "/a"]), 1);
    assert_eq!(updated(&tool).map(|(version, changes)| (version, changes.len())), Some((2, 2)));
    assert_eq!(updated(&tool), None);
    tool.hello(&Hello { uses: None, ..hello(&hub, "/", &[], 2) }, SystemTime::now());
    assert_eq!(publish(&hub, &["/c"]), 1, "it uses too much to say");
    drop(tool);
    assert_eq!((hub.open_tabs(), publish(&hub, &["/a"])), (0, 0));
}

#[test]
fn what_was_seen_before_a_document_was_served_is_of_an_older_one() {
    let hub = Hub::new(Reload::Used);
    let sees = |user: &str, used: &str| hub.observe(&User::Path(user.into()), used);
    sees("/", "/w.js");
    sees("/w.js", "/old.js");
    let asleep = tab(&hub, "/", &[]);
    publish(&hub, &["/w.js"]);
    sees("/", "/w.js");
    sees("/w.js", "/new.js");
    let fresh = tab(&hub, "/", &[]);
    for (changed, told) in [("/old.js", [1, 0]), ("/new.js", [1, 1]), ("/w.js", [1, 1])] {
        let _ = [&asleep, &fresh].map(paths);
        publish(&hub, &[changed]);
        assert_eq!([&asleep, &fresh].map(|tab| paths(tab).len()), told, "{changed}");
    }
    // One that comes back may say how old its document is, by this run's count. In doubt, tell.
    let hello = |served| Hello { served, age: Some(5), ..hello(&hub, "/", &[], hub.version()) };
    let other = |served| Hello { boot: Some("other".into()), ..hello(served) };
    for (hello, told) in [
        (hello(None), true),
        (hello(Some(0)), true),
        (hello(Some(1)), false),
        (other(Some(1)), true),
    ] {
        let back = hub.join();
        back.hello(&hello, SystemTime::now());
        updated(&back);
        publish(&hub, &["/old.js"]);
        assert_eq!(paths(&back).len(), usize::from(told), "{hello:?}");
    }
}

#[test]
fn a_tab_that_comes_back_finds_what_was_seen_of_it() {
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
    let told = |changed: &str| {
        let back = hub.join();
        let hello = Hello { served: Some(1), age: Some(5), ..hello(&hub, "/", &[], hub.version()) };
        back.hello(&hello, SystemTime::now());
        publish(&hub, &[changed]);
        !paths(&back).is_empty()
    };
    grow(2 * SWEEP);
    assert_eq!([told("/w.js"), told("/0.js")], [true, false]);
    for _ in 0..CLOSED {
        drop(tab(&hub, "/other.html", &[]));
    }
    grow(2 * SWEEP);
    assert!(told("/0.js"), "too many went away since");
}

#[test]
fn a_sheet_that_changed_or_is_gone_uses_nothing_until_it_asks() {
    for (sheet, kind, told) in [
        ("/a.css", Modified, 0),
        ("/a.css", Removed, 0),
        ("/a.js", Modified, 1), // its pages are loaded again, which tells the old from the new
        ("/a.js", Removed, 0),
    ] {
        let hub = Hub::new(Reload::Used);
        hub.observe(&User::Path(sheet.into()), "/part");
        let tab = tab(&hub, "/", &[sheet]);
        hub.publish(&ChangeSet::from_iter([Change { path: sheet.into(), kind }]));
        assert_eq!(paths(&tab), [sheet]);
        assert_eq!(publish(&hub, &["/part"]), told, "{sheet} {kind:?}");
        hub.observe(&User::Path(sheet.into()), "/part");
        assert_eq!(publish(&hub, &["/part"]), 1, "{sheet} {kind:?}");
    }
    // What it used is told together with its end.
    let hub = Hub::new(Reload::Used);
    hub.observe(&User::Path("/a.css".into()), "/part");
    let tab = tab(&hub, "/", &["/a.css"]);
    publish(&hub, &["/a.css", "/part"]);
    assert_eq!(paths(&tab), ["/a.css", "/part"]);
}

#[test]
fn a_page_says_what_it_no_longer_uses() {
    let hub = Hub::new(Reload::Used);
    hub.observe(&User::Path("/".into()), "/b.css");
    let tab = tab(&hub, "/", &["/a.css", "/b.css"]);
    tab.update_uses(&[], &["/b.css".into(), "/".into(), "/unknown".into()]);
    for (changed, told) in [("/b.css", 0), ("/a.css", 1), ("/", 1)] {
        assert_eq!(publish(&hub, &[changed]), told, "{changed}");
    }
    tab.update_uses(&["/b.css".into()], &[]);
    assert_eq!(publish(&hub, &["/b.css"]), 1);
    assert_eq!(hub.pages(), [("/".to_owned(), Some(3))]);
}

#[test]
fn shared_workers_are_of_all_pages_and_so_is_everything_with_all() {
    let hub = Hub::new(Reload::Used);
    let _tabs = ["/a", "/b"].map(|page| tab(&hub, page, &[]));
    hub.observe(&User::SharedWorker, "/shared.js");
    hub.observe(&User::Path("/shared.js".into()), "/part.js");
    publish(&hub, &["/x"]);
    assert_eq!(publish(&hub, &["/part.js"]), 2);
    assert_eq!(publish(&hub, &["/nobody.js"]), 0);

    let hub = Hub::new(Reload::All);
    let _tabs = ["/a", "/b"].map(|page| tab(&hub, page, &[]));
    assert_eq!(publish(&hub, &["/nobody.js"]), 2);
}

#[test]
fn what_was_missed_is_told_once() {
    let hub = Hub::new(Reload::Used);
    publish(&hub, &["/a.css", "/x"]); // 1
    publish(&hub, &["/b.css"]); // 2
    publish(&hub, &["/x"]); // 3
    for (version, wanted) in
        [(0, vec!["/a.css", "/b.css"]), (1, vec!["/b.css"]), (2, vec![]), (9, vec![])]
    {
        let tab = hub.join();
        tab.hello(&hello(&hub, "/", &["/a.css", "/b.css"], version), SystemTime::now());
        assert_eq!(paths(&tab), wanted, "from {version}");
    }
    // What came after it joined, it was told at once: hello brings it no second time.
    let tab = hub.join();
    publish(&hub, &["/a.css"]); // 4
    assert_eq!(paths(&tab), ["/a.css"]);
    tab.hello(&hello(&hub, "/", &["/a.css"], 3), SystemTime::now());
    assert_eq!(paths(&tab), Vec::<String>::new());
    // What still waited then is told if it is used.
    let tab = hub.join();
    publish(&hub, &["/a.css", "/x", "templates/a.html"]); // 5
    tab.hello(&hello(&hub, "/", &["/a.css"], 4), SystemTime::now());
    assert_eq!(paths(&tab), ["/a.css", "templates/a.html"]);
    // What nobody can be left out of is told to those who missed it, too.
    let tab = hub.join();
    tab.hello(&hello(&hub, "/", &[], 4), SystemTime::now());
    assert_eq!(paths(&tab), ["templates/a.html"]);
}

#[test]
fn a_version_that_is_too_old_means_a_fresh_start() {
    let hub = Hub::new(Reload::Used);
    for file in 0..=LIMIT {
        publish(&hub, &[&format!("/{file}")]);
    }
    let tab = hub.join();
    tab.hello(&hello(&hub, "/page", &[], 1), SystemTime::now());
    assert_eq!(paths(&tab), ["/page"]);
}

#[test]
fn another_run_of_the_server_says_nothing_of_versions() {
    let hub = Hub::new(Reload::Used);
    let now = SystemTime::now();
    let mut other = hello(&hub, "/page", &["/a.css"], 7);
    other.boot = Some("other".into());

    let kept = hub.join();
    assert_eq!(kept.hello(&other, now), Missed::Delivered);
    assert_eq!(paths(&kept), ["/page"], "kept by the browser since: in doubt");

    other.age = Some(5_000);
    let back = hub.join();
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
fn a_fault_is_told_to_those_who_use_the_source_until_it_is_mended() {
    let hub = Hub::new(Reload::Used);
    let user = tab(&hub, "/", &["/main.js"]);
    let other = tab(&hub, "/other", &[]);
    let fault = Fault {
        path: "/part.js".into(),
        file: "part.js".into(),
        line: None,
        column: None,
        message: "wrong".into(),
        frame: String::new(),
        help: None,
    };
    assert!(!hub.clear_fault("/part.js"), "there is none");
    assert!(hub.report_fault(fault.clone()));
    assert_eq!((failed(&user), failed(&other)), (None, None), "nobody is known to use it");
    hub.observe(&User::Path("/main.js".into()), "/part.js");
    assert!(!hub.report_fault(fault.clone()), "that is no news");
    assert_eq!((failed(&user), failed(&other)), (Some(vec![fault.clone()]), None));
    assert_eq!(failed(&user), None, "it knows");
    assert_eq!(hub.faulty_sources().len(), 1);
    assert!(hub.clear_fault("/part.js"));
    assert_eq!((failed(&user), failed(&other)), (Some(Vec::new()), None));
    for number in 0..200 {
        let path = format!("/{number}");
        hub.report_fault(Fault { path, ..fault.clone() });
    }
    assert_eq!(hub.faulty_sources().len(), 100);
}
