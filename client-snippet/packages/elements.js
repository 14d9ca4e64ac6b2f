// Adds scripts and style sheets of packages to the page.

/**
 * Runs a classic script that assigns its definition to `document.currentScript.definition`.
 *
 * @param {string} url
 * @returns {Promise<Definition | undefined>} Rejects if the script fails to load.
 */
export const runScript = async (url) => {
  if (typeof document === 'undefined') {
    // A worker has no elements.
    const text = await (await fetch(url)).text();
    const standIn = { currentScript: { definition: undefined } };
    new Function('document', text)(standIn);
    return standIn.currentScript.definition;
  }
  return new Promise((resolve, reject) => {
    /** @type {any} */
    const element = document.createElement('script');
    element.src = url;
    element.onload = () => resolve(element.definition);
    element.onerror = () => reject(new Error(`${url} failed to load`));
    document.head.append(element);
    element.remove();
  });
};

/**
 * Adds a style sheet, once. Settles when it has loaded or failed. Does nothing in a worker.
 *
 * @param {string} href
 * @returns {Promise<void>}
 */
export const addStyle = (href) =>
  new Promise((resolve) => {
    if (typeof document === 'undefined') return resolve();
    const links = [...document.querySelectorAll('link')];
    if (links.some((link) => link.rel === 'stylesheet' && link.href === href)) return resolve();
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = href;
    link.onload = link.onerror = () => resolve();
    document.head.append(link);
  });
