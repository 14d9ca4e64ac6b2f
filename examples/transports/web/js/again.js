// Delays and reconnection.

const MIN_DELAY = 500;
const MAX_DELAY = 10_000;

// Resolves early if `signal` is aborted.
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

// Exponential backoff between attempts.
export class Backoff {
  #delay = MIN_DELAY;

  // Resets the delay after a success.
  reset() {
    this.#delay = MIN_DELAY;
  }

  // Waits, and shows it on the card, if there is one.
  async pause(card, signal) {
    const delay = this.#delay;
    this.#delay = Math.min(delay * 2, MAX_DELAY);
    card?.state(`no connection, trying again in ${delay / 1000} s`);
    await sleep(delay, signal);
  }
}

// Opens a WebSocket on the host of the page, and reopens it until `signal` is aborted.
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
        backoff.reset();
        if (!signal.aborted) onmessage(data);
      });
      socket.addEventListener("close", closed); // also fired after a failed attempt
    });
    signal.removeEventListener("abort", close);
    onclose?.();
    if (!signal.aborted) await backoff.pause(card, signal);
  }
}
