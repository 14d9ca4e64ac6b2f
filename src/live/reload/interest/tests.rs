use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;

use super::{EDGES, EVERYONE, Interest, MANY};

/// A page at `/`, one at `/a.html`, a sheet that imports a sheet, a module that fetches.
fn site() -> Interest {
    let mut interest = Interest::default();
    for (user, used) in [
        ("/", "/css/app.css"),
        ("/a.html", "/css/app.css"),
        ("/css/app.css", "/css/base.css"),
        ("/css/base.css", "/img/back.png"),
        ("/a.html", "/js/app.js"),
        ("/js/app.js", "/js/part.js"),
        ("/js/part.js", "/js/app.js"), // modules may form a ring
        ("/js/part.js", "/data.json"),
    ] {
        interest.add(user, used, 0);
    }
    interest.add_listing("/docs/", 0);
    interest
}

/// Whether a change concerns a document that names only itself.
fn concerns(interest: &Interest, changed: &str, page: &str, served: u64) -> bool {
    interest.concerned(changed).includes(&HashSet::from([page.to_owned()]), served)
}

#[test]
fn a_change_concerns_whoever_uses_the_file() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("/css/app.css", &["/", "/a.html"], &["/docs/", "/js/app.js"]),
        ("/css/base.css", &["/", "/a.html", "/css/app.css"], &["/docs/"]),
        ("/img/back.png", &["/", "/a.html"], &["/docs/"]),
        ("/data.json", &["/a.html"], &["/", "/docs/"]),
        ("/js/part.js", &["/a.html"], &["/"]),
        ("/index.html", &["/"], &["/a.html", "/docs/"]),
        ("/a.html", &["/a.html"], &["/"]),
        ("/docs/x.md", &["/docs/"], &["/", "/docs/x"]),
        ("/docs/new/", &["/docs/", "/docs/new"], &["/"]),
        ("/docs/index.html", &["/docs/", "/docs"], &["/"]),
        ("/docs/deep/x.md", &[], &["/docs/", "/"]),
        ("/unused.css", &[], &["/", "/a.html", "/docs/"]),
        ("templates/x.html", &[], &["/", "/a.html", "/docs/"]),
    ];
    for (changed, concerned, others) in table {
        for path in *concerned {
            assert!(concerns(&site(), changed, path, 0), "{changed} concerns {path}");
        }
        for path in *others {
            assert!(!concerns(&site(), changed, path, 0), "{changed} does not concern {path}");
        }
    }
}

#[test]
fn an_edge_counts_for_documents_that_are_not_younger() {
    let mut interest = site();
    // The module was asked for again by a document of version 3; it no longer fetches.
    interest.add("/a.html", "/js/app.js", 3);
    interest.add("/js/app.js", "/js/part.js", 3);
    for (changed, served, wanted) in [
        ("/js/part.js", 0, true),
        ("/js/part.js", 3, true),
        ("/js/part.js", 4, false),
        ("/data.json", 0, true), // the old document is still open somewhere
        ("/data.json", 1, false),
        ("/a.html", 9, true), // a document is concerned by its own file, however young
    ] {
        assert_eq!(concerns(&interest, changed, "/a.html", served), wanted, "{changed} {served}");
    }
    // An older request does not make an edge older.
    interest.add("/js/app.js", "/js/part.js", 1);
    assert!(concerns(&interest, "/js/part.js", "/a.html", 3));
}

#[test]
fn a_sheet_that_changed_has_to_ask_anew() {
    let mut interest = site();
    interest.forget("/css/app.css", 1);
    assert!(!concerns(&interest, "/css/base.css", "/", 0));
    assert!(concerns(&interest, "/css/app.css", "/", 0));
    assert!(concerns(&interest, "/img/back.png", "/css/base.css", 0), "this one did not change");
    interest.add("/css/app.css", "/css/base.css", 1);
    assert!(concerns(&interest, "/img/back.png", "/", 0));
    interest.forget("/css/app.css", 1);
    assert!(concerns(&interest, "/img/back.png", "/", 0), "asked for since");
    interest.forget("/nobody.css", 9);
}

#[test]
fn what_nobody_signed_is_everyones_until_a_page_has_reported_it() {
    let mut interest = site();
    interest.add_unsigned("/js/app.js", 1);
    interest.add_unsigned("/lib.js", 1);
    interest.add(EVERYONE, "/shared.js", 1);
    assert!(concerns(&interest, "/js/part.js", "/", 9), "it is used by what was asked for");
    interest.explain("/js/app.js");
    interest.explain("/css/app.css");
    interest.explain("/shared.js");
    for (changed, wanted) in [("/js/part.js", false), ("/lib.js", true), ("/shared.js", true)] {
        assert_eq!(concerns(&interest, changed, "/", 9), wanted, "{changed}");
    }
    interest.add_unsigned("/js/app.js", 2);
    assert!(!concerns(&interest, "/js/app.js", "/", 9), "it stays explained");
    assert!(concerns(&interest, "/js/app.js", "/a.html", 0));
    interest.doubt("/js/app.js");
    interest.doubt("/lib.js");
    interest.add_unsigned("/js/app.js", 3);
    for changed in ["/js/app.js", "/lib.js"] {
        assert!(concerns(&interest, changed, "/", 9), "{changed} is another one now");
    }
}

#[test]
fn what_is_stale_is_looked_for_when_the_graph_has_doubled() {
    let (mut interest, mut files) = (Interest::default(), 0..);
    // How many are looked through, and what is left of them.
    let table =
        [(0, MANY, MANY), (1, 2 * MANY, MANY), (1, 2 * MANY, 2 * MANY), (1, 4 * MANY, 4 * MANY)];
    for (version, grown, left) in table {
        while interest.edges < grown {
            assert!(!interest.has_grown(), "{} of {grown}", interest.edges);
            interest.add("/", &format!("/{}", files.next().unwrap()), version);
        }
        assert!(interest.has_grown(), "{grown}");
        interest.forget_before(version);
        assert_eq!(interest.edges, left);
    }
}

#[test]
fn a_graph_that_is_full_forgets_the_stale_and_then_is_in_doubt() {
    let mut interest = site();
    let old = interest.edges;
    for file in 0.. {
        if interest.is_full() {
            break;
        }
        interest.add("/", &format!("/{file}"), 5);
    }
    assert!(!interest.is_in_doubt(0));
    interest.forget_before(5);
    assert_eq!(interest.edges, EDGES - old);
    assert!(interest.is_in_doubt(4), "what it uses may be forgotten");
    assert!(!interest.is_in_doubt(5));
    for file in 0..old {
        interest.add("/more", &format!("/{file}"), 6);
    }
    assert!(interest.is_full() && !interest.is_in_doubt(5));
    interest.forget_before(5);
    interest.add("/", "/one more", 7);
    assert_eq!(interest.edges, EDGES);
    assert!(interest.is_in_doubt(7));
    assert!(!interest.is_in_doubt(8), "one that is loaded from now on");
    interest.add("/", "/0", 8);
    assert!(!interest.is_in_doubt(8), "it has its place");
}

/// The same in the plainest way: a list of edges, walked until nothing is added.
#[derive(Default)]
struct Naive(Vec<(u8, u8, u64)>);

impl Naive {
    fn concerns(&self, changed: u8, page: u8, served: u64) -> bool {
        let mut concerned = BTreeSet::from([changed]);
        loop {
            let edges =
                self.0.iter().filter(|(_, used, seen)| *seen >= served && concerned.contains(used));
            let users: BTreeSet<_> = edges.map(|(user, _, _)| *user).collect();
            if users.is_subset(&concerned) {
                return concerned.contains(&page);
            }
            concerned.extend(users);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8, u8, u64),
    Forget(u8),
    Remove(u8, u8),
    Before(u64),
}

proptest! {
    #[test]
    fn it_is_as_a_list_of_edges(steps in prop::collection::vec(prop_oneof![
        8 => (0_u8..8, 0_u8..8, 0_u64..9).prop_map(|(user, used, seen)| Step::Add(user, used, seen)),
        2 => (0_u8..8).prop_map(Step::Forget),
        1 => (0_u8..8, 0_u8..8).prop_map(|(user, used)| Step::Remove(user, used)),
        1 => (0_u64..9).prop_map(Step::Before),
    ], 0..60)) {
        let name = |node: u8| format!("/{node}");
        let (mut interest, mut naive) = (Interest::default(), Naive::default());
        for step in steps {
            match step {
                Step::Add(user, used, seen) => {
                    interest.add(&name(user), &name(used), seen);
                    naive.0.push((user, used, seen));
                }
                Step::Forget(user) => {
                    interest.forget(&name(user), 5);
                    // Of an edge that was seen more than once, the last time counts.
                    let edges = naive.0.clone();
                    naive.0.retain(|(a, b, _)| {
                        *a != user || edges.iter().any(|edge| (edge.0, edge.1) == (*a, *b) && edge.2 >= 5)
                    });
                }
                Step::Remove(user, used) => {
                    interest.remove(&name(user), &name(used));
                    naive.0.retain(|edge| (edge.0, edge.1) != (user, used));
                }
                Step::Before(version) if version > interest.swept => {
                    interest.forget_before(version);
                    // Of an edge that was seen more than once, the last time counts.
                    let edges = naive.0.clone();
                    naive.0.retain(|(user, used, _)| {
                        edges.iter().any(|edge| (edge.0, edge.1) == (*user, *used) && edge.2 >= version)
                    });
                }
                Step::Before(_) => {}
            }
            let edges: BTreeSet<_> =
                naive.0.iter().filter(|edge| edge.0 != edge.1).map(|edge| (edge.0, edge.1)).collect();
            prop_assert_eq!(interest.edges, edges.len());
            let ends = edges.iter().map(|(user, used)| name(*user).len() + name(*used).len());
            let unsigned = interest.unsigned.keys().map(|path| path.len());
            prop_assert_eq!(interest.bytes, ends.chain(unsigned).sum::<usize>());
            prop_assert_eq!(interest.uses.values().map(Vec::len).sum::<usize>(), edges.len());
        }
        for (changed, page) in (0..8).flat_map(|changed| (0..8).map(move |page| (changed, page))) {
            for served in 0..9 {
                prop_assert_eq!(
                    concerns(&interest, &name(changed), &name(page), served),
                    naive.concerns(changed, page, served),
                    "a change of {}, for {} of version {}", changed, page, served
                );
            }
        }
    }
}
