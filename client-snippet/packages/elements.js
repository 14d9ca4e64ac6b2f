// Adds scripts of packages to the page.

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
