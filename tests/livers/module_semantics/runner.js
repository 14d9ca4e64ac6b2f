// Opens the pages of cases in frames, and returns what each has logged.
(async (paths) => {
  const open = async (path) => {
    const frame = document.createElement('iframe');
    const finished = new Promise((resolve) => {
      frame.addEventListener('finished', () => resolve([]));
      setTimeout(resolve, 30_000, ['(not finished after 30 s)']);
    });
    frame.src = path;
    document.body.append(frame);
    const more = await finished;
    const lines = [...frame.contentWindow.eval('lines'), ...more];
    frame.remove();
    return lines;
  };
  return Promise.all(paths.map(open));
})
