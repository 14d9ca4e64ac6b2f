import { Backoff, sleep } from "./again.js";

const INTERVAL = 1000;

export function poll(card, signal) {
  return request("/live/poll", INTERVAL, card, signal);
}

// The server waits, so the next request follows immediately.
export function longPoll(card, signal) {
  return request("/live/long-poll", 0, card, signal);
}

async function request(path, interval, card, signal) {
  const backoff = new Backoff();
  let after; // undefined at first: the stream begins with the next message
  card.restart();
  while (!signal.aborted) {
    try {
      card.request();
      const url = after === undefined ? path : `${path}?after=${after}`;
      const response = await fetch(url, { cache: "no-store", signal });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const text = await response.text();
      const { last, messages } = JSON.parse(text);

      backoff.reset();
      card.state("connected", "ok");
      card.wire(headBytes(response) + text.length);
      for (const message of messages) {
        card.received(message);
      }
      after = last;
      await sleep(interval, signal);
    } catch {
      if (!signal.aborted) await backoff.pause(card, signal);
    }
  }
}

// The size of both heads: the response's as visible here, and the request's, which is visible only to
// the backend.
function headBytes({ status, statusText, headers }) {
  let size = Number(headers.get("x-request-bytes"));
  size += `HTTP/1.1 ${status} ${statusText}\r\n\r\n`.length;
  for (const [name, value] of headers) {
    size += `${name}: ${value}\r\n`.length;
  }
  return size;
}
