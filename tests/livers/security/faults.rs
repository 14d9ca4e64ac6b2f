//! Compile errors: they quote no file that is not served, and leave out none that matters.

use serde_json::Value;

use crate::robust::as_script;
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// The content of the files that are not served.
const SECRETS: [&str; 4] = [
    "SECRET = s3cret\nTOKEN = s3cret\n",
    "{\n  \"s3cret\": ,\n}",
    "{ \"compilerOptions\": \"s3cret\" }",
    "{ \"compilerOptions\": { \"target\": { \"s3cret\": 1 } } }",
];

/// Asserts that the server tells a secret neither to clients nor in the terminal.
async fn assert_hidden(dir: &TempDir, livers: &Livers, what: &str) {
    dir.write("web/a.ts", format!("export const a: string = '{what}'; import 'missing';"));
    dir.write("web/a.jsx", format!("export const a = <p>{what}</p>;"));
    dir.write("web/a.html", "<!doctype html><script type=module>import 'missing'</script>");
    for path in ["/a.ts", "/a.jsx", "/a.html"] {
        let response = as_script(livers, path).await;
        let text = String::from_utf8_lossy(&response.body);
        assert!(!text.contains("s3cret"), "{what}, {path}: {text}");
    }
    let lines = livers.lines();
    let told = lines.iter().find(|(_, line)| line.contains("s3cret"));
    assert_eq!(told, None, "{what}");
}

#[tokio::test]
async fn an_error_in_a_file_that_is_not_served_does_not_quote_it() {
    let dir = TempDir::new();
    dir.write("web/index.html", "<p>");
    let livers = Livers::on(dir.at("web")).start().await;
    for (number, secret) in SECRETS.iter().enumerate() {
        dir.write("secret.json", secret);
        for file in [".env.json", ".env", "server.key", "deep/.hidden/x.json"] {
            dir.write(format!("web/{file}"), secret);
        }
        let outside = dir.at("secret.json").to_string_lossy().into_owned();
        for target in [
            "./.env.json",
            "./.env",
            "./server.key",
            "./deep/.hidden/x",
            "../secret.json",
            &outside,
        ] {
            dir.replace("web/tsconfig.json", format!("{{ \"extends\": {target:?} }}"));
            assert_hidden(&dir, &livers, &format!("{number} extends {target}")).await;
        }
        #[cfg(unix)]
        for name in ["tsconfig.json", "jsconfig.json"] {
            let _ = std::fs::remove_file(dir.at("web/tsconfig.json"));
            std::os::unix::fs::symlink(dir.at("secret.json"), dir.at("web").join(name)).unwrap();
            assert_hidden(&dir, &livers, &format!("{number} is {name}")).await;
            dir.remove(format!("web/{name}"));
        }
    }
    // A path that leads out of the folder is relative.
    dir.replace("web/tsconfig.json", "{ \"extends\": \"../x\" }");
    let fault: Value = as_script(&livers, "/a.ts").await.json();
    let message = "the tsconfig.json of this file extends ../x, which does not exist";
    assert_eq!(fault["message"], message);
    // What is served is quoted.
    dir.remove("web/.env");
    dir.write("web/tsconfig.json", "{ \"compilerOptions\": { \"target\": 5 } }");
    dir.write("web/b.ts", "export const b: number = 1;");
    let fault: Value = as_script(&livers, "/b.ts").await.json();
    assert_eq!(fault["message"], "expected a string for \"target\"");
    assert!(
        fault["frame"].as_str().is_some_and(|frame| frame.contains("\"target\": 5")),
        "{fault}"
    );
}

#[tokio::test]
async fn suggestions_name_served_files_only() {
    let dir = TempDir::new();
    dir.write("outside/secret.ts", "");
    dir.write("web/.hidden/secret.ts", "");
    dir.write("web/.secret.ts", "");
    dir.write("web/shown.ts", "");
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.at("outside"), dir.at("web/link")).unwrap();
    let livers = Livers::on(dir.at("web")).start().await;
    for (specifier, expected) in [
        ("./showm.ts", Some("did you mean \"./shown.ts\"?")),
        ("../outside/secrat.ts", None),
        ("./.hidden/secrat.ts", None),
        ("./.secrat.ts", None),
        ("./link/secrat.ts", None),
        ("../../../../../../../../etc/passwb", None),
    ] {
        dir.replace("web/a.ts", format!("import '{specifier}';"));
        let fault: Value = as_script(&livers, "/a.ts").await.json();
        assert_eq!(fault["help"].as_str(), expected, "{specifier}: {fault}");
    }
    // Nor are files outside found by patterns.
    dir.replace("web/a.ts", "import.meta.glob('../outside/*');");
    let fault: Value = as_script(&livers, "/a.ts").await.json();
    assert_eq!(fault["message"], "the pattern \"../outside/*\" leads out of the served folder");
}

#[cfg(unix)]
#[tokio::test]
async fn settings_that_cannot_be_read_are_reported() {
    use std::os::unix::fs::PermissionsExt;

    let dir = TempDir::new();
    dir.write("a.ts", "export const a: number = 1;");
    dir.write("sub/b.ts", "export const b: number = 1;");
    dir.write("sub/tsconfig.json", "{}");
    dir.write("c.ts", "export const c: string = import.meta.env.MODE;");
    dir.write(".env", "");
    dir.write("tsconfig.json", "{}");
    let lock = |path: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.at(path), permissions).unwrap();
    };
    lock("tsconfig.json", 0);
    let livers = Livers::on(dir.path()).unprivileged().start().await;
    for _ in 0..2 {
        let fault: Value = as_script(&livers, "/a.ts").await.json();
        assert_eq!(fault["file"], "tsconfig.json");
        assert_eq!(fault["message"], "cannot read this file: Permission denied (os error 13)");
    }
    livers.wait_for_line(|line| line.contains("tsconfig.json") && line.contains("denied")).await;
    assert_eq!(as_script(&livers, "/sub/b.ts").await.status, 200, "another one is nearer");
    lock("tsconfig.json", 0o644);
    // The modification time stays: it is read again when it is written.
    dir.replace("tsconfig.json", "{ \"compilerOptions\": {} }");
    assert_eq!(as_script(&livers, "/a.ts").await.status, 200);

    dir.write("base.json", "{}");
    lock("base.json", 0);
    dir.replace("tsconfig.json", "{ \"extends\": \"./base.json\" }");
    let fault: Value = as_script(&livers, "/a.ts").await.json();
    assert_eq!(fault["file"], "base.json");
    dir.replace("tsconfig.json", "{}");

    dir.replace(".env", "VITE_A=1");
    lock(".env", 0);
    assert_eq!(as_script(&livers, "/a.ts").await.status, 200, "it uses no variables");
    let fault: Value = as_script(&livers, "/c.ts").await.json();
    assert_eq!(fault["file"], ".env");
}

/// Everything else that names files is covered above: this is `import.meta.glob`.
#[cfg(unix)]
#[tokio::test]
async fn patterns_list_served_files_only() {
    use std::os::unix::fs::symlink;

    let dir = TempDir::new();
    dir.write("outside/s3cret.ts", "");
    dir.write("outside/deep/s3cret.ts", "");
    dir.write("web/.hidden/s3cret.ts", "");
    dir.write("web/.s3cret.ts", "");
    dir.write("web/s3cret.pem", "");
    for name in ["own/a.ts", "b.ts", "node_modules/pkg/c.ts"] {
        dir.write(format!("web/{name}"), "export default 1;");
    }
    for (to, at) in [
        ("../outside", "linked"),
        ("../outside/s3cret.ts", "file.ts"),
        (".hidden", "visible"),
        ("s3cret.pem", "pem.ts"),
        ("own", "again"),
    ] {
        symlink(to, dir.at("web").join(at)).expect("a link");
    }
    let listed = async |livers: &Livers, patterns: &str| {
        dir.replace("web/all.js", format!("export default import.meta.glob({patterns});"));
        as_script(livers, "/all.js").await.text().to_owned()
    };
    let livers = Livers::on(dir.at("web")).start().await;
    for patterns in [
        "'./**'",
        "'./**/*.ts'",
        "'/**', { exhaustive: true }",
        "'./linked/*'",
        "'./linked/deep/*.ts'",
        "'./visible/*.ts'",
        "'./.hidden/*.ts'",
        "'./.hidden/*.ts', { exhaustive: true }",
        "['./file.*', './pem.*', './*.pem']",
    ] {
        let text = listed(&livers, patterns).await;
        assert!(text.contains("export default"), "{patterns}: {text}");
        for secret in ["s3cret.", "file.ts", "pem.ts"] {
            let told = text.replace(patterns, "").contains(secret);
            assert!(!told, "{patterns}: {text}");
        }
    }
    let text = listed(&livers, "'./**/*.ts', { exhaustive: true }").await;
    for served in ["./own/a.ts", "./again/a.ts", "./b.ts", "./node_modules/pkg/c.ts"] {
        assert!(text.contains(served), "{served}: {text}");
    }
    drop(livers);
    let livers = Livers::on(dir.at("web")).arg("--follow-symlinks").start().await;
    assert!(listed(&livers, "'./linked/*.ts'").await.contains("./linked/s3cret.ts"));
}
