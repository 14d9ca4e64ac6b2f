use super::{Failed, State, WAITING, Who};

enum Step {
    Fails(Option<&'static str>, bool, bool),
    Answers(Option<&'static [&'static str]>),
    Probes(bool),
}
use Step::{Answers, Fails, Probes};

#[test]
fn each_change_is_told_once() {
    let table: &[(&str, &[Step])] = &[
        ("up is no news", &[Answers(None), Answers(None)]),
        ("down is news once", &[Fails(None, true, false), Fails(None, false, false)]),
        (
            "up again is news once",
            &[
                Fails(None, true, false),
                Answers(Some(&[])),
                Answers(None),
                Fails(None, true, false),
            ],
        ),
        (
            "one probe for all pages",
            &[
                Fails(None, true, false),
                Fails(Some("/b"), false, true),
                Fails(Some("/a"), false, false),
                Fails(Some("/b"), false, false),
                Probes(true),
                Answers(Some(&["/a", "/b"])),
                Probes(false),
            ],
        ),
        (
            "a request is faster than the probe",
            &[
                Fails(Some("/a"), true, true),
                Answers(Some(&["/a"])),
                Probes(false),
                Fails(Some("/a"), true, true),
            ],
        ),
        (
            "down again before the probe has seen it up",
            &[
                Fails(Some("/a"), true, true),
                Answers(Some(&["/a"])),
                Fails(Some("/c"), true, false),
                Probes(true),
                Answers(Some(&["/c"])),
            ],
        ),
    ];
    for (name, steps) in table {
        let mut state = State::default();
        for (at, step) in steps.iter().enumerate() {
            match step {
                Fails(page, news, probe) => {
                    let expected = Failed { news: *news, probe: *probe };
                    assert_eq!(
                        state.failed(page.map_or(Who::Nobody, Who::Page), false),
                        expected,
                        "{name}, step {at}"
                    );
                }
                Answers(pages) => {
                    let told = state.answered().map(Vec::from);
                    let expected = pages
                        .map(|pages| pages.iter().map(ToString::to_string).collect::<Vec<_>>());
                    assert_eq!(told, expected, "{name}, step {at}");
                }
                Probes(on) => assert_eq!(state.probes_on(false), *on, "{name}, step {at}"),
            }
        }
    }
}

#[test]
fn the_oldest_pages_are_forgotten_when_there_are_too_many() {
    let mut state = State::default();
    for page in 0..WAITING + 2 {
        state.failed(Who::Page(&format!("/{page}")), false);
    }
    let told = state.answered().unwrap();
    assert_eq!((told.len(), told[0].as_str()), (WAITING, "/2"));
}

#[test]
fn open_pages_and_requests_are_waited_for_too() {
    let mut state = State::default();
    assert_eq!(state.failed(Who::Nobody, true), Failed { news: true, probe: true });
    assert!(state.probes_on(true));
    assert!(!state.probes_on(false), "the last page was closed");
    assert_eq!(state.failed(Who::Request, false), Failed { news: false, probe: true });
    assert!(state.probes_on(false));
    state.held -= 1;
    assert!(!state.probes_on(false), "the request was given up");
    assert_eq!(state.answered().unwrap().len(), 0);
}
