// Finds and reads the style sheets that one compilation imports. What the compilers of style sheets
// have in common; stands before their drivers.

/** A URL that is relative to the sheet, rather than to the page, a host or an alias. */
const isRelativeUrl = (url) => !/^(?:[a-z][a-z0-9+.-]*:|[/#?$@~]|\{)/i.test(url) && !url.includes('#{');

/**
 * Returns a text whose relative `url()`s lead from the folder `to` where they led from the folder
 * `from`, as bundlers have it: CSS has them relative to the sheet that is served.
 */
const rebaseUrls = (text, from, to, path) =>
  from === to
    ? text
    : text.replace(/(\/\*[^]*?\*\/)|\burl\(\s*(?:(["'])(.*?)\2|([^\s"')]+))\s*\)/g, (all, comment, quote = '', quoted, plain) => {
        const url = quoted ?? plain;
        if (comment || !url || !isRelativeUrl(url)) return all;
        const [, name, rest] = /^([^?#]*)(.*)$/s.exec(url);
        return `url(${quote}${path.relative(to, path.join(from, name)).replaceAll('\\', '/')}${rest}${quote})`;
      });

/**
 * Returns a text after the `additionalData` of the configuration, and the number of lines that its
 * own lines have moved by.
 */
const withAdded = (text, added) => {
  if (typeof added !== 'string') return { text, moved: 0 };
  const line = added.includes('//') ? added : added.replace(/\r?\n/g, ' ');
  return { text: line + text, moved: line.split('\n').length - 1 };
};

/**
 * The files of one compilation. `extensions` are those that may be left out, `conditions` those of
 * `exports` and the fields of `package.json`, and `prefix` what a name may begin with.
 */
const sheetFiles = (host, path, { root, extensions, conditions, prefix }) => {
  const texts = new Map();
  const aliases = new Map();
  const unknown = new Map();

  const read = (file) => {
    if (!texts.has(file)) texts.set(file, host.readSync(file));
    return texts.get(file);
  };

  /** Returns the sheet at a path without its prefix or extension, or the index of a folder. */
  const at = (name, middle = '') => {
    const [folder, base] = [path.dirname(name), path.basename(name)];
    const known = extensions.find((extension) => base.endsWith(extension));
    const variants = (folder, base) => {
      const stems = prefix ? [base, prefix + base] : [base];
      const whole = known ? stems : [];
      const stem = (each, extension) => `${each}${middle}${extension}`;
      const added = extensions.flatMap((extension) => stems.map((each) => stem(each, extension)));
      return [...whole, ...added].map((each) => path.join(folder, each));
    };
    const found = variants(folder, base).find((file) => read(file) != null);
    if (found || known) return found;
    return extensions
      .flatMap((extension) => [`${prefix}index${extension}`, `index${extension}`])
      .map((each) => path.join(name, each))
      .find((file) => read(file) != null);
  };

  const parsed = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return {};
    }
  };

  const pick = (target) => {
    if (typeof target === 'string') return target;
    if (Array.isArray(target)) return pick(target[0]);
    for (const [condition, inner] of Object.entries(target ?? {}))
      if (conditions.includes(condition) || condition === 'default') {
        const found = pick(inner);
        if (found) return found;
      }
  };

  /** Returns what the `exports` of a package have for a sheet. */
  const exported = (exports, rest) => {
    if (exports == null) return undefined;
    const isMap = typeof exports === 'object' && Object.keys(exports).some((key) => key[0] === '.');
    if (!isMap) return rest === '.' ? pick(exports) : undefined;
    const names = [rest, ...extensions.map((extension) => rest + extension)];
    const slash = rest.lastIndexOf('/') + 1;
    if (prefix) names.push(...names.map((name) => name.slice(0, slash) + prefix + name.slice(slash)));
    for (const name of names) {
      if (name in exports) return pick(exports[name]);
      for (const [key, target] of Object.entries(exports)) {
        const [before, after] = key.split('*');
        if (after === undefined || !name.startsWith(before) || !name.endsWith(after)) continue;
        const found = pick(target);
        if (found) return found.replaceAll('*', name.slice(before.length, name.length - after.length));
      }
    }
  };

  /** Returns the sheet of a package. */
  const ofPackage = (specifier, folder) => {
    const [, name, rest = ''] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/s.exec(specifier) ?? [];
    for (let above = folder; name; above = path.dirname(above)) {
      const home = path.join(above, 'node_modules', name);
      const text = read(path.join(home, 'package.json'));
      if (text != null) {
        const manifest = parsed(text);
        const target = exported(manifest.exports, '.' + rest);
        const main = rest || conditions.map((field) => manifest[field]).find((it) => typeof it === 'string');
        const candidates = [target, main, rest ? undefined : 'index'].filter((it) => it && !/\.[cm]?js$/.test(it));
        for (const candidate of candidates) {
          const found = at(path.join(home, candidate));
          if (found) return found;
        }
      }
      if (above === path.dirname(above)) return undefined;
    }
  };

  /** Returns the sheet that a specifier in a folder leads to, apart from a relative one. */
  const find = (specifier, folder, loadPaths = []) => {
    if (specifier[0] === '/') return at(root + specifier) ?? at(specifier);
    const alias = aliases.get(specifier);
    if (alias) return path.isAbsolute(alias) ? (at(alias) ?? at(root + alias)) : ofPackage(alias, folder);
    for (const each of loadPaths) {
      const found = at(path.resolve(root, each, specifier));
      if (found) return found;
    }
    const found = ofPackage(specifier.replace(/^(?:pkg:|~\/?)/, ''), folder);
    if (!found && !/^\.\.?\//.test(specifier)) unknown.set(specifier, folder);
    return found;
  };

  /** Asks what the specifiers that were not found stand for. Returns whether one is known now. */
  const learn = async () => {
    const before = aliases.size;
    for (const [specifier, folder] of unknown) {
      const target = await host.alias(specifier, path.join(folder, '_'));
      if (target && !aliases.has(specifier)) aliases.set(specifier, target);
    }
    unknown.clear();
    return aliases.size > before;
  };

  /** All files that were looked for, whether or not they exist. */
  const probed = () => [...texts.keys()];

  return { read, at, find, learn, probed };
};

