// Describes what a compiler throws: { message, file, line, column }, positions counted from 1.
globalThis.__report = (error) => {
  const place = error?.loc?.start ?? error?.loc ?? error?.start ?? error?.span?.start ?? error ?? {};
  const number = (value) => (Number.isInteger(value) && value >= 0 ? value : undefined);
  const zeroBased = error?.span ? 1 : 0; // Sass counts from 0
  const line = number(place.line);
  const column = number(place.column);
  const from = error?.loc?.file ?? error?.filename ?? error?.file;
  return {
    message: String(error?.reason ?? error?.message ?? error),
    needsNode: error?.needsNode === true,
    file: typeof from === 'string' ? from : undefined,
    line: line === undefined ? undefined : line + zeroBased,
    column: column === undefined ? undefined : column + 1,
  };
};
