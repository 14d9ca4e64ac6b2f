// What to do between two attempts.

const SHORTEST = 500;
const LONGEST = 10_000;

// Ends early when `signal` is aborted.
export function sleep(milliseconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener("abort", finish);
    function finish() {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      done();
    }
  });
}

// Waits, each time for longer, until something has worked again.
export class Backoff {
  #wait = SHORTEST;

  worked() {
    this.#wait = SHORTEST;
  }

  // Tells the reader of the card, if there is one.
  async pause(card, signal) {
    const wait = this.#wait;
    this.#wait = Math.min(wait * 2, LONGEST);
    card?.state(`no connection, trying again in ${wait / 1000} s`);
    await sleep(wait, signal);
  }
}

// A WebSocket on this page's host that comes back by itself until `signal` is aborted.
export async function keepSocket(path, signal, { card, onopen, onmessage, onclose }) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const backoff = new Backoff();
  while (!signal.aborted) {
    card?.request();
    const socket = new WebSocket(`${scheme}//${location.host}${path}`);
    const close = () => socket.close();
    signal.addEventListener("abort", close);
    await new Promise((closed) => {
      socket.addEventListener("open", () => onopen?.(socket));
      socket.addEventListener("message", ({ data }) => {
        backoff.worked();
        if (!signal.aborted) onmessage(data);
      });
      socket.addEventListener("close", closed); // also follows an attempt that failed
    });
    signal.removeEventListener("abort", close);
    onclose?.();
    if (!signal.aborted) await backoff.pause(card, signal);
  }
}
