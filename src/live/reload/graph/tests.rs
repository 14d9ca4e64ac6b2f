use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{EDGES, EVERYONE, SWEEP, UsageGraph};

/// Two pages, `/` and `/a.html`; a sheet that imports a sheet, and a module that fetches data.
fn site() -> UsageGraph {
    let mut graph = UsageGraph::default();
    for (user, used) in [
        ("/", "/css/app.css"),
        ("/a.html", "/css/app.css"),
        ("/css/app.css", "/css/base.css"),
        ("/css/base.css", "/img/back.png"),
        ("/a.html", "/js/app.js"),
        ("/js/app.js", "/js/part.js"),
        ("/js/part.js", "/js/app.js"), // a cycle of imports
        ("/js/part.js", "/data.json"),
    ] {
        graph.add(user, used, 0);
    }
    graph.add_listing("/docs/", 0);
    graph
}

/// Returns whether a change affects a document that reports to use only itself, as far as the graph
/// has the edges.
fn affects(graph: &UsageGraph, changed: &str, page: &str, served: u64) -> bool {
    let reach = graph.reach(changed);
    reach.is_everyone() || reach.paths().any(|(path, since)| served <= since && path == page)
}

#[test]
fn a_change_affects_direct_and_indirect_users() {
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
    for (changed, affected, others) in table {
        for path in *affected {
            assert!(affects(&site(), changed, path, 0), "{changed} affects {path}");
        }
        for path in *others {
            assert!(!affects(&site(), changed, path, 0), "{changed} does not affect {path}");
        }
    }
}

#[test]
fn an_edge_does_not_count_for_documents_served_after_it_was_seen() {
    let mut graph = site();
    // A document of version 3 requested the module again, which no longer fetches the data.
    graph.add("/a.html", "/js/app.js", 3);
    graph.add("/js/app.js", "/js/part.js", 3);
    for (changed, served, wanted) in [
        ("/js/part.js", 0, true),
        ("/js/part.js", 3, true),
        ("/js/part.js", 4, false),
        ("/data.json", 0, true), // an old document may still be open
        ("/data.json", 1, false),
        ("/a.html", 9, true), // a document always uses its own file
    ] {
        assert_eq!(affects(&graph, changed, "/a.html", served), wanted, "{changed} {served}");
    }
    // An edge keeps the highest version that it was seen at.
    graph.add("/js/app.js", "/js/part.js", 1);
    assert!(affects(&graph, "/js/part.js", "/a.html", 3));
}

#[test]
fn forget_uses_removes_older_edges_of_one_user() {
    let mut graph = site();
    graph.forget_uses("/css/app.css", 1);
    assert!(!affects(&graph, "/css/base.css", "/", 0));
    assert!(affects(&graph, "/css/app.css", "/", 0));
    assert!(affects(&graph, "/img/back.png", "/css/base.css", 0), "its own edges stay");
    graph.add("/css/app.css", "/css/base.css", 1);
    assert!(affects(&graph, "/img/back.png", "/", 0));
    graph.forget_uses("/css/app.css", 1);
    assert!(affects(&graph, "/img/back.png", "/", 0), "seen since");
    graph.forget_uses("/nobody.css", 9);
}

#[test]
fn unattributed_requests_affect_every_tab_until_a_page_reports_the_path() {
    let mut graph = site();
    graph.add_unattributed("/js/app.js", 1);
    graph.add_unattributed("/lib.js", 1);
    graph.add(EVERYONE, "/shared.js", 1);
    assert!(affects(&graph, "/js/part.js", "/", 9), "used by an unattributed path");
    graph.attribute("/js/app.js");
    graph.attribute("/css/app.css");
    graph.attribute("/shared.js");
    for (changed, wanted) in [("/js/part.js", false), ("/lib.js", true), ("/shared.js", true)] {
        assert_eq!(affects(&graph, changed, "/", 9), wanted, "{changed}");
    }
    graph.add_unattributed("/js/app.js", 2);
    assert!(!affects(&graph, "/js/app.js", "/", 9), "stays attributed");
    assert!(affects(&graph, "/js/app.js", "/a.html", 0));
    graph.invalidate("/js/app.js");
    graph.invalidate("/lib.js");
    graph.add_unattributed("/js/app.js", 3);
    for changed in ["/js/app.js", "/lib.js"] {
        assert!(affects(&graph, changed, "/", 9), "{changed} is unattributed again");
    }
}

#[test]
fn stale_edges_are_swept_when_the_graph_has_doubled() {
    let (mut graph, mut files) = (UsageGraph::default(), 0..);
    // The number of edges that calls for a sweep, and how many it leaves.
    let table = [
        (0, SWEEP, SWEEP),
        (1, 2 * SWEEP, SWEEP),
        (1, 2 * SWEEP, 2 * SWEEP),
        (1, 4 * SWEEP, 4 * SWEEP),
    ];
    for (version, grown, left) in table {
        while graph.edges < grown {
            assert!(!graph.has_grown(), "{} of {grown}", graph.edges);
            graph.add("/", &format!("/{}", files.next().unwrap()), version);
        }
        assert!(graph.has_grown(), "{grown}");
        graph.sweep(version);
        assert_eq!(graph.edges, left);
    }
}

#[test]
fn a_full_graph_drops_new_edges_and_reports_documents_that_may_miss_them() {
    let mut graph = site();
    let old = graph.edges;
    for file in 0.. {
        if graph.is_full() {
            break;
        }
        graph.add("/", &format!("/{file}"), 5);
    }
    assert!(!graph.reach("/x").may_miss(0));
    graph.sweep(5);
    assert_eq!(graph.edges, EDGES - old);
    assert!(graph.reach("/x").may_miss(4), "older than the sweep");
    assert!(!graph.reach("/x").may_miss(5));
    for file in 0..old {
        graph.add("/more", &format!("/{file}"), 6);
    }
    assert!(graph.is_full() && !graph.reach("/x").may_miss(5));
    graph.sweep(5);
    graph.add("/", "/one more", 7);
    assert_eq!(graph.edges, EDGES);
    assert!(graph.reach("/x").may_miss(7));
    assert!(!graph.reach("/x").may_miss(8), "served after the dropped edge");
    graph.add("/", "/0", 8);
    assert!(!graph.reach("/x").may_miss(8), "a known edge is not dropped");
}

/// A simple model: a list of edges, searched until nothing is added.
#[derive(Default)]
struct Naive(Vec<(u8, u8, u64)>);

impl Naive {
    fn affects(&self, changed: u8, page: u8, served: u64) -> bool {
        let mut affected = BTreeSet::from([changed]);
        loop {
            let edges =
                self.0.iter().filter(|(_, used, seen)| *seen >= served && affected.contains(used));
            let users: BTreeSet<_> = edges.map(|(user, _, _)| *user).collect();
            if users.is_subset(&affected) {
                return affected.contains(&page);
            }
            affected.extend(users);
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
    fn the_graph_equals_a_list_of_edges(steps in prop::collection::vec(prop_oneof![
        8 => (0_u8..8, 0_u8..8, 0_u64..9).prop_map(|(user, used, seen)| Step::Add(user, used, seen)),
        2 => (0_u8..8).prop_map(Step::Forget),
        1 => (0_u8..8, 0_u8..8).prop_map(|(user, used)| Step::Remove(user, used)),
        1 => (0_u64..9).prop_map(Step::Before),
    ], 0..60)) {
        let name = |node: u8| format!("/{node}");
        let (mut graph, mut naive) = (UsageGraph::default(), Naive::default());
        for step in steps {
            match step {
                Step::Add(user, used, seen) => {
                    graph.add(&name(user), &name(used), seen);
                    naive.0.push((user, used, seen));
                }
                Step::Forget(user) => {
                    graph.forget_uses(&name(user), 5);
                    // An edge counts as seen when it was last seen.
                    let edges = naive.0.clone();
                    naive.0.retain(|(a, b, _)| {
                        *a != user || edges.iter().any(|edge| (edge.0, edge.1) == (*a, *b) && edge.2 >= 5)
                    });
                }
                Step::Remove(user, used) => {
                    graph.remove(&name(user), &name(used));
                    naive.0.retain(|edge| (edge.0, edge.1) != (user, used));
                }
                Step::Before(version) if version > graph.swept => {
                    graph.sweep(version);
                    // An edge counts as seen when it was last seen.
                    let edges = naive.0.clone();
                    naive.0.retain(|(user, used, _)| {
                        edges.iter().any(|edge| (edge.0, edge.1) == (*user, *used) && edge.2 >= version)
                    });
                }
                Step::Before(_) => {}
            }
            let edges: BTreeSet<_> =
                naive.0.iter().filter(|edge| edge.0 != edge.1).map(|edge| (edge.0, edge.1)).collect();
            prop_assert_eq!(graph.edges, edges.len());
            let ends = edges.iter().map(|(user, used)| name(*user).len() + name(*used).len());
            let unattributed = graph.unattributed.keys().map(|path| path.len());
            prop_assert_eq!(graph.bytes, ends.chain(unattributed).sum::<usize>());
            prop_assert_eq!(graph.uses.values().map(Vec::len).sum::<usize>(), edges.len());
        }
        for (changed, page) in (0..8).flat_map(|changed| (0..8).map(move |page| (changed, page))) {
            for served in 0..9 {
                prop_assert_eq!(
                    affects(&graph, &name(changed), &name(page), served),
                    naive.affects(changed, page, served),
                    "a change of {} for {} served at {}", changed, page, served
                );
            }
        }
    }
}
