//! `server.proxy`: from Vite's rules to routes.
//!
//! A rule of Vite forwards the path as it is, below the path of the target. A route of livers does
//! that without a path in its target, and replaces its prefix otherwise.

use super::{
    reader::Reader,
    value::{Node, Value},
};
use crate::{
    esm::vite_settings::{Pattern, ProxyRule},
    proxy::Route,
};

/// Options of a rule that livers needs no setting for, or that only concern logging and cookies,
/// which livers rewrites by itself.
const IMPLIED: [&str; 14] = [
    "ws",
    "xfwd",
    "cookieDomainRewrite",
    "cookiePathRewrite",
    "autoRewrite",
    "hostRewrite",
    "protocolRewrite",
    "rewriteWsOrigin",
    "preserveHeaderKeyCase",
    "logLevel",
    "timeout",
    "proxyTimeout",
    "agent",
    "localAddress",
];

/// Reads `server.proxy`.
pub(super) fn read_proxy<'a>(
    reader: &mut Reader<'a, '_>,
    node: Option<&Node<'a>>,
) -> Vec<ProxyRule> {
    let mut rules = Vec::new();
    for (context, node) in reader.entries(node, "server.proxy") {
        let setting = format!("server.proxy[{context:?}]");
        rules.extend(read_rule(reader, context, node, &setting));
    }
    rules
}

fn read_rule<'a>(
    reader: &mut Reader<'a, '_>,
    context: &str,
    node: &Node<'a>,
    setting: &str,
) -> Option<ProxyRule> {
    let Some(prefix) = prefix_of(context) else {
        reader.not_understood(setting, node.place);
        return None;
    };
    let (mut target, mut rewritten) = (node.value.as_text(), prefix.clone());
    let (mut change_origin, mut insecure) = (true, false);
    if let Value::Object(_) = node.value {
        change_origin = false;
        for (key, node) in reader.entries(Some(node), setting) {
            let is_known = match key {
                "target" => {
                    target = node.value.as_text();
                    true
                }
                "changeOrigin" => {
                    change_origin = node.value.truth() == Some(true);
                    node.value.truth().is_some()
                }
                "secure" => {
                    insecure = node.value.truth() == Some(false);
                    node.value.truth().is_some()
                }
                "rewrite" => {
                    let Some(path) = rewrite(reader, &node.value, &prefix) else {
                        // A route to another path would be wrong.
                        reader.not_understood(format!("{setting}.rewrite"), node.place);
                        return None;
                    };
                    rewritten = path;
                    true
                }
                key => IMPLIED.contains(&key) || matches!(node.value, Value::Undefined),
            };
            // The target is named below.
            if !is_known && key != "target" {
                reader.not_understood(format!("{setting}.{key}"), node.place);
            }
        }
    }
    let route = target.map(|target| route(&prefix, &target, &rewritten));
    let Some(route) = route.filter(|route| route.parse::<Route>().is_ok()) else {
        reader.not_understood(format!("{setting}.target"), node.place);
        return None;
    };
    Some(ProxyRule { route, change_origin, insecure })
}

/// Returns the path prefix of a rule, without a slash at the end. A context that begins with `^` is
/// a regular expression.
fn prefix_of(context: &str) -> Option<String> {
    let prefix = if context.starts_with('^') {
        let pattern = Pattern::parse(context, "")?;
        pattern.prefix()?.to_owned()
    } else {
        context.to_owned()
    };
    prefix.starts_with('/').then(|| prefix.trim_end_matches('/').to_owned())
}

/// Returns what a `rewrite` makes of a prefix, or `None` if that is not known.
fn rewrite<'a>(reader: &mut Reader<'a, '_>, value: &Value<'a>, prefix: &str) -> Option<String> {
    let Value::Function(function) = value else {
        return matches!(value, Value::Undefined).then(|| prefix.to_owned());
    };
    let mut path = prefix.to_owned();
    for (find, to) in reader.interpreter.replacements(function)? {
        let (literal, to) = match &find {
            Value::String(text) => (text.clone(), to),
            Value::RegExp { source, flags } => {
                (Pattern::parse(source, flags)?.prefix()?.to_owned(), to)
            }
            _ => return None,
        };
        // `/^\/api\//` with `/`, or `''` in front of an absolute path: the slash may stay.
        let (literal, to) = match (literal.strip_suffix('/'), to.strip_suffix('/')) {
            (Some(literal), Some(to)) => (literal.to_owned(), to.to_owned()),
            _ => (literal, to),
        };
        let rest = path.strip_prefix(&literal)?;
        path = format!("{to}{rest}");
    }
    Some(path)
}

/// Returns the text of a route.
fn route(prefix: &str, target: &str, rewritten: &str) -> String {
    let target = match target.split_once("://") {
        Some(("ws", rest)) => format!("http://{rest}"),
        Some(("wss", rest)) => format!("https://{rest}"),
        _ => target.to_owned(),
    };
    let scheme = target.find("://").map_or(0, |at| at + 3);
    let path_at = target[scheme..].find('/').map_or(target.len(), |at| scheme + at);
    let (origin, path) = target.split_at(path_at);
    let path = path.trim_end_matches('/');
    let from = if prefix.is_empty() { "/" } else { prefix };
    if path.is_empty() && rewritten == prefix {
        return format!("{from}={origin}");
    }
    let path = format!("{path}/{}", rewritten.trim_start_matches('/'));
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { &path };
    format!("{from}={origin}{}", if path.is_empty() { "/" } else { path })
}
