// Delays a reload until the document is available, so that a server or backend that is still
// starting does not leave the browser's error page. Types: types.d.ts.

/** @type {UntilAvailable} */
export const untilAvailable = async ({ fetch, location, setTimeout }, isOpen) => {
  for (let tries = 0; ; tries++) {
    try {
      const { status } = await fetch(location.href, {
        method: 'HEAD',
        headers: { accept: 'text/html' }, // a route of an application may be a page only
        cache: 'no-store',
        redirect: 'manual', // a redirect is an answer, even to another site
      });
      if (![502, 503, 504].includes(status)) return;
    } catch {
      // The page's policy may forbid the request. An open socket then shows that the server is up.
      if (tries > 3 && isOpen()) return;
    }
    await new Promise((done) => setTimeout(done, Math.min(2e3, 100 * 2 ** tries)));
  }
};
