//! The tools: their definitions for clients, and their arguments.

use serde::Deserialize;
use serde_json::{Value, json};

/// A call of a tool.
#[derive(Debug, PartialEq)]
pub(crate) enum Call {
    /// Whether the tabs run the current content of files.
    Wait(WaitArguments),
    /// What is wrong now.
    Errors,
    /// Which tabs are open.
    Tabs,
    /// Reload all tabs, or those of a page.
    Reload(Option<String>),
}

/// The arguments of `wait`.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WaitArguments {
    /// Paths on the disk, absolute or relative to the served folder.
    pub(crate) files: Vec<String>,
    /// The version of a change before which nothing counts.
    pub(crate) since: Option<u64>,
    /// In seconds.
    pub(crate) timeout: Option<f64>,
    /// In milliseconds.
    pub(crate) settle: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReloadArguments {
    page: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

/// Returns the call of a tool, or what is wrong with its arguments; `None` if there is no such
/// tool.
pub(super) fn call(name: &str, arguments: &Value) -> Option<Result<Call, String>> {
    // Clients may leave out arguments that are all optional.
    let arguments = if arguments.is_null() { json!({}) } else { arguments.clone() };
    let call = match name {
        "wait" => serde_json::from_value(arguments).map(Call::Wait),
        "errors" => serde_json::from_value(arguments).map(|NoArguments {}| Call::Errors),
        "tabs" => serde_json::from_value(arguments).map(|NoArguments {}| Call::Tabs),
        "reload" => {
            serde_json::from_value(arguments).map(|ReloadArguments { page }| Call::Reload(page))
        }
        _ => return None,
    };
    Some(call.map_err(|why| format!("invalid arguments: {why}")))
}

/// Returns the definitions of all tools.
pub(super) fn definitions() -> Value {
    let no_arguments = json!({ "type": "object", "additionalProperties": false });
    json!([
        {
            "name": "wait",
            "title": "Wait for a change",
            "description": "Call this after saving files. Waits until every open tab that uses \
                them runs their current content, or cannot. Returns `verdict`: `applied` or \
                `unchanged` is success; `failed`: a tab has thrown errors since, see `tabs`; \
                `kept`: a compile error in `faults`, and the tabs run the old code; `unused`: no \
                open tab uses the files; `no-tabs`: no tab is open; `timeout`.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "files": {
                        "type": "array",
                        "items": { "type": "string" },
                        "description": "Paths of the saved files, relative to the served folder \
                            or absolute. Default: the files of the last change."
                    },
                    "timeout": {
                        "type": "number",
                        "minimum": 0,
                        "description": "How long to wait, in seconds. Default: 10."
                    },
                    "settle": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "How long to wait for errors after the change was \
                            applied, in milliseconds. Default: 300."
                    },
                    "since": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "Count only changes after this version."
                    }
                },
                "additionalProperties": false
            },
            "annotations": read_only(),
        },
        {
            "name": "errors",
            "title": "List errors",
            "description": "Returns what is wrong now: compile errors in `faults`, and in `tabs` \
                the uncaught errors, rejections, failed loads and console errors of each open \
                tab, with their places in the sources.",
            "inputSchema": no_arguments,
            "annotations": read_only(),
        },
        {
            "name": "tabs",
            "title": "List tabs",
            "description": "Returns the open tabs: their pages, browsers, the version of the \
                project that they run, and how many errors they have.",
            "inputSchema": no_arguments,
            "annotations": read_only(),
        },
        {
            "name": "reload",
            "title": "Reload tabs",
            "description": "Reloads all open tabs, or those of one page. Their state is lost. \
                Saving a file needs no reload.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "page": {
                        "type": "string",
                        "description": "The URL path of the page, such as /about. Default: all."
                    }
                },
                "additionalProperties": false
            },
            "annotations": {
                "readOnlyHint": false,
                "destructiveHint": false,
                "idempotentHint": true,
                "openWorldHint": false
            },
        },
    ])
}

fn read_only() -> Value {
    json!({ "readOnlyHint": true, "openWorldHint": false })
}
