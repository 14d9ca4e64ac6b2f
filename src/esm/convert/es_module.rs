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
        ModuleExportName, Program, Statement, StringLiteral, WithClause,
    },
    ast_visit::Visit,
    semantic::{Scoping, SymbolId},
    span::{GetSpan, Span},
};

use super::{
    export_names::ExportNames,
    js::{is_identifier, property_key, quoted},
    requests::{ATTRIBUTES, RequestKind, Requests},
    transform::{Bindings, Origin, Transform},
};
use crate::esm::edits::Edits;

/// Stands for the namespace object in place of a name.
const NAMESPACE: &str = "*";

/// A converted module.
pub(in crate::esm) struct Converted {
    pub(in crate::esm) requests: Requests,
    /// The imports: each one's position among the requests, and the forms in which it is read.
    pub(in crate::esm) imports: Vec<(usize, String)>,
    pub(in crate::esm) names: ExportNames,
    pub(in crate::esm) has_default: bool,
    pub(in crate::esm) awaits: bool,
    /// The beginning of the function, before the source.
    pub(in crate::esm) head: String,
    pub(in crate::esm) edits: Edits,
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
    /// The exports that are those of another module: its request, and the name there.
    indirect: BTreeMap<String, (usize, String)>,
    /// The imported names.
    names: BTreeSet<(usize, String)>,
    /// The imported name of each binding.
    imported: HashMap<SymbolId, (usize, String)>,
    origin: Origin,
    /// Whether the default export is a function declaration without a name.
    is_default_anonymous: bool,
    edits: Edits,
}

/// Converts a module.
pub(in crate::esm) fn convert(
    source: &str,
    program: &Program<'_>,
    scoping: &Scoping,
    origin: Origin,
) -> Converted {
    let mut module = Module {
        source,
        context: context_name(source),
        requests: Requests::default(),
        imports: BTreeMap::new(),
        bindings: HashMap::new(),
        exports: BTreeMap::new(),
        stars: Vec::new(),
        indirect: BTreeMap::new(),
        names: BTreeSet::new(),
        imported: HashMap::new(),
        origin,
        is_default_anonymous: false,
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
        origin,
    };
    let mut transform = Transform::new(source, Some(bindings));
    transform.edits = std::mem::take(&mut module.edits);
    transform.requests = module.requests.clone();
    transform.visit_program(program);
    if !transform.is_async {
        for (span, text) in std::mem::take(&mut transform.yields) {
            transform.edits.replace(span, text);
        }
    }
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

    /// Adds the request of a statement. For a module of the project, its import attributes follow
    /// the specifier, because the browser decides what they mean.
    fn add_request(
        &mut self,
        source: &StringLiteral<'_>,
        attributes: Option<&WithClause<'_>>,
    ) -> usize {
        let attributes = attributes.filter(|_| self.origin == Origin::Project);
        let attributes = attributes.iter().flat_map(|clause| &clause.with_entries).map(|entry| {
            format!("{}:{}", quoted(&entry.key.as_arena_str()), quoted(&entry.value.value))
        });
        let attributes = attributes.collect::<Vec<_>>().join(",");
        let specifier = if attributes.is_empty() {
            source.value.to_string()
        } else {
            format!("{}{ATTRIBUTES}{attributes}}}", source.value)
        };
        let request = self.requests.add(&specifier, RequestKind::Import);
        self.imports.entry(request).or_default();
        request
    }

    /// Handles a statement that imports from another module, and removes it.
    fn visit_import(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::ImportDeclaration(it) => self.import(it),
            Statement::ExportFromDeclaration(it) => self.export_from(it),
            Statement::ExportAllDeclaration(it) => {
                let request = self.add_request(&it.source, it.with_clause.as_deref());
                match &it.exported {
                    Some(name) => {
                        let getter = self.read_module(request, 's');
                        let name = name.name().to_string();
                        self.indirect.insert(name.clone(), (request, NAMESPACE.to_owned()));
                        self.exports.insert(name, getter);
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
        let request = self.add_request(&it.source, it.with_clause.as_deref());
        for specifier in &it.specifiers {
            let name = specifier.local.name();
            let getter = self.read_export(request, &name);
            self.indirect
                .insert(specifier.exported.name().to_string(), (request, name.to_string()));
            self.exports.insert(specifier.exported.name().to_string(), getter);
        }
    }

    fn import(&mut self, it: &ImportDeclaration<'_>) {
        let request = self.add_request(&it.source, it.with_clause.as_deref());
        for specifier in it.specifiers.iter().flatten() {
            let name = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(specifier) => {
                    Some(specifier.imported.name().to_string())
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => Some("default".to_owned()),
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => None,
            };
            let getter = match &name {
                Some(name) => self.read_export(request, name),
                None => self.read_module(request, 's'),
            };
            let symbol = specifier.local().symbol_id.get();
            if let Some(symbol) = symbol {
                self.bindings.insert(symbol, getter);
            }
            if let Some(name) = &name {
                self.names.insert((request, name.clone()));
            }
            let name = name.unwrap_or_else(|| NAMESPACE.to_owned());
            symbol.map(|symbol| self.imported.insert(symbol, (request, name)));
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
            if let Some(imported) = symbol.and_then(|symbol| self.imported.get(&symbol)) {
                self.indirect.insert(specifier.exported.name().to_string(), imported.clone());
            }
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
                    self.is_default_anonymous = true;
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
            awaits: transform.awaits || transform.is_async,
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
        let getters = self
            .exports
            .iter()
            .map(|(name, getter)| format!("{}:()=>{getter}", property_key(name)));
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
        let function = if transform.is_async { "async function*" } else { "function*" };
        let details = self.details(transform);
        // ECMA-262, section 16.2.3.7.
        let named = if self.is_default_anonymous {
            format!("Object.defineProperty({context}default,\"name\",{{value:\"default\"}});")
        } else {
            String::new()
        };
        let comma = if parameters.is_empty() { "" } else { "," };
        format!(
            "{function}({context}{comma}{}){{{globals}{context}.link({{{getters}}},({new_values})=>{{{assignments}}},[{stars}],{details});{named}yield;",
            parameters.join(","),
        )
    }
}

impl Module<'_> {
    /// Returns whether the module awaits. For a module of the project, also the exports that are
    /// those of another module, and the imported names, which must exist: lists of the position of
    /// an import and a name.
    fn details(&self, transform: &Transform<'_>) -> String {
        let awaits = u8::from(transform.awaits || transform.is_async);
        if self.origin == Origin::Package {
            return awaits.to_string();
        }
        let at = |request: &usize| self.imports.keys().position(|known| known == request);
        let indirect = self.indirect.iter().filter_map(|(exported, (request, name))| {
            Some(format!("{}:[{},{}]", property_key(exported), at(request)?, quoted(name)))
        });
        let names = self
            .names
            .iter()
            .filter_map(|(request, name)| Some(format!("[{},{}]", at(request)?, quoted(name))));
        let indirect = indirect.collect::<Vec<_>>().join(",");
        let names = names.collect::<Vec<_>>().join(",");
        format!("{awaits},{{__proto__:null,{indirect}}},[{names}]")
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
    match expression.without_parentheses() {
        Expression::ArrowFunctionExpression(_) => true,
        Expression::FunctionExpression(function) => function.id.is_none(),
        Expression::ClassExpression(class) => class.id.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use oxc::{allocator::Allocator, parser::Parser, semantic::SemanticBuilder, span::SourceType};

    use super::{Origin, context_name, convert};

    /// Converts a module of the project. Returns the head and the body of its function.
    fn converted(source: &str) -> (String, String) {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
        assert!(parsed.diagnostics.errors().next().is_none(), "{source}");
        let scoping = SemanticBuilder::new().build(&parsed.program).semantic.into_scoping();
        let module = convert(source, &parsed.program, &scoping, Origin::Project);
        (module.head, module.edits.apply(source))
    }

    #[test]
    fn uses_of_imports_read_and_write_as_in_a_module() {
        for (source, expected) in [
            ("a;", "$l0n.a;"),
            ("a();", "$l.call($l0n.a)();"),
            ("x = a();", "x = (0,$l0n.a)();"),
            ("x = (a)();", "x = (0,$l0n.a)();"),
            ("x = a``;", "x = (0,$l0n.a)``;"),
            ("new a();", "new $l0n.a();"),
            ("x = { a };", "x = { a:$l0n.a };"),
            ("x = { p };", "x = { p:$l0n.__proto__ };"),
            ("x = { __proto__ };", "x = { [\"__proto__\"]:$l0n.a };"),
            ("a = 1;", "$l0n.a = 1;"),
            ("n = 1;", "Object.freeze({_:0})._ = 1;"),
            ("[a] = x;", "[$l0n.a] = x;"),
            ("({ a } = x);", "({ a:$l0n.a } = x);"),
            ("({ a = 1, b: a } = x);", "({ a:$l0n.a = 1, b: $l0n.a } = x);"),
            ("({ n } = x);", "({ n:Object.freeze({_:0})._ } = x);"),
            ("for (a of x);", "for ($l0n.a of x);"),
            ("(a) => a;", "(a) => a;"),
        ] {
            let imports = "import { a, a as __proto__, __proto__ as p } from 'd';\n\
                import * as n from 'd';\n";
            let (_, body) = converted(&format!("{imports}{source}"));
            let body = body.trim_start_matches([';', '\n']);
            assert_eq!(body, expected, "{source}");
        }
    }

    #[test]
    fn what_a_generator_has_and_a_module_lacks_is_hidden() {
        for (source, expected) in [
            ("arguments;", "$larguments;"),
            ("() => arguments;", "() => $larguments;"),
            (
                "function f() { return () => arguments; }",
                "function f() { return () => arguments; }",
            ),
            ("x = { m() { arguments; } };", "x = { m() { arguments; } };"),
        ] {
            assert_eq!(converted(source).1, expected);
        }
    }

    #[test]
    fn line_breaks_are_kept() {
        for source in [
            "import {\n  a,\n} from 'd';\na();",
            "export {\n  a\n} from 'd';",
            "await\n  x;",
            "x = await // comment\n  (\n1);",
            "for await\n (const a of await\n x);",
            "import(\n'd'\n);",
            "export default\n\n  class {\n};",
            "export\n  const a = 1;",
        ] {
            let (head, body) = converted(source);
            assert_eq!(head.matches('\n').count(), 0, "{source}");
            assert_eq!(
                body.matches('\n').count(),
                source.matches('\n').count(),
                "{source}: {body}"
            );
        }
        assert_eq!(converted("await\nx").1, "0,(yield(\nx))");
    }

    #[test]
    fn exports_are_getters_by_any_name() {
        for (source, expected) in [
            ("export let a = 1;", "{a:()=>a}"),
            ("let a; export { a as 'b c' };", "{\"b c\":()=>a}"),
            ("let a; export { a as __proto__ };", "{[\"__proto__\"]:()=>a}"),
            ("export default function () {}", "{default:()=>$ldefault}"),
            ("export { a as __proto__ } from 'd';", "{__proto__:null,[\"__proto__\"]:[0,\"a\"]}"),
        ] {
            let (head, _) = converted(source);
            assert!(head.contains(expected), "{source}: {head}");
        }
    }

    #[test]
    fn import_attributes_are_part_of_a_request() {
        let source = "import a from 'd' with { type: 'css', 'x-y': \"z\" };\n\
            import b from 'd' with {};\nimport c from 'd';";
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
        let scoping = SemanticBuilder::new().build(&parsed.program).semantic.into_scoping();
        let module = convert(source, &parsed.program, &scoping, Origin::Project);
        let requests = module.requests.list.iter().map(|request| request.specifier.as_str());
        assert_eq!(requests.collect::<Vec<_>>(), ["d with {\"type\":\"css\",\"x-y\":\"z\"}", "d"]);
    }

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
