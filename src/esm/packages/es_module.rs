//! Converts an ES module of a package to a definition for the registry.
//!
//! The definition is a generator function. Up to its `yield` it declares the exports of the module,
//! as functions that read the bindings. So, as in a browser, all modules of a graph are linked
//! before the first one runs, functions can be called across a cycle, and bindings are live. Each
//! use of an imported name reads it from an object that the registry passes in. The rest of the
//! source stays as it is, line by line.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use oxc::{
    ast::ast::{
        Declaration, ExportDefaultDeclaration, ExportDefaultDeclarationKind, ExportFromDeclaration,
        ExportNamedDeclaration, Expression, ImportDeclaration, ImportDeclarationSpecifier,
        ModuleExportName, Program, Statement,
    },
    ast_visit::Visit,
    semantic::{Scoping, SymbolId},
    span::{GetSpan, Span},
};

use super::{
    export_names::ExportNames,
    js::{is_identifier, quoted},
    requests::{RequestKind, Requests},
    transform::{Bindings, Transform},
};
use crate::esm::edits::Edits;

/// A converted module.
pub(super) struct Converted {
    pub(super) requests: Requests,
    /// See [`Format::Module`](super::definition::Format::Module).
    pub(super) imports: Vec<(usize, String)>,
    pub(super) names: ExportNames,
    pub(super) has_default: bool,
    pub(super) awaits: bool,
    /// The beginning of the function, before the source.
    pub(super) head: String,
    pub(super) edits: Edits,
}

/// What the import and export statements of a module say.
struct Module<'s> {
    source: &'s str,
    /// The name of the context parameter, which no name in the source begins with.
    context: String,
    requests: Requests,
    /// The forms in which each request is read.
    imports: BTreeMap<usize, BTreeSet<char>>,
    /// The expressions that read imported names.
    bindings: HashMap<SymbolId, String>,
    /// The exported names, and the expressions that read them.
    exports: BTreeMap<String, String>,
    /// The requests of `export * from`.
    stars: Vec<usize>,
    edits: Edits,
}

/// Converts a module.
pub(super) fn convert(source: &str, program: &Program<'_>, scoping: &Scoping) -> Converted {
    let mut module = Module {
        source,
        context: context_name(source),
        requests: Requests::default(),
        imports: BTreeMap::new(),
        bindings: HashMap::new(),
        exports: BTreeMap::new(),
        stars: Vec::new(),
        edits: Edits::default(),
    };
    // Requests in source order: dependencies run in that order.
    for statement in &program.body {
        module.visit_import(statement);
    }
    for statement in &program.body {
        module.visit_export(statement, scoping);
    }
    let bindings = Bindings {
        scoping,
        imports: std::mem::take(&mut module.bindings),
        context: module.context.clone(),
    };
    let mut transform = Transform::new(Some(bindings));
    transform.edits = std::mem::take(&mut module.edits);
    transform.requests = module.requests.clone();
    transform.visit_program(program);
    module.finish(transform)
}

/// Returns a short name that no name in the source begins with.
fn context_name(source: &str) -> String {
    let mut used = HashSet::new();
    for (at, name) in source.match_indices("$l") {
        let rest = &source[at + name.len()..];
        let digits = rest.bytes().take(9).take_while(u8::is_ascii_digit).count();
        let number = rest[digits..].starts_with('_').then(|| rest[..digits].parse::<u32>());
        used.insert(number.and_then(Result::ok).unwrap_or_default());
    }
    let mut number = 0_u32;
    while used.contains(&number) {
        number += 1;
    }
    if number == 0 { "$l".to_owned() } else { format!("$l{number}_") }
}

impl Module<'_> {
    /// Returns the expression that reads an export of another module.
    fn read_export(&mut self, request: usize, name: &str) -> String {
        let (form, property) = match name {
            "default" => ('d', ".default".to_owned()),
            name if is_identifier(name) => ('n', format!(".{name}")),
            name => ('n', format!("[{}]", quoted(name))),
        };
        self.read_module(request, form) + &property
    }

    /// Returns the parameter that holds another module in one of its forms.
    fn read_module(&mut self, request: usize, form: char) -> String {
        self.imports.entry(request).or_default().insert(form);
        format!("{}{request}{form}", self.context)
    }

    fn add_request(&mut self, specifier: &str) -> usize {
        let request = self.requests.add(specifier, RequestKind::Import);
        self.imports.entry(request).or_default();
        request
    }

    /// Handles a statement that imports from another module, and removes it.
    fn visit_import(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::ImportDeclaration(it) => self.import(it),
            Statement::ExportFromDeclaration(it) => self.export_from(it),
            Statement::ExportAllDeclaration(it) => {
                let request = self.add_request(&it.source.value);
                match &it.exported {
                    Some(name) => {
                        let getter = self.read_module(request, 's');
                        self.exports.insert(name.name().to_string(), getter);
                    }
                    None => self.stars.push(request),
                }
            }
            _ => return,
        }
        // The previous line may lack a semicolon.
        self.edits.blank(self.source, statement.span(), ";");
    }

    fn export_from(&mut self, it: &ExportFromDeclaration<'_>) {
        let request = self.add_request(&it.source.value);
        for specifier in &it.specifiers {
            let getter = self.read_export(request, &specifier.local.name());
            self.exports.insert(specifier.exported.name().to_string(), getter);
        }
    }

    fn import(&mut self, it: &ImportDeclaration<'_>) {
        let request = self.add_request(&it.source.value);
        for specifier in it.specifiers.iter().flatten() {
            let getter = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(specifier) => {
                    self.read_export(request, &specifier.imported.name())
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => {
                    self.read_export(request, "default")
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => {
                    self.read_module(request, 's')
                }
            };
            if let Some(symbol) = specifier.local().symbol_id.get() {
                self.bindings.insert(symbol, getter);
            }
        }
    }

    /// Handles a statement that exports something of its own, and removes its keywords.
    fn visit_export(&mut self, statement: &Statement<'_>, scoping: &Scoping) {
        match statement {
            Statement::ExportNamedDeclaration(it) => self.export_names(it, scoping),
            Statement::ExportDeclaration(it) => {
                for name in declared_names(&it.declaration) {
                    self.exports.insert(name.clone(), name);
                }
                let keyword = Span::new(it.span.start, it.declaration.span().start);
                self.edits.blank(self.source, keyword, ";");
            }
            Statement::ExportDefaultDeclaration(it) => self.export_default(it),
            _ => {}
        }
    }

    fn export_names(&mut self, it: &ExportNamedDeclaration<'_>, scoping: &Scoping) {
        for specifier in &it.specifiers {
            let ModuleExportName::IdentifierReference(local) = &specifier.local else { continue };
            let reference = local.reference_id.get();
            let symbol = reference.and_then(|id| scoping.get_reference(id).symbol_id());
            let imported = symbol.and_then(|symbol| self.bindings.get(&symbol)).cloned();
            let getter = imported.unwrap_or_else(|| local.name.to_string());
            self.exports.insert(specifier.exported.name().to_string(), getter);
        }
        self.edits.blank(self.source, it.span, ";");
    }

    fn export_default(&mut self, it: &ExportDefaultDeclaration<'_>) {
        let keyword = Span::new(it.span.start, it.declaration.span().start);
        let local = format!("{}default", self.context);
        let name = match &it.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                self.edits.blank(self.source, keyword, ";");
                if let Some(name) = &function.id {
                    name.name.to_string()
                } else {
                    // It stays a declaration, because hoisting lets code above call it.
                    self.edits.insert(function.params.span.start, format!(" {local}"));
                    local
                }
            }
            ExportDefaultDeclarationKind::ClassDeclaration(class) if class.id.is_some() => {
                self.edits.blank(self.source, keyword, ";");
                class.id.as_ref().map(|name| name.name.to_string()).unwrap_or_default()
            }
            other => {
                // Anonymous functions and classes get the name "default" (ECMA-262, section
                // 16.2.3.7).
                if other.as_expression().is_none_or(is_anonymous) {
                    let before = format!(";const {local}={{default:");
                    self.edits.blank(self.source, keyword, &before);
                    self.edits.insert(other.span().end, "}.default;");
                } else {
                    self.edits.blank(self.source, keyword, &format!(";const {local}="));
                }
                local
            }
        };
        self.exports.insert("default".to_owned(), name);
    }

    /// Writes the head of the function, and collects the result.
    fn finish(self, transform: Transform<'_>) -> Converted {
        let mut parameters = Vec::new();
        let mut imports = Vec::new();
        for (request, forms) in &self.imports {
            parameters.extend(forms.iter().map(|form| format!("{}{request}{form}", self.context)));
            imports.push((*request, forms.iter().collect()));
        }
        let head = self.head(&transform, &parameters);
        let specifier =
            |request: &usize| Some(transform.requests.list.get(*request)?.specifier.clone());
        let stars = self.stars.iter().filter_map(specifier).collect();
        let has_default = self.exports.contains_key("default");
        let own = self.exports.into_keys().filter(|name| name != "default").collect();
        Converted {
            imports,
            names: ExportNames { own, stars },
            has_default,
            awaits: transform.awaits,
            head,
            requests: transform.requests,
            edits: transform.edits,
        }
    }

    /// Returns the beginning of the generator function. It links the module: it passes the registry
    /// the getters of the exports, a setter for the parameters, and the positions of the star
    /// exports among the imports.
    fn head(&self, transform: &Transform<'_>, parameters: &[String]) -> String {
        let context = &self.context;
        let getters = self.exports.iter().map(|(name, getter)| {
            let name = if is_identifier(name) { name.clone() } else { quoted(name) };
            format!("{name}:()=>{getter}")
        });
        let getters = getters.collect::<Vec<_>>().join(",");
        let star_position = |star: &usize| {
            Some(self.imports.keys().position(|request| request == star)?.to_string())
        };
        let stars = self.stars.iter().filter_map(star_position).collect::<Vec<_>>().join(",");
        let undeclared = transform.undeclared.iter();
        let globals = undeclared.map(|name| format!("const {name}={context}.{name};"));
        let globals = globals.collect::<Vec<_>>().concat();
        let new_values = parameters.iter().map(|name| format!("{name}_"));
        let new_values = new_values.collect::<Vec<_>>().join(",");
        let assignments = parameters.iter().map(|name| format!("{name}={name}_;"));
        let assignments = assignments.collect::<Vec<_>>().concat();
        let awaits = if transform.awaits { "async " } else { "" };
        let comma = if parameters.is_empty() { "" } else { "," };
        format!(
            "{awaits}function*({context}{comma}{}){{{globals}{context}.link({{{getters}}},({new_values})=>{{{assignments}}},[{stars}]);yield;",
            parameters.join(","),
        )
    }
}

/// Returns the names that a declaration binds.
fn declared_names(declaration: &Declaration<'_>) -> Vec<String> {
    match declaration {
        Declaration::VariableDeclaration(it) => {
            let names = it.declarations.iter().flat_map(|one| one.id.get_binding_identifiers());
            names.map(|name| name.name.to_string()).collect()
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

/// Returns whether an expression is a function or class without a name.
fn is_anonymous(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::ArrowFunctionExpression(_) => true,
        Expression::FunctionExpression(function) => function.id.is_none(),
        Expression::ClassExpression(class) => class.id.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::context_name;

    #[test]
    fn context_is_short_and_unused() {
        for (source, wanted) in [
            ("a", "$l"),
            ("$l", "$l1_"),
            ("$l $l1 $l1_ $l2_x", "$l3_"),
            ("$l2_ $l99999999999_", "$l1_"),
        ] {
            assert_eq!(context_name(source), wanted, "{source}");
        }
        assert_eq!(context_name(&format!("$l{}", "_".repeat(1_000_000))), "$l1_");
    }
}
