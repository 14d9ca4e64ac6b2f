// Renders the arguments of a console call. Types: types.d.ts.
export {};
