//! The folder that is served: files of all sizes, which nobody changes, and what must be there before
//! the others begin.

use crate::{chance::Chance, support::dir::TempDir};

/// How long the files are.
const LENGTHS: [usize; 9] = [0, 1, 120, 4096, 16_384, 16_385, 65_537, 300_000, 2_500_000];

/// How long the largest one is: it is not read into memory to be sent.
pub(crate) const LARGE: usize = 6_000_000;

/// How many folders and files a listing has.
const LISTED: usize = 40;

/// A page that gets the element.
pub(crate) const PAGE: &str = "<!doctype html><html><head><title>a</title>\
    <link rel=stylesheet href=/style.css></head><body><p>text</p></body></html>";

/// The files that nobody changes.
pub(crate) struct Files {
    /// Their URL paths, and what is in them.
    pub(crate) plain: Vec<(String, Vec<u8>)>,
    pub(crate) large: Vec<u8>,
    pub(crate) script: Vec<u8>,
    /// What stands for the script, compressed. Nobody unpacks it.
    pub(crate) packed: Vec<u8>,
}

impl Files {
    /// Writes them.
    pub(crate) fn write(dir: &TempDir, seed: u64) -> Self {
        let mut chance = Chance::new(seed, "files");
        let extensions = ["bin", "png", "css", "txt", "js", "woff2"];
        let mut plain = Vec::new();
        for (number, length) in LENGTHS.into_iter().enumerate() {
            let name = format!("files/{number}.{}", extensions[number % extensions.len()]);
            let content = chance.bytes(length);
            dir.write(&name, &content);
            plain.push((format!("/{name}"), content));
        }
        let large = chance.bytes(LARGE);
        dir.write("files/large.bin", &large);
        let (script, packed) = (b"let a = 1;\n".repeat(3000), chance.bytes(3000));
        dir.write("packed/app.js", &script);
        dir.write("packed/app.js.gz", &packed);
        dir.write("packed/app.js.br", &packed);
        dir.write("index.html", PAGE);
        dir.write("style.css", "p { color: red }");
        dir.write("m/part.ts", "export function part(): void {}");
        for number in 0..LISTED {
            dir.write(format!("listed/{number} of many.txt"), "a");
        }
        dir.write("_redirects", "/old /files/3.css\n/moved/* /files/:splat 302\n");
        dir.write("_headers", "/files/*\n  X-Soak: yes\n");
        Self { plain, large, script, packed }
    }
}
