// A fake project: modules as livers serves them and as a browser runs them. Each URL runs once, and
// the URLs of imports have the versions of what changed.
import { joined, makeRegistry } from '../../client-snippet/hmr/hot.js';
import { makeRenewal } from '../../client-snippet/hmr/renew.js';

import { ORIGIN } from './page.mjs';

export class Project {
  log = [];
  errors = [];
  reloads = 0;
  requests = [];
  styles = [];
  channel = {};
  entries = [];
  #files = {};
  #versions = {};
  #instances = new Map();
  #version = 17;

  constructor(files) {
    for (const [path, file] of Object.entries(files)) this.#files[path] = file;
    const project = this;
    const document = {
      querySelectorAll: (selector) =>
        selector.startsWith('script')
          ? project.entries.map((path) => ({ src: ORIGIN + path }))
          : [...project.styles],
      querySelector: () => null,
      createElement: () => ({
        dataset: {},
        after(other) {
          other.sheet = {};
          project.styles.splice(project.styles.indexOf(this) + 1, 0, other);
        },
        remove() {
          project.styles = project.styles.filter((style) => style !== this);
        },
      }),
      head: {
        append(style) {
          style.sheet = {};
          project.styles.push(style);
        },
      },
    };
    const environment = {
      channel: this.channel,
      document,
      location: { href: `${ORIGIN}/index.html`, reload: () => project.reloads++ },
      fetch: async (url) => {
        project.requests.push(url.slice(ORIGIN.length));
        const path = new URL(url).pathname;
        return { status: project.#files[path] && !project.#files[path].fault ? 200 : 500 };
      },
      reportError: (error) => project.errors.push(error.message ?? error),
      load: async (url) => (url === './renew.js' ? project.renewal : project.load(new URL(url, ORIGIN).href)),
    };
    this.registry = makeRegistry(environment);
    this.renewal = makeRenewal(this.registry, environment);
  }

  /** Returns the newest version of a module and its imports. */
  #stamp(path, seen = new Set()) {
    if (seen.has(path)) return 0;
    seen.add(path);
    const { imports = [] } = this.#files[path] ?? {};
    return Math.max(this.#versions[path] ?? 0, ...imports.map((each) => this.#stamp(each, seen)));
  }

  #url(path) {
    const stamp = this.#stamp(path);
    return ORIGIN + path + (stamp ? `?t=${stamp}` : '');
  }

  /** Imports a URL, as browsers do: a failed import fails again. */
  load(url) {
    if (!this.#instances.has(url)) this.#instances.set(url, this.#link(url));
    return this.#instances.get(url);
  }

  async #link(url) {
    const path = new URL(url).pathname;
    const file = this.#files[path];
    if (!file || file.fault) throw new TypeError(`Failed to fetch dynamically imported module: ${url}`);
    const { imports = [], run } = file;
    const found = {};
    for (const each of imports) found[each] = await this.load(this.#url(each));
    this.log.push(`run ${url.slice(ORIGIN.length)}`);
    if (path.endsWith('.css')) return void this.registry.style(joined(path, url)) ?? {};
    const hot = this.registry.hot(path, url, imports);
    return { path, url: url.slice(ORIGIN.length), found, ...run?.(hot, found) };
  }

  open(path) {
    this.entries.push(path);
    return this.load(ORIGIN + path);
  }

  /** Saves files, and returns how the page applied the change. */
  async save(files) {
    const version = ++this.#version;
    const changes = Object.entries(files).map(([path, file]) => {
      const kind = !file ? 'removed' : this.#files[path] ? 'modified' : 'created';
      this.#files[path] = file;
      this.#versions[path] = version;
      return { path, kind };
    });
    return this.renewal.apply(changes, version);
  }

  /** Returns what was logged since the last call. */
  takeLog() {
    return this.log.splice(0).join(', ');
  }
}
