// Addresses: what a file is called here, and how it is asked for anew. See types.d.ts.

/** A path as the server and all browsers spell it: decoded. @type {Spelled} */
export const spelled = (path) => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** The path of one of our own origin, or ''. @type {PathOf} */
export const pathOf = (url, origin) =>
  url?.startsWith(origin + '/') ? spelled(new URL(url).pathname) : '';

/** With a query that no server of files looks at. @type {Bust} */
export const bust = (url, version) => {
  const fresh = new URL(url);
  fresh.searchParams.set('livers', version);
  return fresh.href;
};
