//! An ES module as a definition for the registry.
//!
//! The definition is a generator. Up to its `yield` it tells what the module exports, as functions
//! that read the bindings; so, as in a browser, all modules of a graph are linked before the first
//! one runs, functions can be called across a cycle, and bindings are live. What is imported is read
//! from what the registry hands in, at each use. The text stays as it is otherwise, line by line.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use oxc::{
    ast::ast::{
        Declaration, ExportDefaultDeclaration, ExportDefaultDeclarationKind, Expression,
        ImportDeclaration, ImportDeclarationSpecifier, ModuleExportName, Program, Statement,
    },
    ast_visit::Visit,
    semantic::{Scoping, SymbolId},
    span::{GetSpan, Span},
};

use super::{
    names::Names,
    requests::{How, Requests},
    visit::{Bindings, Walk},
    write::quoted,
};
use crate::esm::edits::Edits;

/// A module that was converted.
pub(super) struct Converted {
    pub(super) requests: Requests,
    /// The request of each import, and the ways in which it is looked at: `n` its names, `d` its
    /// default, `s` all of it as an object.
    pub(super) views: Vec<(usize, String)>,
    pub(super) names: Names,
    pub(super) has_default: bool,
    pub(super) awaits: bool,
    /// What comes before the text.
    pub(super) head: String,
    pub(super) edits: Edits,
}

/// What is gathered from the statements.
struct Module<'s> {
    source: &'s str,
    /// A name that begins nothing in the source.
    hand: String,
    requests: Requests,
    views: BTreeMap<usize, BTreeSet<char>>,
    imports: HashMap<SymbolId, String>,
    /// What is exported, and how it is read.
    exports: BTreeMap<String, String>,
    stars: Vec<usize>,
    edits: Edits,
}

/// Converts a module.
pub(super) fn convert(source: &str, program: &Program<'_>, scoping: &Scoping) -> Converted {
    let mut hand = "$l".to_owned();
    while source.contains(&hand) {
        hand.push('_');
    }
    let mut module = Module {
        source,
        hand,
        requests: Requests::default(),
        views: BTreeMap::new(),
        imports: HashMap::new(),
        exports: BTreeMap::new(),
        stars: Vec::new(),
        edits: Edits::default(),
    };
    // In the order of the text: that is the order in which the modules run.
    for statement in &program.body {
        module.requested(statement);
    }
    for statement in &program.body {
        module.exported(statement, scoping);
    }
    let bindings = Bindings {
        scoping,
        imports: std::mem::take(&mut module.imports),
        hand: module.hand.clone(),
    };
    let mut walk = Walk::new(Some(bindings));
    (walk.edits, walk.requests) = (std::mem::take(&mut module.edits), module.requests.clone());
    walk.visit_program(program);
    module.finish(walk)
}

impl Module<'_> {
    /// How something that a module exports is read.
    fn member(&mut self, request: usize, name: &str) -> String {
        let (view, name) = match name {
            "default" => ('d', ".default".to_owned()),
            name if is_plain(name) => ('n', format!(".{name}")),
            name => ('n', format!("[{}]", quoted(name))),
        };
        self.look(request, view) + &name
    }

    fn look(&mut self, request: usize, view: char) -> String {
        self.views.entry(request).or_default().insert(view);
        format!("{}{request}{view}", self.hand)
    }

    fn request(&mut self, specifier: &str) -> usize {
        let request = self.requests.add(specifier, How::Import);
        self.views.entry(request).or_default();
        request
    }

    fn requested(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::ImportDeclaration(it) => self.import(it),
            Statement::ExportFromDeclaration(it) => {
                let request = self.request(&it.source.value);
                for specifier in &it.specifiers {
                    let getter = self.member(request, &specifier.local.name());
                    self.exports.insert(specifier.exported.name().to_string(), getter);
                }
            }
            Statement::ExportAllDeclaration(it) => {
                let request = self.request(&it.source.value);
                match &it.exported {
                    Some(name) => {
                        let getter = self.look(request, 's');
                        self.exports.insert(name.name().to_string(), getter);
                    }
                    None => self.stars.push(request),
                }
            }
            _ => return,
        }
        // The line before may have no semicolon.
        self.edits.blank(self.source, statement.span(), ";");
    }

    fn import(&mut self, it: &ImportDeclaration<'_>) {
        let request = self.request(&it.source.value);
        for specifier in it.specifiers.iter().flatten() {
            let getter = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(specifier) => {
                    self.member(request, &specifier.imported.name())
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => {
                    self.member(request, "default")
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => self.look(request, 's'),
            };
            if let Some(symbol) = specifier.local().symbol_id.get() {
                self.imports.insert(symbol, getter);
            }
        }
    }

    fn exported(&mut self, statement: &Statement<'_>, scoping: &Scoping) {
        match statement {
            Statement::ExportNamedDeclaration(it) => {
                for specifier in &it.specifiers {
                    let ModuleExportName::IdentifierReference(local) = &specifier.local else {
                        continue;
                    };
                    let symbol = local
                        .reference_id
                        .get()
                        .and_then(|reference| scoping.get_reference(reference).symbol_id());
                    let import = symbol.and_then(|symbol| self.imports.get(&symbol)).cloned();
                    let getter = import.unwrap_or_else(|| local.name.to_string());
                    self.exports.insert(specifier.exported.name().to_string(), getter);
                }
                self.edits.blank(self.source, it.span, ";");
            }
            Statement::ExportDeclaration(it) => {
                for name in declared(&it.declaration) {
                    self.exports.insert(name.clone(), name);
                }
                let keyword = Span::new(it.span.start, it.declaration.span().start);
                self.edits.blank(self.source, keyword, ";");
            }
            Statement::ExportDefaultDeclaration(it) => self.default(it),
            _ => {}
        }
    }

    fn default(&mut self, it: &ExportDefaultDeclaration<'_>) {
        let keyword = Span::new(it.span.start, it.declaration.span().start);
        let local = format!("{}default", self.hand);
        let name = match &it.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                self.edits.blank(self.source, keyword, ";");
                if let Some(name) = &function.id {
                    name.name.to_string()
                } else {
                    // It can be called before it is reached, so it has to stay a declaration.
                    self.edits.insert(function.params.span.start, format!(" {local}"));
                    local
                }
            }
            ExportDefaultDeclarationKind::ClassDeclaration(class) if class.id.is_some() => {
                self.edits.blank(self.source, keyword, ";");
                class.id.as_ref().map(|name| name.name.to_string()).unwrap_or_default()
            }
            other => {
                let nameless = match other.as_expression() {
                    Some(expression) => is_nameless(expression),
                    None => true,
                };
                // The name of what has none is "default".
                let (before, after) =
                    if nameless { ("{default:", "}.default;") } else { ("", ";") };
                self.edits.blank(self.source, keyword, &format!(";const {local}={before}"));
                if nameless {
                    let end = other.span().end;
                    self.edits.insert(end, after);
                }
                local
            }
        };
        self.exports.insert("default".to_owned(), name);
    }

    fn finish(self, walk: Walk<'_>) -> Converted {
        let hand = &self.hand;
        let mut parameters = Vec::new();
        let mut views = Vec::new();
        for (request, kinds) in self.views {
            parameters.extend(kinds.iter().map(|kind| format!("{hand}{request}{kind}")));
            views.push((request, kinds.into_iter().collect()));
        }
        let getters = self.exports.iter().map(|(name, getter)| {
            let name = if is_plain(name) { name.clone() } else { quoted(name) };
            format!("{name}:()=>{getter}")
        });
        let getters = getters.collect::<Vec<_>>().join(",");
        let list = |suffix: &str| {
            let names = parameters.iter().map(|name| format!("{name}{suffix}"));
            names.collect::<Vec<_>>().join(",")
        };
        let set: Vec<_> = parameters.iter().map(|name| format!("{name}={name}_;")).collect();
        // By position among the imports.
        let stars = self.stars.iter().filter_map(|star| {
            let at = views.iter().position(|(request, _)| request == star)?;
            Some(at.to_string())
        });
        let stars = stars.collect::<Vec<_>>().join(",");
        let given = walk.free.iter().map(|name| format!("const {name}={hand}.{name};"));
        let given = given.collect::<Vec<_>>().concat();
        let awaits = if walk.awaits { "async " } else { "" };
        let comma = if parameters.is_empty() { "" } else { "," };
        let head = format!(
            "{awaits}function*({hand}{comma}{}){{{given}{hand}.link({{{getters}}},({})=>{{{}}},[{stars}]);yield;",
            list(""),
            list("_"),
            set.concat(),
        );
        let has_default = self.exports.contains_key("default");
        let own = self.exports.into_keys().filter(|name| name != "default").collect();
        let star = |star: usize| walk.requests.0.get(star).map(|star| star.specifier.clone());
        let stars = self.stars.iter().filter_map(|&number| star(number)).collect();
        Converted {
            views,
            names: Names { own, stars },
            has_default,
            awaits: walk.awaits,
            head,
            requests: walk.requests,
            edits: walk.edits,
        }
    }
}

/// The names that a declaration declares.
fn declared(declaration: &Declaration<'_>) -> Vec<String> {
    match declaration {
        Declaration::VariableDeclaration(it) => {
            let patterns = it.declarations.iter().flat_map(|one| one.id.get_binding_identifiers());
            patterns.map(|name| name.name.to_string()).collect()
        }
        Declaration::FunctionDeclaration(it) => {
            it.id.iter().map(|name| name.name.to_string()).collect()
        }
        Declaration::ClassDeclaration(it) => {
            it.id.iter().map(|name| name.name.to_string()).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether an expression is a function or class without a name.
fn is_nameless(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::ArrowFunctionExpression(_) => true,
        Expression::FunctionExpression(function) => function.id.is_none(),
        Expression::ClassExpression(class) => class.id.is_none(),
        _ => false,
    }
}

/// Whether a name can stand behind a dot.
pub(super) fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    let letter = |char: char| char.is_ascii_alphabetic() || char == '_' || char == '$';
    chars.next().is_some_and(letter) && chars.all(|char| letter(char) || char.is_ascii_digit())
}
