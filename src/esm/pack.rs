//! Writes packs: many definitions in one module, and its source map.
//!
//! A definition has the URL of its module as its key, with the version stamp if it has one, and
//! those of its imports. So the registry is a module map like that of a browser.

use std::{collections::HashSet, fmt::Write};

use super::{
    convert::{
        js::quoted,
        requests::{ATTRIBUTES, split_attributes},
    },
    definition::Definition,
};
use crate::{
    http::own_paths::{FOLDER, PACKAGES},
    source_map::{COMMENT, Sections},
};

/// A module in a pack.
pub(crate) struct Member<'m> {
    pub(crate) key: &'m str,
    pub(crate) definition: &'m Definition,
}

/// Returns the key of an import in the registry.
fn key_of_url(url: &str) -> String {
    match url.strip_prefix(PACKAGES) {
        Some(file) if !is_native(url) => file.split('?').next().unwrap_or_default().to_owned(),
        _ => url.to_owned(),
    }
}

/// Returns whether the browser loads a module itself.
pub(crate) fn is_native(url: &str) -> bool {
    if url.contains(ATTRIBUTES) {
        return true;
    }
    match url.strip_prefix(PACKAGES) {
        Some(file) => file.contains("?import") || file.starts_with("node:"),
        None => url.starts_with(FOLDER) || !url.starts_with('/') || url.starts_with("//"),
    }
}

/// What a pack is made from.
pub(crate) struct Pack<'p> {
    pub(crate) members: Vec<Member<'p>>,
    /// The URLs that the browser has to load, besides those that are always [native](is_native).
    pub(crate) natives: &'p HashSet<String>,
    /// The URLs of the modules that the pack was requested for.
    pub(crate) entries: Vec<String>,
    /// The version of the server.
    pub(crate) version: u64,
    /// The URL of the source map.
    pub(crate) map: String,
}

impl Pack<'_> {
    /// Returns the JavaScript, and which module each part of it is, by their keys. `stamped` returns
    /// a URL with its version stamp.
    pub(crate) fn code(&self, stamped: impl Fn(&str) -> String) -> (String, Sections<String>) {
        let mut sections = Sections::default();
        let code = self.write(stamped, |out, member| sections.add(out, member.key.to_owned()));
        (code, sections)
    }

    /// Returns the source map: one section for each member.
    pub(crate) fn source_map(&self, stamped: impl Fn(&str) -> String) -> String {
        let mut index = Sections::default();
        self.write(stamped, |out, member| {
            let path = member.key.split('?').next().unwrap_or_default();
            if let Some(map) = member.definition.source_map(path) {
                index.add(out, map);
            }
        });
        index.into_json()
    }

    /// Writes the JavaScript, and calls `at` before the body of each member.
    fn write(
        &self,
        stamped: impl Fn(&str) -> String,
        mut at: impl FnMut(&str, &Member<'_>),
    ) -> String {
        let size = |member: &Member<'_>| member.definition.size() + 200;
        let mut out = String::with_capacity(self.members.iter().map(size).sum());
        let key = |url: &str| {
            let (url, attributes) = split_attributes(url);
            quoted(&format!("{}{attributes}", stamped(&key_of_url(url))))
        };
        let mut seen = HashSet::new();
        let imports = self.members.iter().flat_map(|member| &member.definition.imports);
        let imports = imports.map(|(url, _)| url).chain(&self.entries);
        let is_native = |url: &&String| is_native(url) || self.natives.contains(*url);
        let natives: Vec<_> = imports.filter(is_native).filter(|url| seen.insert(*url)).collect();
        // No statement declares a name, which the modules would see.
        for url in natives {
            let (address, attributes) = split_attributes(url);
            let (key, address) = (key(url), quoted(&stamped(address)));
            let _ = write!(out, "export * as {key} from {address}{attributes};");
        }
        out.push_str("export default[{\n");
        for member in &self.members {
            let definition = member.definition;
            let _ = write!(out, "{}:[[", quoted(member.key));
            for (url, forms) in &definition.imports {
                let _ = write!(out, "[{},{}],", key(url), quoted(forms));
            }
            out.push_str("],");
            out.push_str(&definition.head);
            at(&out, member);
            out.push_str(&definition.body);
            out.push_str("\n}");
            let later = definition.dynamic.iter().filter_map(|(specifier, url)| {
                let now = stamped(url);
                (now != *url).then(|| format!("{}:{}", quoted(specifier), quoted(&now)))
            });
            let later = later.collect::<Vec<_>>().join(",");
            if !later.is_empty() {
                let _ = write!(out, ",0,{{{later}}}");
            }
            out.push_str("],\n");
        }
        let _ = writeln!(out, "}},{}];\n{COMMENT}{}", self.version, self.map);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use oxc_sourcemap::{SourceMap, SourceMapBuilder};

    use super::{Definition, Member, Pack};

    /// Returns the word at a position of a text.
    fn word(text: &str, line: u32, column: u32) -> &str {
        let line = text.lines().nth(line as usize).unwrap_or_default();
        let rest = &line[column as usize..];
        rest.split(|it: char| !it.is_alphanumeric()).next().unwrap_or_default()
    }

    #[test]
    fn the_source_map_of_a_pack_has_the_positions_of_its_code() {
        let code = "import { one, two } from './x';\n\
                    export const three = one(two, one), four = two;\n\
                    export default () => four;\n";
        let mut builder = SourceMapBuilder::default();
        let source = builder.add_source_and_content("a.ts", code);
        for (line, text) in (0..).zip(code.lines()) {
            for name in ["three", "four", ", one", "= two", "(two"] {
                let Some(at) = text.find(name) else { continue };
                let skipped = name.len() - name.trim_start_matches([',', ' ', '=', '(']).len();
                let column = u32::try_from(at + skipped).expect("short");
                builder.add_token(line, column, line, column, Some(source), None);
            }
        }
        let map = builder.into_sourcemap().to_data_url();
        let definition =
            Definition::of("/a.ts", &format!("{code}//# sourceMappingURL={map}\n")).expect("valid");
        let pack = Pack {
            members: vec![Member { key: "/a.ts?t=1", definition: &definition }],
            natives: &HashSet::new(),
            entries: Vec::new(),
            version: 1,
            map: String::new(),
        };
        let (generated, _) = pack.code(str::to_owned);
        let map: serde_json::Value =
            serde_json::from_str(&pack.source_map(str::to_owned)).expect("JSON");
        let section = &map["sections"][0];
        let offset = |name| {
            let number = section["offset"][name].as_u64().expect("a number");
            u32::try_from(number).expect("short")
        };
        let text = section["map"].to_string();
        let map = SourceMap::from_json_string(&text).expect("a source map");
        let mut words = Vec::new();
        for token in map.get_tokens() {
            let (line, column) = (token.get_dst_line(), token.get_dst_col());
            let column = if line == 0 { column + offset("column") } else { column };
            let of_source = word(code, token.get_src_line(), token.get_src_col());
            // An import is read as a property, `x.one`.
            let rest = word(&generated, line + offset("line"), column);
            let line = generated.lines().nth((line + offset("line")) as usize).expect("a line");
            let text = &line[column as usize..];
            let read = text.trim_start_matches("(0,").split_once('.');
            let is_import = read.is_some_and(|(object, property)| {
                object.chars().all(|it| it == '$' || it.is_alphanumeric())
                    && property.starts_with(of_source)
            });
            assert!(rest == of_source || is_import, "{of_source}: {text:?}");
            words.push(of_source);
        }
        assert_eq!(words.len(), 6, "{words:?}");
    }
}
