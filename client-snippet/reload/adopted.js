// Returns a style sheet that a script imported. A module of its own, because a browser without
// import attributes cannot parse it.

/** @type {(url: string) => Promise<CSSStyleSheet>} */
export const sheetOf = async (url) => (await import(url, { with: { type: 'css' } })).default;
