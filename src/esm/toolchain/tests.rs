//! Tests with small compilers that are written for them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    Request, ToolError, Toolchain,
    driver::Tool,
    exchange::{Conversation, Files, HostError},
    node::Node,
};
use crate::{
    esm::disk_view::DiskView,
    event::{CompilerHost, Event, Events},
};

/// Finds and reads the files of a folder.
struct Folder(PathBuf);

impl Files for Folder {
    fn resolve(&self, specifier: &str, from: &Path, _: &str) -> Option<PathBuf> {
        Some(from.parent()?.join(specifier)).filter(|path| path.is_file())
    }

    fn alias(&self, _: &str, _: &Path) -> Option<String> {
        None
    }

    fn read(&self, path: &Path, _: &str) -> Option<String> {
        fs::read_to_string(path).ok().filter(|_| path.starts_with(&self.0))
    }
}

/// A project with a compiler in three formats.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join("node_modules").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("fake/package.json", r#"{"name":"fake","version":"1.2.3","main":"main.js"}"#);
    write(
        "fake/main.js",
        "const path = require('path');\nconst { twice } = require('./lib');\n\
         exports.compile = (text) => twice(text) + path.extname('/a/b.scss');\n\
         exports.places = { url: typeof URL, process: process.env.NODE_ENV };\n",
    );
    write("fake/lib/index.js", "exports.twice = (text) => text + text;\n");
    write(
        "modern/package.json",
        r#"{"name":"modern","version":"2.0.0","type":"module","exports":{".":{"import":"./index.js"}}}"#,
    );
    write(
        "modern/index.js",
        "import { twice } from '../fake/lib/index.js';\nimport lib from '../fake/lib/index.js';\n\
         export const compile = (text) => twice(lib.twice(text));\n",
    );
    folder
}

/// Calls a function of the driver for tests, in each host.
fn in_both(
    base: &Path,
    function: &str,
    input: &Value,
    check: impl Fn(Result<Value, HostError>, &Conversation<'_>),
) {
    let files = Folder(base.to_owned());
    let mut conversation = Conversation::new(&files);
    let node = Node::new(base);
    let outcome = node.run(Tool::Test, function, input, &mut conversation);
    check(outcome, &conversation);
    #[cfg(feature = "engine")]
    {
        let mut conversation = Conversation::new(&files);
        let engines = super::engine::Engines::new(Tool::Test, base);
        let outcome = engines.run(function, input, &mut conversation);
        check(outcome, &conversation);
    }
}

#[test]
fn compilers_run_in_both_hosts() {
    let folder = project();
    for (package, expected) in [("fake", json!("aa.scss")), ("modern", json!("aaaa"))] {
        let input = json!({ "package": package, "text": "a" });
        in_both(folder.path(), "compile", &input, |outcome, _| {
            assert_eq!(outcome.as_ref().ok(), Some(&expected), "{package}: {outcome:?}");
        });
    }
}

#[test]
fn files_that_are_read_are_dependencies() {
    let folder = project();
    let partial = folder.path().join("partial");
    fs::write(&partial, "text of é").unwrap();
    let input = json!({ "from": folder.path().join("main"), "names": ["partial", "missing"] });
    in_both(folder.path(), "include", &input, |outcome, conversation| {
        assert_eq!(outcome.unwrap(), json!(["text of é", null]));
        assert_eq!(conversation.dependencies().collect::<Vec<_>>(), [&partial]);
    });
}

#[test]
fn errors_have_their_positions() {
    let folder = project();
    for (thrown, line, column) in [
        (json!({ "message": "no", "loc": { "line": 3, "column": 4 } }), Some(3), Some(5)),
        (json!({ "message": "no", "start": { "line": 2, "column": 0 } }), Some(2), Some(1)),
        (
            json!({ "message": "no", "span": { "start": { "line": 0, "column": 7 } } }),
            Some(1),
            Some(8),
        ),
        (json!({ "message": "no" }), None, None),
    ] {
        in_both(folder.path(), "fail", &thrown, |outcome, _| {
            let Err(HostError::Reported(reported, _)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(reported.message, "no");
            assert_eq!((reported.line, reported.column), (line, column), "{thrown}");
        });
    }
}

#[test]
fn what_is_printed_does_not_disturb() {
    let folder = project();
    in_both(folder.path(), "print", &json!("noise\n\n{}"), |outcome, _| {
        assert_eq!(outcome.unwrap(), json!("done"));
    });
}

#[test]
fn a_host_that_fails_is_replaced() {
    let folder = project();
    let files = Folder(folder.path().to_owned());
    let mut conversation = Conversation::new(&files);
    let node = Arc::new(Node::new(folder.path()));
    let input = json!({ "package": "fake", "text": "a" });
    let ended = node.run(Tool::Test, "exit", &json!(7), &mut conversation);
    let Err(HostError::Ended(what)) = ended else { panic!("{ended:?}") };
    assert!(what.contains('7') && what.contains("last words"), "{what}");
    let outcome = node.run(Tool::Test, "compile", &input, &mut conversation);
    assert_eq!(outcome.unwrap(), json!("aa.scss"));
    #[cfg(feature = "engine")]
    {
        let engines = super::engine::Engines::new(Tool::Test, folder.path());
        let outcome = engines.run("exhaust", &Value::Null, &mut conversation);
        assert!(outcome.is_err(), "{outcome:?}");
        let outcome = engines.run("compile", &input, &mut conversation);
        assert_eq!(outcome.unwrap(), json!("aa.scss"));
    }
}

#[test]
fn a_compiler_that_hangs_is_stopped() {
    let folder = project();
    let files = Folder(folder.path().to_owned());
    let mut conversation = Conversation::new(&files);
    let deadline = std::time::Duration::from_millis(300);
    let node = Node::new(folder.path()).with_deadline(deadline);
    let outcome = node.run(Tool::Test, "hang", &Value::Null, &mut conversation);
    assert!(matches!(outcome, Err(HostError::Overdue(_))), "{outcome:?}");
    #[cfg(feature = "engine")]
    {
        let engines =
            super::engine::Engines::new(Tool::Test, folder.path()).with_deadline(deadline);
        let outcome = engines.run("hang", &Value::Null, &mut conversation);
        assert!(matches!(outcome, Err(HostError::Overdue(_))), "{outcome:?}");
    }
}

#[cfg(feature = "engine")]
#[test]
fn the_engine_reads_no_files_but_those_of_packages() {
    let folder = project();
    let secret = folder.path().join("secret.js");
    fs::write(&secret, "module.exports = 1").unwrap();
    let files = Folder(folder.path().to_owned());
    let mut conversation = Conversation::new(&files);
    let engines = super::engine::Engines::new(Tool::Test, folder.path());
    for (function, input) in [("load", json!(secret)), ("globals", Value::Null)] {
        let outcome = engines.run(function, &input, &mut conversation);
        match outcome {
            Ok(found) => assert_eq!(found, json!([]), "{function}"),
            Err(HostError::Reported(reported, _)) => {
                assert!(reported.message.contains("cannot read"), "{reported:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Sends a request to the toolchain of a project.
fn run(
    toolchain: &Toolchain,
    base: &Path,
    function: &'static str,
    input: Value,
) -> Result<Value, ToolError> {
    let file = base.join("main.test");
    let request = Request { tool: Tool::Test, file: &file, function, input };
    let answer = toolchain.run(&request, &Folder(base.to_owned()), &DiskView::default())?;
    Ok(answer.output.clone())
}

#[test]
fn answers_are_kept_until_a_dependency_changes() {
    let folder = project();
    let partial = folder.path().join("partial");
    fs::write(&partial, "one").unwrap();
    let toolchain = Toolchain::new(folder.path(), Events::default());
    let ask = |toolchain: &Toolchain| run(toolchain, folder.path(), "calls", json!(partial));
    assert_eq!(ask(&toolchain).unwrap(), json!("1 one"));
    assert_eq!(ask(&toolchain).unwrap(), json!("1 one"));
    // The next run of livers.
    let later = Toolchain::new(folder.path(), Events::default());
    assert_eq!(ask(&later).unwrap(), json!("1 one"));
    fs::write(&partial, "two!").unwrap();
    assert_eq!(ask(&toolchain).unwrap(), json!("2 two!"));
    // Another version of the compiler.
    let manifest = folder.path().join("node_modules/fake/package.json");
    fs::write(&manifest, r#"{"name":"fake","version":"1.3.0","main":"main.js"}"#).unwrap();
    assert_eq!(ask(&toolchain).unwrap(), json!("1 two!"));
}

#[test]
fn a_request_that_needs_node_is_repeated_there() {
    let folder = project();
    let events = Events::default();
    let mut heard = events.subscribe();
    let toolchain = Toolchain::new(folder.path(), events);
    assert_eq!(run(&toolchain, folder.path(), "place", Value::Null).unwrap(), json!("node"));
    let mut hosts = Vec::new();
    while let Ok(record) = heard.try_recv() {
        if let Event::CompilerStarted { compiler, host } = record.event {
            assert_eq!(compiler, "fake 1.2.3");
            hosts.push(host);
        }
    }
    assert_eq!(hosts.last(), Some(&CompilerHost::Node));
    assert_eq!(hosts.contains(&CompilerHost::Engine), cfg!(feature = "engine"));
}

#[test]
fn a_compiler_that_is_not_installed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let toolchain = Toolchain::new(folder.path(), Events::default());
    let error = run(&toolchain, folder.path(), "calls", Value::Null).unwrap_err();
    assert!(error.reported.message.contains("\"fake\""), "{error:?}");
    assert_eq!(error.help.as_deref(), Some("npm install --save-dev fake"));
}
