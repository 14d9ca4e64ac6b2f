//! Bare imports of the inline scripts in a page, for the import map that livers generates.

use std::collections::HashSet;

use oxc::{allocator::Allocator, parser::Parser, span::SourceType};

use super::scan::Scan;
use crate::esm::stack::run_with_stack;

/// Returns the bare specifiers that the code of a module imports, each with the names that it
/// imports from it. Returns nothing for code with a syntax error.
pub(crate) fn bare_imports(code: &str) -> Vec<(String, Vec<String>)> {
    run_with_stack(code, || scan(code)).unwrap_or_default()
}

fn scan(code: &str) -> Vec<(String, Vec<String>)> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, code, SourceType::mjs()).parse();
    if parsed.diagnostics.has_errors() {
        return Vec::new();
    }
    let scan = Scan::of(&parsed.program);
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut known = HashSet::new();
    for request in scan.requests {
        let specifier = request.specifier;
        if is_bare(&specifier) && known.insert(specifier.clone()) {
            let names = scan.names.get(&specifier).into_iter().flatten().cloned().collect();
            found.push((specifier, names));
        }
    }
    found
}

/// Returns whether a browser needs an import map to resolve a specifier.
fn is_bare(specifier: &str) -> bool {
    let is_url = specifier.split_once(':').is_some_and(|(scheme, _)| {
        scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
    });
    !specifier.is_empty()
        && !is_url
        && !["/", "./", "../"].iter().any(|start| specifier.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::bare_imports;

    #[test]
    fn bare_specifiers_are_returned_with_their_names() {
        let code = "import React, { useState as s } from 'react'; import './a.js';\n\
            import * as d3 from 'd3'; d3.select(1); export * from '/x.js';\n\
            import 'https://a.example/b.js'; const m = await import('lodash/map');\n\
            import { useRef } from 'react';";
        let expected =
            [("react", vec!["useRef", "useState"]), ("d3", vec!["select"]), ("lodash/map", vec![])];
        let found = bare_imports(code);
        let found: Vec<_> = found
            .iter()
            .map(|(specifier, names)| {
                (specifier.as_str(), names.iter().map(String::as_str).collect())
            })
            .collect();
        assert_eq!(found, expected);
        assert!(bare_imports("import {").is_empty());
    }
}
