//! What the scripts in a page itself import, so that an import map can lead there.

use oxc::{allocator::Allocator, parser::Parser, span::SourceType};

use super::{depth, scan::Scan};

/// The bare specifiers that a module's code imports, and the names that it imports from each. None
/// where it is no JavaScript.
pub(crate) fn inline_imports(code: &str) -> Vec<(String, Vec<String>)> {
    depth::with_stack(code, || scan(code)).unwrap_or_default()
}

fn scan(code: &str) -> Vec<(String, Vec<String>)> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, code, SourceType::mjs()).parse();
    if parsed.diagnostics.has_errors() {
        return Vec::new();
    }
    let scan = Scan::of(&parsed.program);
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for request in scan.requests {
        let specifier = request.specifier;
        if is_bare(&specifier) && found.iter().all(|(known, _)| *known != specifier) {
            let names = scan.names.get(&specifier).into_iter().flatten().cloned().collect();
            found.push((specifier, names));
        }
    }
    found
}

/// Whether a specifier means nothing to a browser by itself.
fn is_bare(specifier: &str) -> bool {
    let url = specifier.split_once(':').is_some_and(|(scheme, _)| {
        scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
    });
    !specifier.is_empty()
        && !url
        && !["/", "./", "../"].iter().any(|start| specifier.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::inline_imports;

    #[test]
    fn bare_imports_of_a_script_are_found() {
        let code = "import React, { useState as s } from 'react'; import './a.js';\n\
            import * as d3 from 'd3'; d3.select(1); export * from '/x.js';\n\
            import 'https://a.example/b.js'; const m = await import('lodash/map');\n\
            import { useRef } from 'react';";
        let wanted =
            [("react", vec!["useRef", "useState"]), ("d3", vec!["select"]), ("lodash/map", vec![])];
        let found = inline_imports(code);
        let found: Vec<_> = found
            .iter()
            .map(|(specifier, names)| {
                (specifier.as_str(), names.iter().map(String::as_str).collect())
            })
            .collect();
        assert_eq!(found, wanted);
        assert!(inline_imports("import {").is_empty());
    }
}
