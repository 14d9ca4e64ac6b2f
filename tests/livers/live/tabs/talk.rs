//! Records the messages on the reload sockets of a tab, across navigations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::browser::{Frame, Page};
use crate::support::tab::Updated;

/// The messages between a tab and the server.
#[derive(Default)]
pub struct Talk {
    /// How many frames were read.
    read: usize,
    /// What each document has reported to use, on its newest socket.
    pub reported: BTreeMap<String, (String, BTreeSet<String>)>,
    /// How often the tab was notified of each path since this was cleared.
    pub notified: BTreeMap<String, usize>,
}

impl Talk {
    pub fn listen(&mut self, page: &Page) {
        for Frame { socket, sent, text } in page.frames(self.read) {
            self.read += 1;
            let message: Value = serde_json::from_str(&text).expect("JSON");
            let texts = |value: &Value| -> Vec<String> {
                let texts = value.as_array().into_iter().flatten();
                texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
            };
            match message["type"].as_str() {
                Some("updated") if !sent => {
                    for (path, _) in Updated::from_json(&message).changes {
                        *self.notified.entry(path).or_default() += 1;
                    }
                    self.notified.remove("/marker.css");
                }
                Some("hello") => {
                    let page = message["page"].as_str().expect("a page").to_owned();
                    let uses = texts(&message["uses"]).into_iter().chain([page.clone()]).collect();
                    self.reported.insert(page, (socket, uses));
                }
                Some("uses") => {
                    if let Some((_, uses)) =
                        self.reported.values_mut().find(|(of, _)| *of == socket)
                    {
                        for dropped in texts(&message["drop"]) {
                            uses.remove(&dropped);
                        }
                        uses.extend(texts(&message["add"]));
                    }
                }
                _ => {}
            }
        }
    }
}
