//! Static analysis of a syntax tree: imports, and the features of livers that a script uses.

use std::collections::{BTreeMap, BTreeSet};

use oxc::{
    ast::ast::{
        Decorator, ExportAllDeclaration, ExportFromDeclaration, Expression, ImportAttributeKey,
        ImportDeclaration, ImportDeclarationSpecifier, ImportExpression, ImportMeta, JSXElement,
        JSXFragment, NewExpression, Program, PropertyKey, StaticMemberExpression, StringLiteral,
        TemplateElement, WithClause,
    },
    ast_visit::{Visit, walk},
    span::{GetSpan, Span},
};

use crate::esm::module_url::module_url;

/// A static or dynamic import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The specifier, as written.
    pub(super) specifier: String,
    /// The `type` import attribute.
    pub(super) kind: Option<String>,
    /// The position of the specifier; empty if the transformer added the import.
    pub(super) span: Span,
}

/// A name in an `import` or an `export .. from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) specifier: String,
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) is_export: bool,
}

/// The imports and features of a script.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The imports, in order.
    pub(super) requests: Vec<Request>,
    /// The names imported from each specifier, except `default`.
    pub(super) names: BTreeMap<String, BTreeSet<String>>,
    /// The specifiers whose default export is imported.
    pub(super) defaults: BTreeSet<String>,
    /// The imported and re-exported names in the text, in order.
    pub(super) named: Vec<Named>,
    /// The first JSX element or fragment.
    pub(super) jsx: Option<Span>,
    /// The first decorator.
    pub(super) decorator: Option<Span>,
    /// The first element that is nested too deeply.
    pub(super) too_deep: Option<Span>,
    /// Whether `import.meta.env` is used.
    pub(super) env: bool,
    /// Whether `import.meta.hot` is used.
    pub(super) hot: bool,
    /// Whether `import.meta.glob` is used.
    pub(super) glob: bool,
    /// The addresses that the rewriter may change, besides those of the imports.
    pub(super) addresses: Vec<Address>,
    /// The local names of imported namespaces, and their specifiers.
    namespaces: BTreeMap<String, String>,
    /// The number of JSX elements around the current node.
    elements: usize,
}

/// An address in `new URL(.., import.meta.url)`, or in an `import()` with computed parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The text up to the first computed part.
    pub(super) start: String,
    /// The text after the last computed part; `None` if no part is computed.
    pub(super) end: Option<String>,
    /// Whether it is imported, without attributes.
    pub(super) is_import: bool,
}

impl Address {
    /// Returns the address in an expression.
    pub(super) fn of(expression: &Expression<'_>, is_import: bool) -> Option<Self> {
        match expression {
            Expression::TemplateLiteral(template) if !template.expressions.is_empty() => {
                let text =
                    |part: Option<&TemplateElement<'_>>| Some(part?.value.cooked?.to_string());
                let start = text(template.quasis.first())?;
                Some(Self { start, end: text(template.quasis.last()), is_import })
            }
            other => Some(Self { start: string_value(other)?, end: None, is_import }),
        }
    }
}

/// The number of nested JSX elements. Their compilation takes the square of it.
const MAX_ELEMENTS: usize = 1_000;

impl Scan {
    /// Scans a program.
    pub(super) fn of(program: &Program<'_>) -> Self {
        let mut scan = Self::default();
        scan.visit_program(program);
        if !scan.namespaces.is_empty() {
            // Scopes are ignored: a member of a shadowed name is an additional name, which does no
            // harm.
            NamespaceMembers { scan: &mut scan }.visit_program(program);
        }
        scan
    }

    fn add_request(&mut self, source: &StringLiteral<'_>, with: Option<&WithClause<'_>>) {
        let kind = with.and_then(type_attribute);
        let specifier = source.value.to_string();
        self.requests.push(Request { specifier, kind, span: source.span });
    }

    /// Enters an element.
    fn enter_element(&mut self, span: Span) {
        self.jsx.get_or_insert(span);
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            self.too_deep.get_or_insert(span);
        }
    }

    /// Adds a name in an import without attributes, unless the transformer added it.
    fn add_named(&mut self, source: &StringLiteral<'_>, name: &str, span: Span, is_export: bool) {
        if !source.span.is_empty() {
            let (specifier, name) = (source.value.to_string(), name.to_owned());
            self.named.push(Named { specifier, name, span, is_export });
        }
    }

    fn add_name(&mut self, specifier: &str, name: &str) {
        if name == "default" {
            self.defaults.insert(specifier.to_owned());
        } else {
            self.names.entry(specifier.to_owned()).or_default().insert(name.to_owned());
        }
    }
}

/// Returns the value of the `type` attribute (`with { type: "json" }`).
pub(super) fn type_attribute(with: &WithClause<'_>) -> Option<String> {
    with.with_entries.iter().find_map(|entry| {
        let key = match &entry.key {
            ImportAttributeKey::Identifier(name) => name.name.as_str(),
            ImportAttributeKey::StringLiteral(name) => name.value.as_str(),
        };
        (key == "type").then(|| entry.value.value.to_string())
    })
}

/// Returns the `type` attribute in the options of an `import()`.
pub(super) fn type_option(options: &Expression<'_>) -> Option<String> {
    let value = member(member(options, "with")?, "type")?;
    match value {
        Expression::StringLiteral(value) => Some(value.value.to_string()),
        _ => None,
    }
}

/// Returns the value of a property of an object literal.
fn member<'b, 'a>(object: &'b Expression<'a>, name: &str) -> Option<&'b Expression<'a>> {
    let Expression::ObjectExpression(object) = object else { return None };
    object.properties.iter().find_map(|property| {
        let property = property.as_property()?;
        let matches = match &property.key {
            PropertyKey::StaticIdentifier(key) => key.name == name,
            PropertyKey::StringLiteral(key) => key.value == name,
            _ => false,
        };
        matches.then_some(&property.value)
    })
}

/// Returns the value of a string literal, or of a template literal without expressions.
pub(super) fn string_value(expression: &Expression<'_>) -> Option<String> {
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
        self.add_request(&import.source, import.with_clause.as_deref());
        let specifier = import.source.value.as_str();
        let has_attributes = import.with_clause.is_some();
        for imported in import.specifiers.iter().flatten() {
            match imported {
                ImportDeclarationSpecifier::ImportSpecifier(named) => {
                    if !named.import_kind.is_type() {
                        let name = named.imported.name();
                        self.add_name(specifier, &name);
                        if !has_attributes {
                            self.add_named(&import.source, &name, named.imported.span(), false);
                        }
                    }
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => {
                    self.namespaces.insert(all.local.name.to_string(), specifier.to_owned());
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => {
                    self.add_name(specifier, "default");
                    if !has_attributes {
                        self.add_named(&import.source, "default", default.span, false);
                    }
                }
            }
        }
    }

    fn visit_export_from_declaration(&mut self, export: &ExportFromDeclaration<'a>) {
        if export.export_kind.is_type() {
            return;
        }
        self.add_request(&export.source, export.with_clause.as_deref());
        for exported in &export.specifiers {
            if !exported.export_kind.is_type() {
                let name = exported.local.name();
                self.add_name(&export.source.value, &name);
                if export.with_clause.is_none() {
                    self.add_named(&export.source, &name, exported.local.span(), true);
                }
            }
        }
    }

    fn visit_export_all_declaration(&mut self, export: &ExportAllDeclaration<'a>) {
        if !export.export_kind.is_type() {
            self.add_request(&export.source, export.with_clause.as_deref());
        }
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        if let Some(specifier) = string_value(&import.source) {
            let kind = import.options.as_ref().and_then(type_option);
            self.requests.push(Request { specifier, kind, span: import.source.span() });
        } else {
            self.addresses.extend(Address::of(&import.source, import.options.is_none()));
        }
        walk::walk_import_expression(self, import);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        self.addresses.extend(module_url(it).and_then(|address| Address::of(address, false)));
        walk::walk_new_expression(self, it);
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        if !matches!(member.object.get_inner_expression(), Expression::ImportMeta(_)) {
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
        // The object is used as a whole, so any property may be read later.
        self.env = true;
        self.hot = true;
    }

    fn visit_jsx_element(&mut self, element: &JSXElement<'a>) {
        self.enter_element(element.span);
        walk::walk_jsx_element(self, element);
        self.elements -= 1;
    }

    fn visit_jsx_fragment(&mut self, fragment: &JSXFragment<'a>) {
        self.enter_element(fragment.span);
        walk::walk_jsx_fragment(self, fragment);
        self.elements -= 1;
    }

    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        self.decorator.get_or_insert(decorator.span);
        walk::walk_decorator(self, decorator);
    }
}

/// Adds the members of imported namespaces that a program reads to the imported names.
struct NamespaceMembers<'s> {
    scan: &'s mut Scan,
}

impl<'a> Visit<'a> for NamespaceMembers<'_> {
    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        if let Expression::Identifier(object) = &member.object
            && let Some(specifier) = self.scan.namespaces.get(object.name.as_str()).cloned()
        {
            self.scan.add_name(&specifier, &member.property.name);
        }
        walk::walk_static_member_expression(self, member);
    }
}
