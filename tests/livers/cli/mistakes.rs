//! What newcomers type: wrong values, missing ones, and the options of other servers. Each gets one
//! sentence that names the argument, what is wrong, and what to write instead.

use crate::support::dir::TempDir;
use crate::support::server;

/// Arguments, in a folder with `index.html`, `app.html`, `site/` and `sub/`, and the error.
const MISTAKES: &[(&[&str], &str)] = &[
    (&["--html", "foo"], "--html foo is not known: write morph (the default) or reload"),
    (
        &["--html"],
        "--html needs a value: write it like --html reload, or leave it out for --html morph",
    ),
    (
        &["--html="],
        "--html needs a value: write it like --html reload, or leave it out for --html morph",
    ),
    (&["--console", "none"], "--console none is not known: write errors (the default), all or off"),
    (
        &["--console"],
        "--console needs a value: write it like --console all, or leave it out for --console errors",
    ),
    (&["--reload", "none"], "--reload none is not known: write used (the default) or all"),
    (
        &["--reload"],
        "--reload needs a value: write it like --reload all, or leave it out for --reload used",
    ),
    (&["--open=guide/"], "--open=guide/ is not a path: write --open=/guide/"),
    (
        &["--open=http://localhost:8080/x"],
        "--open=http://localhost:8080/x is a URL: write --open=/x, the path alone",
    ),
    (&["--open=true"], "--open=true is not a path: write --open alone"),
    (&["--open=false"], "--open=false is not a path: leave out --open, which is off by default"),
    (&["--open", "guide"], "guide is not a folder: as the value of --open, write --open=/guide"),
    (&["-o", "/guide/"], "/guide/ is not a folder: as the value of --open, write --open=/guide/"),
    (&["-o=x"], "--open=x is not a path: write --open=/x"),
    (
        &["--spa", "app.html"],
        "app.html is not a folder: as the value of --spa, write --spa=app.html",
    ),
    (
        &["site", "--spa", "app.html"],
        "app.html is not a folder: as the value of --spa, write --spa=app.html",
    ),
    (
        &["--spa", "missing.html"],
        "missing.html is not a folder: as the value of --spa, write --spa=missing.html",
    ),
    (
        &["--cors", "http://a.test"],
        "http://a.test is not a folder: as the value of --cors, write --cors=http://a.test",
    ),
    (
        &["site", "--cors", "http://a.test"],
        "http://a.test is not a folder: as the value of --cors, write --cors=http://a.test",
    ),
    (
        &["--cors=localhost:3000"],
        "--cors=localhost:3000 is not an origin: write one like http://localhost:3000, or * for all",
    ),
    (
        &["--host", "localhost:9000"],
        "--host localhost:9000 has a port: write --host localhost --port 9000",
    ),
    (
        &["--host", "http://localhost"],
        "--host http://localhost is a URL: write --host localhost, and the port with --port",
    ),
    (
        &["--host", "http://localhost:9000"],
        "--host http://localhost:9000 has a port: write --host localhost --port 9000",
    ),
    (&["--host"], "--host needs a value: write it like --host 0.0.0.0 for other devices"),
    (&["--host", "*"], "--host * is not a host: write --host 0.0.0.0 for all addresses"),
    (&["--host", "true"], "--host true is not a host: write --host 0.0.0.0 for all addresses"),
    (&["--host", "[::1]"], "--host [::1] is not a host alone: write --host ::1"),
    (&["--host", ""], "--host needs a value: write it like --host 0.0.0.0 for other devices"),
    (&["--host", "a b"], "--host a b is not a host: write a name or an address, like 0.0.0.0"),
    (
        &["--host", "localhost/app"],
        "--host localhost/app is not a host alone: write --host localhost",
    ),
    (&["--port"], "--port needs a value: write it like --port 8080"),
    (&["--port", "99999"], "--port 99999 is not a port: write a number from 0 to 65535, like 8080"),
    (&["--port", "http"], "--port http is not a port: write a number from 0 to 65535, like 8080"),
    (
        &["--port", ":3000"],
        "--port :3000 is an address: write --port 3000, and the host with --host",
    ),
    (
        &["--port", "localhost:3000"],
        "--port localhost:3000 is an address: write --port 3000, and the host with --host",
    ),
    (&["--port="], "--port needs a value: write it like --port 8080"),
    (&["--port", "--open"], "--port needs a value: write it like --port 8080"),
    (&["-p"], "--port needs a value: write it like --port 8080"),
    (&["--port", ""], "--port needs a value: write it like --port 8080"),
    (&["-port", "3000"], "-port is not an option: write --port"),
    (&["-host", "x"], "-host is not an option: write --host"),
    (&["-open"], "-open is not an option: write --open"),
    (&["--Port", "3000"], "--Port is not an option: did you mean --port? See livers --help"),
    (&["-help"], "-help is not an option: write --help"),
    (&["--proxy"], "--proxy needs a value: write it like --proxy /api=localhost:3000"),
    (
        &["--proxy", "http://localhost:3000"],
        "--proxy http://localhost:3000 is not a proxy route: write /=http://localhost:3000 for all paths, or /api=http://localhost:3000 for some",
    ),
    (
        &["--proxy", "3000"],
        "--proxy 3000 is not a proxy route: write /=3000 for all paths, or /api=3000 for some",
    ),
    (&["--proxy", "/api"], "--proxy /api is not a proxy route: write /api=localhost:3000"),
    (
        &["--proxy", "/api", "http://localhost:3000"],
        "--proxy /api is not a proxy route: write /api=localhost:3000",
    ),
    (
        &["--proxy", "/api:http://localhost:3000"],
        "--proxy /api:http://localhost:3000 is not a proxy route: write /api=http://localhost:3000",
    ),
    (&["--proxy", "api=3000"], "--proxy api=3000 has a prefix without a slash: write /api=3000"),
    (
        &["--proxy", "/api/*=3000"],
        "--proxy /api/*=3000 has a * in its prefix: write /api=3000, which includes everything below",
    ),
    (
        &["--proxy", "^/api=3000"],
        "--proxy ^/api=3000 has a prefix without a slash: write /api=3000",
    ),
    (
        &["--proxy", "/a=1", "--proxy", "/a/=2"],
        "--proxy /a is given twice: write one target for each path, or a longer path for one of them",
    ),
    (&["--proxy", "/a=b"], "--proxy /a=b has no port: write /a=b:3000"),
    (
        &["--proxy=/ws=ws://localhost:3000"],
        "--proxy /ws=ws://localhost:3000 has a WebSocket scheme, but one route serves HTTP and WebSockets: write /ws=http://localhost:3000",
    ),
    (&["--proxy-wait"], "--proxy-wait needs a value: write it like --proxy-wait 10"),
    (
        &["--proxy-wait", "x"],
        "--proxy-wait x is not a number of seconds up to a day: write a number like 10",
    ),
    (
        &["--proxy-timeout", "1m"],
        "--proxy-timeout 1m is not a number of seconds up to a day: write a number like 10",
    ),
    (
        &["--proxy-wait", "99999999"],
        "--proxy-wait 99999999 is not a number of seconds up to a day: write a number like 10",
    ),
    (&["--mount"], "--mount needs a value: write it like --mount /assets=../shared"),
    (
        &["--mount", "/a"],
        "--mount /a is not a mount: write /PATH=FOLDER, for example /assets=../shared",
    ),
    (
        &["--mount", "../shared"],
        "--mount ../shared is not a mount: write /PATH=FOLDER, for example /assets=../shared",
    ),
    (
        &["--mount", "/a", "../shared"],
        "--mount /a is not a mount: write /PATH=FOLDER, for example /assets=../shared",
    ),
    (&["--mount", "/a:../shared"], "--mount /a:../shared is not a mount: write /a=../shared"),
    (
        &["--mount", "a=b"],
        "--mount a=b does not begin with a path: write it like /assets, without . and ..",
    ),
    (&["--mount", "/a=nope"], "--mount /a=nope does not exist: name a folder to serve"),
    (
        &["--mount", "/a=index.html"],
        "--mount /a=index.html is a file: name the folder that contains it, .",
    ),
    (
        &["--mount", "/a=~/x"],
        "--mount /a=~/x begins with ~, which the shell did not expand: write the full path",
    ),
    (
        &["--watch"],
        "--watch needs a value: write it like --watch ./templates; the served folder is always watched",
    ),
    (&["--watch", "nope"], "--watch nope does not exist: name a folder or a file"),
    (
        &["--watch", "src/**/*.css"],
        "--watch src/**/*.css is a pattern: write --watch src for all files in it",
    ),
    (&["--watch", "a,b"], "--watch a,b does not exist: write --watch once for each path"),
    (
        &["--watch", "~/x"],
        "--watch ~/x begins with ~, which the shell did not expand: write the full path",
    ),
    (
        &["--watch", "--open"],
        "--watch needs a value: write it like --watch ./templates; the served folder is always watched",
    ),
    (
        &["--watch", ""],
        "--watch needs a value: write it like --watch ./templates; the served folder is always watched",
    ),
    (&["--header"], "--header needs a value: write it like --header 'X-Name: value'"),
    (&["--header", "X-A"], "--header X-A is not a header: write 'Name: value'"),
    (&["--header", "X-A=1"], "--header X-A=1 is not a header: write 'Name: value'"),
    (
        &["--header", "Content-Length: 1"],
        "--header Content-Length: 1 is a header that livers sets itself: leave it out",
    ),
    (&["--header", ""], "--header needs a value: write it like --header 'X-Name: value'"),
    (
        &["--allowed-host"],
        "--allowed-host needs a value: write it like --allowed-host app.example.com",
    ),
    (
        &["--allowed-host", "http://a.test"],
        "--allowed-host http://a.test is a URL: write its host alone, like a.test",
    ),
    (
        &["--allowed-host", "*.a.test"],
        "--allowed-host *.a.test contains a *: write .a.test for a name and its subdomains",
    ),
    (
        &["--allowed-host", ""],
        "--allowed-host needs a value: write it like --allowed-host app.example.com",
    ),
    (
        &["--allowed-hosts", "a.test"],
        "--allowed-hosts is not an option: did you mean --allowed-host? See livers --help",
    ),
    (&["--ignore"], "--ignore needs a value: write it like --ignore 'drafts/**'"),
    (&["nope"], "nope does not exist: name a folder to serve"),
    (&["index.html"], "index.html is a file: name the folder that contains it, ."),
    (&["site", "sub"], "sub is a second folder: name only one, or add it with --mount"),
    (
        &["http://localhost:3000"],
        "http://localhost:3000 is a URL: write --proxy /=http://localhost:3000 to forward requests to it",
    ),
    (
        &["site", "http://a.test"],
        "http://a.test is a URL: write --proxy /=http://a.test to forward requests to it",
    ),
    (
        &["localhost:3000"],
        "localhost:3000 is an address: write --port 3000 to listen there, or --proxy /=localhost:3000 to forward requests to it",
    ),
    (
        &[":3000"],
        ":3000 is an address: write --port 3000 to listen there, or --proxy /=localhost:3000 to forward requests to it",
    ),
    (&["8000"], "8000 is not a folder: write --port 8000"),
    (&["serve"], "serve is not a folder: leave it out, since livers serves without a command"),
    (&["dev"], "dev is not a folder: leave it out, since livers serves without a command"),
    (
        &["start", "site"],
        "start is not a folder: leave it out, since livers serves without a command",
    ),
    (&["help"], "help is not a folder: write livers --help"),
    (&["--poll", "wait"], "wait is not a folder: as a command, write it first, livers wait"),
    (&["site", "tabs"], "tabs is not a folder: as a command, write it first, livers tabs"),
    (&["wait", "--nope"], "--nope is not an option of livers wait: see livers wait --help"),
    (&["wait", "--spa"], "--spa is not an option of livers wait: see livers wait --help"),
    (&["wait", "--timeout"], "--timeout needs a value: write it like --timeout 10"),
    (
        &["wait", "--timeout", "soon"],
        "--timeout soon is not a number of seconds up to a day: write a number like 10",
    ),
    (
        &["wait", "--settle", "0.3"],
        "--settle 0.3 is not a number of milliseconds up to a day: write a number like 300",
    ),
    (&["errors", "a.css"], "a.css is one argument too many: see livers errors --help"),
    (&["reload", "about.html"], "about.html is not the path of a page: write one like /about.html"),
    (
        &["tabs", "--port", "http"],
        "--port http is not a port: write a number from 0 to 65535, like 8080",
    ),
    (
        &["wait", "--since", "yesterday"],
        "--since yesterday is not a version: write the number from an earlier answer, like 18",
    ),
    (
        &["wait", "--since"],
        "--since needs a value: write it like --since 18, a version from an earlier answer",
    ),
    (&["reload", ""], "an argument is empty: leave it out"),
    (&["wait", ""], "an argument is empty: leave it out"),
    (&["wait", "--port", ""], "--port needs a value: write it like --port 8080"),
    (&["init"], "livers init needs to know what to write: write livers init agents"),
    (&["init", "x"], "livers init needs to know what to write: write livers init agents"),
    (&["--log", "xml"], "--log xml is not known: write text (the default) or json"),
    (&["--log"], "--log needs a value: write it like --log json, or leave it out for --log text"),
    (&[""], "the name of the folder is empty: write . for the current one"),
    (&["—port", "3000"], "—port is not an option: write --port"),
    (&["~/site"], "~/site begins with ~, which the shell did not expand: write the full path"),
    (&["--poll", "true"], "true is not a folder: --poll takes no value"),
    (&["--dotfiles=yes"], "--dotfiles takes no value: write --dotfiles"),
    (&["--dotfiles=false"], "--dotfiles takes no value: leave it out"),
    (&["--poll="], "--poll takes no value: write --poll"),
    (&["-"], "- does not exist: name a folder to serve"),
    (&["--", "--x"], "--x does not exist: name a folder to serve"),
    (
        &["--no-browser"],
        "--no-browser is not an option: leave it out, since livers opens a browser only with --open",
    ),
    (
        &["--no-open"],
        "--no-open is not an option: leave it out, since livers opens a browser only with --open",
    ),
    (
        &["--https"],
        "--https is not an option: leave it out, since livers has no HTTPS and browsers treat http://localhost as secure",
    ),
    (
        &["--ssl"],
        "--ssl is not an option: leave it out, since livers has no HTTPS and browsers treat http://localhost as secure",
    ),
    (
        &["-S"],
        "-S is not an option: leave it out, since livers has no HTTPS and browsers treat http://localhost as secure",
    ),
    (&["--entry-file=index.html"], "--entry-file is not an option: write --spa=FILE"),
    (
        &["--strictPort"],
        "--strictPort is not an option: did you mean --strict-port? See livers --help",
    ),
    (
        &["--listen", "3000"],
        "--listen is not an option: write --port PORT, and --host HOST for another address",
    ),
    (&["--single"], "--single is not an option: write --spa=FILE"),
    (&["-s"], "-s is not an option: write --quiet or --verbose"),
    (&["--silent"], "--silent is not an option: write --quiet or --verbose"),
    (&["--debug"], "--debug is not an option: write --verbose"),
    (&["--no-cors"], "--no-cors is not an option: leave out --cors, and it is off"),
    (&["--no-poll"], "--no-poll is not an option: leave out --poll, and it is off"),
    (
        &["--config", "x"],
        "--config is not an option: leave it out, since livers needs no configuration",
    ),
    (
        &["--base", "/x"],
        "--base is not an option: write --mount /PATH=. to serve the folder below a path",
    ),
    (
        &["--directory", "site"],
        "--directory is not an option: write the folder alone, like livers ./site",
    ),
    (&["-d", "site"], "-d is not an option: write the folder alone, like livers ./site"),
    (&["--bind", "0.0.0.0"], "--bind is not an option: write --host HOST"),
    (
        &["--browser", "chrome"],
        "--browser is not an option: write --open, which opens the default browser",
    ),
    (
        &["--tunnel"],
        "--tunnel is not an option: start the tunnel yourself, and write --allowed-host NAME",
    ),
    (&["--prot", "1"], "--prot is not an option: did you mean --port? See livers --help"),
    (&["--frobnicate"], "--frobnicate is not an option: see livers --help"),
    (&["-x"], "-x is not an option: see livers --help"),
    (
        &["--wait=100"],
        "--wait is not an option: leave it out, since livers knows when a save is complete",
    ),
    (&["--no-compile=true"], "--no-compile takes no value: write --no-compile"),
    (
        &["--livereload"],
        "--livereload is not an option: leave it out, since livers always updates the page",
    ),
    (&["--symlinks"], "--symlinks is not an option: write --follow-symlinks"),
    (&["--ext", "html"], "--ext is not an option: leave it out, since /page finds page.html"),
    (&["--title", "x"], "--title is not an option: see livers --help"),
    (&["-q", "-v"], "--quiet and --verbose exclude each other: give only one of them"),
    (&["-p1", "-p2"], "--port is given more than once: give it once"),
    (&["--open", "--open"], "--open is given more than once: give it once"),
    (&["-vv"], "--verbose is given more than once: give it once"),
    (&["--spa=a", "--spa=b"], "--spa is given more than once: give it once"),
    (
        &["--spa="],
        "--spa= is not a path inside the folder: write it relative to the folder, like --spa=app.html",
    ),
    (
        &["--spa=../x"],
        "--spa=../x is not a path inside the folder: write it relative to the folder, like --spa=app.html",
    ),
    (
        &["--spa=http://x"],
        "--spa=http://x is not a path inside the folder: write it relative to the folder, like --spa=app.html",
    ),
    (&["--no-color"], "--no-color is not an option: set NO_COLOR=1 to turn colours off"),
    (&["–open"], "–open is not an option: write --open"),
    (&["--mount=/a=nope"], "--mount /a=nope does not exist: name a folder to serve"),
];

#[tokio::test]
async fn mistakes_exit_with_2_and_one_sentence_that_names_the_remedy() {
    let dir = TempDir::with_page("<p>");
    dir.write("app.html", "<p>");
    dir.make_dir("site");
    dir.make_dir("sub");
    let mut wrong = String::new();
    for (args, wanted) in MISTAKES {
        let (status, output, errors) = server::run_in(dir.path(), *args).await;
        if (status.code(), &*output, &*errors) != (Some(2), "", &format!("error: {wanted}\n")) {
            wrong += &format!("{args:?}: {status}, {output}{errors}  wanted: {wanted}\n");
        }
    }
    assert_eq!(wrong, "");
}
