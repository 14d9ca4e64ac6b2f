// URL helpers. Types: types.d.ts.

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
