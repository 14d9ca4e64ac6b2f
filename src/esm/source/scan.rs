//! What a module's syntax tree says of it: what it imports, and what of livers it uses.

use std::collections::{BTreeMap, BTreeSet};

use oxc::{
    ast::ast::{
        Decorator, ExportAllDeclaration, ExportFromDeclaration, Expression, ImportAttributeKey,
        ImportDeclaration, ImportDeclarationSpecifier, ImportExpression, ImportMeta, JSXElement,
        JSXFragment, Program, PropertyKey, StaticMemberExpression, StringLiteral, WithClause,
    },
    ast_visit::{Visit, walk},
    span::{GetSpan, Span},
};

/// One import, static or dynamic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// What is imported, as it is written.
    pub(super) specifier: String,
    /// The type that its attributes name.
    pub(super) kind: Option<String>,
    /// Where the specifier stands; empty where the transformer wrote it.
    pub(super) span: Span,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The imports, in order.
    pub(super) requests: Vec<Request>,
    /// What is imported by name, for each specifier.
    pub(super) names: BTreeMap<String, BTreeSet<String>>,
    /// The first element of JSX.
    pub(super) jsx: Option<Span>,
    /// The first decorator.
    pub(super) decorator: Option<Span>,
    /// Whether `import.meta.env` is used.
    pub(super) env: bool,
    /// Whether `import.meta.hot` is used.
    pub(super) hot: bool,
    /// Whether `import.meta.glob` is used.
    pub(super) glob: bool,
    /// The specifiers of which something is imported by default.
    pub(super) defaults: BTreeSet<String>,
    /// The names of imported namespaces, and what they are of.
    namespaces: BTreeMap<String, String>,
}

impl Scan {
    /// Looks through a program.
    pub(super) fn of(program: &Program<'_>) -> Self {
        let mut scan = Self::default();
        scan.visit_program(program);
        if !scan.namespaces.is_empty() {
            // A name that is shadowed is asked for in vain, which costs nothing.
            let mut members = Members { scan: &mut scan };
            members.visit_program(program);
        }
        scan
    }

    fn request(&mut self, source: &StringLiteral<'_>, with: Option<&WithClause<'_>>) {
        let kind = with.and_then(kind_of);
        let specifier = source.value.to_string();
        self.requests.push(Request { specifier, kind, span: source.span });
    }

    fn name(&mut self, specifier: &str, name: &str) {
        if name == "default" {
            self.by_default(specifier);
        } else {
            self.names.entry(specifier.to_owned()).or_default().insert(name.to_owned());
        }
    }

    fn by_default(&mut self, specifier: &str) {
        self.defaults.insert(specifier.to_owned());
    }
}

/// The type that import attributes name.
pub(super) fn kind_of(with: &WithClause<'_>) -> Option<String> {
    with.with_entries.iter().find_map(|entry| {
        let key = match &entry.key {
            ImportAttributeKey::Identifier(name) => name.name.as_str(),
            ImportAttributeKey::StringLiteral(name) => name.value.as_str(),
        };
        (key == "type").then(|| entry.value.value.to_string())
    })
}

/// The type that the options of an `import()` name.
pub(super) fn kind_of_options(options: &Expression<'_>) -> Option<String> {
    let value = member(member(options, "with")?, "type")?;
    match value {
        Expression::StringLiteral(value) => Some(value.value.to_string()),
        _ => None,
    }
}

/// The value of a property of an object literal.
fn member<'b, 'a>(object: &'b Expression<'a>, name: &str) -> Option<&'b Expression<'a>> {
    let Expression::ObjectExpression(object) = object else { return None };
    object.properties.iter().find_map(|property| {
        let property = property.as_property()?;
        let named = match &property.key {
            PropertyKey::StaticIdentifier(key) => key.name == name,
            PropertyKey::StringLiteral(key) => key.value == name,
            _ => false,
        };
        named.then_some(&property.value)
    })
}

/// The text of an expression that is one and nothing else.
pub(super) fn literal(expression: &Expression<'_>) -> Option<String> {
    match expression {
        Expression::StringLiteral(literal) if !literal.lone_surrogates => {
            Some(literal.value.to_string())
        }
        Expression::TemplateLiteral(template) if template.expressions.is_empty() => {
            Some(template.quasis.first()?.value.cooked?.to_string())
        }
        _ => None,
    }
}

impl<'a> Visit<'a> for Scan {
    fn visit_import_declaration(&mut self, import: &ImportDeclaration<'a>) {
        if import.import_kind.is_type() {
            return;
        }
        self.request(&import.source, import.with_clause.as_deref());
        let specifier = import.source.value.as_str();
        for imported in import.specifiers.iter().flatten() {
            match imported {
                ImportDeclarationSpecifier::ImportSpecifier(named) => {
                    if !named.import_kind.is_type() {
                        self.name(specifier, &named.imported.name());
                    }
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => {
                    self.namespaces.insert(all.local.name.to_string(), specifier.to_owned());
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => self.by_default(specifier),
            }
        }
    }

    fn visit_export_from_declaration(&mut self, export: &ExportFromDeclaration<'a>) {
        if export.export_kind.is_type() {
            return;
        }
        self.request(&export.source, export.with_clause.as_deref());
        for exported in &export.specifiers {
            if !exported.export_kind.is_type() {
                self.name(&export.source.value, &exported.local.name());
            }
        }
    }

    fn visit_export_all_declaration(&mut self, export: &ExportAllDeclaration<'a>) {
        if !export.export_kind.is_type() {
            self.request(&export.source, export.with_clause.as_deref());
        }
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        if let Some(specifier) = literal(&import.source) {
            let kind = import.options.as_ref().and_then(kind_of_options);
            self.requests.push(Request { specifier, kind, span: import.source.span() });
        }
        walk::walk_import_expression(self, import);
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        if !matches!(member.object, Expression::ImportMeta(_)) {
            return walk::walk_static_member_expression(self, member);
        }
        match member.property.name.as_str() {
            "env" => self.env = true,
            "hot" => self.hot = true,
            "glob" => self.glob = true,
            _ => {}
        }
    }

    fn visit_import_meta(&mut self, _: &ImportMeta) {
        // It goes somewhere whole.
        self.env = true;
        self.hot = true;
    }

    fn visit_jsx_element(&mut self, element: &JSXElement<'a>) {
        self.jsx.get_or_insert(element.span);
        walk::walk_jsx_element(self, element);
    }

    fn visit_jsx_fragment(&mut self, fragment: &JSXFragment<'a>) {
        self.jsx.get_or_insert(fragment.span);
        walk::walk_jsx_fragment(self, fragment);
    }

    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        self.decorator.get_or_insert(decorator.span);
        walk::walk_decorator(self, decorator);
    }
}

/// Finds which members of imported namespaces are used.
struct Members<'s> {
    scan: &'s mut Scan,
}

impl<'a> Visit<'a> for Members<'_> {
    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        if let Expression::Identifier(object) = &member.object
            && let Some(specifier) = self.scan.namespaces.get(object.name.as_str()).cloned()
        {
            self.scan.name(&specifier, &member.property.name);
        }
        walk::walk_static_member_expression(self, member);
    }
}
