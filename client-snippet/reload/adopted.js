// A sheet that a script imported. By itself, since a browser that does not know import attributes
// cannot even read this.

/** @type {(url: string) => Promise<CSSStyleSheet>} */
export const sheetOf = async (url) => (await import(url, { with: { type: 'css' } })).default;
