// Sass: compiles a style sheet.
export default async (host) => {
  return {};
};
