//! Modules for WebAssembly: `import { add } from './add.wasm'`, as in the WebAssembly/ES module
//! integration, and `?init`, Vite's function that instantiates the file.
//!
//! The names of imports and exports are read from the file (WebAssembly Core Specification, section
//! 5.5); the browser fetches, checks and compiles it.

use std::{collections::BTreeSet, fmt::Write, path::Path};

use super::{
    asset::{export_properties, string_literal},
    link::{ImportedNames, Link, link},
    output::CompiledModule,
    project::Project,
    stamps,
};
use crate::esm::compile_error::CompileError;

/// Generates the module that instantiates a file with the modules that it imports, and exports what
/// the instance exports.
///
/// # Blocking
/// Resolves the imports on the disk.
///
/// # Errors
/// Fails if the file is not valid, or one of its imports cannot be resolved.
pub(super) fn module(
    project: &dyn Project,
    path: &Path,
    url: &str,
    bytes: &[u8],
) -> Result<CompiledModule, CompileError> {
    let invalid = || CompileError::of_file(path, "this is not a valid WebAssembly file".to_owned());
    let Names { modules, exports } = Names::read(bytes).ok_or_else(invalid)?;
    let placeholder = stamps::placeholder("");
    let (mut code, mut object) = (String::new(), String::new());
    let mut imports = Vec::new();
    for (at, name) in modules.iter().enumerate() {
        let url = match link(project, path, name, None, ImportedNames::default()) {
            Link::File { path, url } => {
                imports.push(path);
                url + &placeholder
            }
            Link::Url(url) => url,
            Link::Unchanged => name.clone(),
            Link::Missing { message, help } => {
                let help =
                    help.or_else(|| Some("import it with ?init and pass its imports".to_owned()));
                return Err(CompileError::of_file(path, message).with_help(help));
            }
        };
        let _ = writeln!(code, "import * as $import{at} from {};", string_literal(&url));
        let _ = write!(object, ", {}: $import{at}", string_literal(name));
    }
    let _ = writeln!(
        code,
        "const {{ instance: $instance }} = await WebAssembly.instantiateStreaming(fetch({}), {{ __proto__: null{object} }});",
        string_literal(url)
    );
    let exports = exports.iter().map(|name| string_literal(name));
    export_properties(&mut code, "$instance.exports", exports);
    code += "export {};\n";
    let slots = stamps::take_slots(&mut code, &placeholder);
    Ok(CompiledModule { code, imports, slots, ..CompiledModule::default() })
}

/// Generates the module that exports a function from imports to an instance.
pub(super) fn init(url: &str) -> String {
    format!(
        "export default async (imports = {{}}) =>\n  (await WebAssembly.instantiateStreaming(fetch({}), imports)).instance;\n",
        string_literal(url)
    )
}

/// The names in a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    /// The modules that are imported from.
    modules: BTreeSet<String>,
    exports: BTreeSet<String>,
}

impl Names {
    /// Reads the names, or returns `None` if the file is not valid.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut names = Self::default();
        let mut file = Reader(bytes.strip_prefix(b"\0asm\x01\0\0\0")?);
        while !file.0.is_empty() {
            let id = file.byte()?;
            let mut section = Reader(file.sized()?);
            match id {
                2 => {
                    for _ in 0..section.number()? {
                        names.modules.insert(section.name()?);
                        section.name()?;
                        section.skip_type()?;
                    }
                }
                7 => {
                    for _ in 0..section.number()? {
                        names.exports.insert(section.name()?);
                        section.byte()?;
                        section.number()?;
                    }
                }
                _ => {}
            }
        }
        Some(names)
    }
}

/// The rest of a file or section.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Reads an unsigned number (LEB128, section 5.2.2).
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Reads bytes that follow their number.
    fn sized(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn name(&mut self) -> Option<String> {
        Some(str::from_utf8(self.sized()?).ok()?.to_owned())
    }

    /// Skips the type of an import (section 5.5.5).
    fn skip_type(&mut self) -> Option<()> {
        match self.byte()? {
            0 => drop(self.number()?),
            1 => {
                self.skip_value_type()?;
                self.skip_limits()?;
            }
            2 => self.skip_limits()?,
            3 => {
                self.skip_value_type()?;
                self.byte()?;
            }
            4 => {
                self.byte()?;
                self.number()?;
            }
            _ => return None,
        }
        Some(())
    }

    fn skip_value_type(&mut self) -> Option<()> {
        // A reference type with a heap type behind it.
        if matches!(self.byte()?, 0x63 | 0x64) {
            self.number()?;
        }
        Some(())
    }

    fn skip_limits(&mut self) -> Option<()> {
        let flags = self.byte()?;
        self.number()?;
        if flags & 1 == 1 {
            self.number()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::{Names, module};
    use crate::esm::compiler::tests::FakeProject;

    /// Imports a function and a memory from two modules, and exports a function.
    const FILE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\
        \x02\x18\x02\x06./a.ts\x01f\0\0\x05react\x01m\x02\x01\x01\x02\
        \x03\x02\x01\0\x07\x07\x01\x03run\0\x01\x0a\x04\x01\x02\0\x0b";

    #[test]
    fn module_instantiates_the_file_with_its_imports() {
        let path = Path::new("/web/src/x.wasm");
        let made = module(&FakeProject::default(), path, "/src/x.wasm", FILE).unwrap();
        assert_eq!(made.imports, ["/src/a.ts"]);
        for part in [
            "import * as $import0 from \"/src/a.ts\"",
            "fetch(\"/src/x.wasm\"), { __proto__: null, \"./a.ts\": $import0, \"react\": $import1 }",
            "export { $_0 as \"run\" };",
        ] {
            assert!(made.code.contains(part), "{part}: {}", made.code);
        }
        for bytes in [&b""[..], b"\0asm\x02\0\0\0", &FILE[..30]] {
            let error = module(&FakeProject::default(), path, "/src/x.wasm", bytes).unwrap_err();
            assert_eq!(error.message, "this is not a valid WebAssembly file");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(at in 8..FILE.len(), byte in any::<u8>(), end in 8..=FILE.len()) {
            let mut bytes = FILE.to_vec();
            bytes[at] = byte;
            let _ = Names::read(&bytes[..end]);
        }
    }
}
