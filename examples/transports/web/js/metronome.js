// A worker, because browsers limit the timers of a background page to one per second.
addEventListener("message", ({ data: milliseconds }) => {
  setTimeout(() => postMessage(null), milliseconds);
});
