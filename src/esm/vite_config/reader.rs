//! Reads values of a configuration, and records what is not understood.

use std::path::{Path, PathBuf};

use super::{
    interpreter::Interpreter,
    paths,
    value::{Node, Place, SPREAD, Value},
};
use crate::event::ConfigNotice;

/// Reads values, and records what is not understood.
pub(super) struct Reader<'a, 'f> {
    pub(super) interpreter: Interpreter<'a, 'f>,
    text: &'f str,
    pub(super) folder: &'f Path,
    notices: Vec<ConfigNotice>,
}

impl<'a, 'f> Reader<'a, 'f> {
    pub(super) fn new(interpreter: Interpreter<'a, 'f>, text: &'f str, folder: &'f Path) -> Self {
        Self { interpreter, text, folder, notices: Vec::new() }
    }

    pub(super) fn into_notices(self) -> Vec<ConfigNotice> {
        self.notices
    }

    /// Records something, once.
    pub(super) fn note(&mut self, notice: ConfigNotice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Records that a setting is not understood.
    pub(super) fn not_understood(&mut self, setting: impl Into<String>, place: Place) {
        let before = self.text.get(..place.offset as usize).filter(|_| place.module == 0);
        let line = before.and_then(|text| u32::try_from(text.matches('\n').count() + 1).ok());
        self.note(ConfigNotice::NotUnderstood { setting: setting.into(), line });
    }

    /// Returns the known properties of an object, and records those that are not known.
    pub(super) fn entries<'n>(
        &mut self,
        node: Option<&'n Node<'a>>,
        setting: &str,
    ) -> impl Iterator<Item = (&'n str, &'n Node<'a>)> + use<'n, 'a> {
        let entries: &[_] = match node.map(|node| (&node.value, node.place)) {
            Some((Value::Object(entries), _)) => entries,
            None | Some((Value::Undefined | Value::Null | Value::Bool(false), _)) => &[],
            Some((_, place)) => {
                self.not_understood(setting, place);
                &[]
            }
        };
        for (_, node) in entries.iter().filter(|(key, _)| key == SPREAD) {
            self.not_understood(setting, node.place);
        }
        let entries = entries.iter().filter(|(key, _)| key != SPREAD);
        entries.map(|(key, node)| (&**key, node))
    }

    /// Reads a setting that is present.
    pub(super) fn setting<T>(
        &mut self,
        node: Option<&Node<'a>>,
        setting: &str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let node = node.filter(|node| !matches!(node.value, Value::Undefined))?;
        let value = read(&node.value);
        if value.is_none() {
            self.not_understood(setting, node.place);
        }
        value
    }

    pub(super) fn text(&mut self, node: Option<&Node<'a>>, setting: &str) -> Option<String> {
        self.setting(node, setting, Value::as_text)
    }

    pub(super) fn path(&mut self, node: Option<&Node<'a>>, setting: &str) -> Option<PathBuf> {
        let text = self.text(node, setting)?;
        Some(paths::resolve(self.folder, &[text]).into())
    }

    /// Reads a list of texts, or one text.
    pub(super) fn texts(&mut self, node: Option<&Node<'a>>, setting: &str) -> Vec<String> {
        let read = |value: &Value<'a>| match value {
            Value::Array(items) => items.iter().map(|item| item.value.as_text()).collect(),
            value => value.as_text().map(|text| vec![text]),
        };
        self.setting(node, setting, read).unwrap_or_default()
    }
}
