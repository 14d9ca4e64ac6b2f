//! The served folder: files of all sizes that do not change, and files that the tasks need.

use crate::{rng::Rng, support::dir::TempDir};

/// The lengths of the files, in bytes.
const LENGTHS: [usize; 9] = [0, 1, 120, 4096, 16_384, 16_385, 65_537, 300_000, 2_500_000];

/// The length of the largest file, in bytes. livers streams it from disk.
pub(crate) const LARGE: usize = 6_000_000;

/// The number of entries of a listing.
const LISTED: usize = 40;

/// A page that livers injects its element into.
pub(crate) const PAGE: &str = "<!doctype html><html><head><title>a</title>\
    <link rel=stylesheet href=/style.css></head><body><p>text</p></body></html>";

/// The files that do not change.
pub(crate) struct Files {
    /// URL paths and contents.
    pub(crate) plain: Vec<(String, Vec<u8>)>,
    pub(crate) large: Vec<u8>,
    pub(crate) script: Vec<u8>,
    /// The content of the compressed siblings of the script. It is not actually compressed.
    pub(crate) packed: Vec<u8>,
}

impl Files {
    /// Writes the files.
    pub(crate) fn write(dir: &TempDir, seed: u64) -> Self {
        let mut rng = Rng::new(seed, "files");
        let extensions = ["bin", "png", "css", "txt", "js", "woff2"];
        let mut plain = Vec::new();
        for (number, length) in LENGTHS.into_iter().enumerate() {
            let name = format!("files/{number}.{}", extensions[number % extensions.len()]);
            let content = rng.bytes(length);
            dir.write(&name, &content);
            plain.push((format!("/{name}"), content));
        }
        let large = rng.bytes(LARGE);
        dir.write("files/large.bin", &large);
        let (script, packed) = (b"let a = 1;\n".repeat(3000), rng.bytes(3000));
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
