//! Renders the files of the model so that a page can tell which version of each it shows.

use super::model::{File, How, Model};

/// Returns the content of a file.
pub fn render(model: &Model, path: &str) -> String {
    let file = &model.0[path];
    let version = file.version;
    match path.rsplit('.').next() {
        Some("css") => sheet(path, file),
        Some("js") => script(path, file),
        // Empty, so that it gets no script, also in a frame: then its page reports it.
        Some("svg") => {
            format!("<svg xmlns='http://www.w3.org/2000/svg' width='{version}' height='9'/>")
        }
        Some("json" | "md" | "woff2") => version.to_string(),
        _ => page(model, file),
    }
}

/// Returns a path as an identifier.
pub fn id(path: &str) -> String {
    path.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect()
}

fn on(file: &File) -> impl Iterator<Item = (How, &'static str)> + '_ {
    file.refs.iter().filter(|to| to.on).map(|to| (to.how, to.to))
}

fn page(model: &Model, file: &File) -> String {
    let mut head = format!("<!doctype html>\n<meta name=version content={}>\n", file.version);
    head += file.head;
    head += "<script>window.seen = {}</script><link rel=stylesheet href=/marker.css>\n";
    // An element for each background.
    let mut body: String =
        model.0.keys().map(|path| format!("<i class={}></i>", id(path))).collect();
    for (how, to) in on(file) {
        let html = match how {
            How::Link => format!("<link rel=stylesheet href={to}>"),
            How::Style => format!("<style>@import '{to}';</style>"),
            How::Icon => format!("<link rel=icon href={to}>"),
            How::Classic => format!("<script src={to}></script>"),
            How::Module => format!("<script type=module src={to}></script>"),
            How::Img => format!("<img src={to}>"),
            How::Srcset => format!("<img srcset='{to} 1x'>"),
            How::Picture => format!("<picture><source srcset={to}><img></picture>"),
            How::Poster => format!("<video poster={to}></video>"),
            How::Frame | How::FrameImage => format!("<iframe src={to}></iframe>"),
            how => format!("<script>{}</script>", statement(how, to)),
        };
        let to =
            if matches!(how, How::Link | How::Style | How::Icon) { &mut head } else { &mut body };
        *to += &html;
        to.push('\n');
    }
    format!("{head}<body>\n{body}")
}

fn sheet(path: &str, file: &File) -> String {
    let id = id(path);
    let mut text = String::new();
    for (how, to) in on(file) {
        text += &match how {
            How::Import => format!("@import '{to}';\n"),
            How::Font => format!(
                "@font-face {{ font-family: f; src: url({to}) }}\nbody {{ font-family: f }}\n"
            ),
            _ => format!(".{id} {{ padding: 4px; background: url({to}) }}\n"),
        };
    }
    // Imports must come first.
    let (imports, rest): (Vec<_>, Vec<_>) =
        text.split_inclusive('\n').partition(|line| line.starts_with("@import"));
    let version = file.version;
    format!("{}{}:root {{ --version{id}: {version} }}\n", imports.concat(), rest.concat())
}

fn script(path: &str, file: &File) -> String {
    let version = file.version;
    let statements: String = on(file).map(|(how, to)| statement(how, to) + ";\n").collect();
    format!("{statements}{SAY} say({{ '{path}': '{version}' }});\n")
}

/// Reports versions, in a worker or a page, in modules, classic and inline scripts.
const SAY: &str = "globalThis.say = (what) => globalThis.document ? Object.assign(seen, what) : \
                   postMessage(what);";

fn statement(how: How, to: &str) -> String {
    match how {
        How::Import => format!("import '{to}'"),
        How::Dynamic => format!("import('{to}').catch(() => 0)"),
        How::ImportScripts => format!("try {{ importScripts('{to}') }} catch {{}}"),
        How::Worker => {
            format!("new Worker('{to}').onmessage = (e) => Object.assign(seen, e.data)")
        }
        How::ModuleWorker => format!(
            "new Worker('{to}', {{ type: 'module' }}).onmessage = (e) => Object.assign(seen, e.data)"
        ),
        How::Xhr => format!(
            "{{ {SAY} const x = new XMLHttpRequest(); x.open('GET', '{to}'); x.onload = () => \
             say({{ '{to}': x.status == 200 ? x.responseText : '0' }}); x.send() }}"
        ),
        _ => format!(
            "{{ {SAY} fetch('{to}').then((r) => r.ok ? r.text() : '0').then((text) => say({{ '{to}': \
             text }})) }}"
        ),
    }
}
