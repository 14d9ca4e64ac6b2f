// URL helpers. Types: types.d.ts.

/** Style sheets: CSS, and languages that are compiled to it. */
export const SHEET = /\.(css|less|p(ost)?css|s[ac]ss)$/;

/** Style sheets whose class names a module exports. */
export const CSS_MODULE = /\.module\.(css|less|p(ost)?css|s[ac]ss)$/;

/** Decodes a path, as servers and browsers escape the same path differently. @type {DecodePath} */
export const decodePath = (path) => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** @type {DecodePath} */
export const encodePath = (path) => encodeURI(path).replace(/[?#]/g, encodeURIComponent);

/** Returns the decoded path of a URL, or '' if it is of another origin. @type {PathOf} */
export const pathOf = (url, origin) =>
  url?.startsWith(origin + '/') ? decodePath(new URL(url).pathname) : '';

/**
 * Adds the version as a query, so that the browser does not answer from its cache.
 *
 * @type {WithVersion}
 */
export const withVersion = (url, version) => {
  const fresh = new URL(url);
  fresh.searchParams.set('livers', version);
  return fresh.href;
};
