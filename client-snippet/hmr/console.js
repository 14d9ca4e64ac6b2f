// Hears the errors and the console of a page. Types: types.d.ts.

/** @type {(levels: string[]) => void} */
export const listen = () => {};
