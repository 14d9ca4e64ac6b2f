// When to reload: once the document answers, so that a server or backend which is still starting
// does not leave a browser's error page. See types.d.ts.

/** @type {Answered} */
export const answered = async ({ fetch, location, setTimeout }, isOpen) => {
  for (let tries = 0; ; tries++) {
    try {
      // A redirect is an answer, wherever it leads.
      const { status } = await fetch(location.href, {
        method: 'HEAD',
        cache: 'no-store',
        redirect: 'manual',
      });
      if (![502, 503, 504].includes(status)) return;
    } catch {
      // The page may be forbidden to ask, by its own policy. Then the socket says as much.
      if (tries > 3 && isOpen()) return;
    }
    await new Promise((done) => setTimeout(done, Math.min(2e3, 100 * 2 ** tries)));
  }
};
