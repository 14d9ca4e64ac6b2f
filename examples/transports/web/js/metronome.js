// A worker, because the timers of a page in the background run only once a second.
addEventListener("message", ({ data: milliseconds }) => {
  setTimeout(() => postMessage(null), milliseconds);
});
