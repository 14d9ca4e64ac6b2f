import { Backoff, sleep } from "./again.js";

const INTERVAL = 1000;

export function poll(card, signal) {
  return ask("/live/poll", INTERVAL, card, signal);
}

// The waiting is done by the server, so the next question follows at once.
export function longPoll(card, signal) {
  return ask("/live/long-poll", 0, card, signal);
}

async function ask(path, interval, card, signal) {
  const backoff = new Backoff();
  let after; // unknown at first: the stream begins with the next message
  card.restart();
  while (!signal.aborted) {
    try {
      card.request();
      const url = after === undefined ? path : `${path}?after=${after}`;
      const response = await fetch(url, { cache: "no-store", signal });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const text = await response.text();
      const { last, messages } = JSON.parse(text);

      backoff.worked();
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

// Both heads: that of the response as we see it, and that of the request, which no page sees, as
// the backend tells.
function headBytes({ status, statusText, headers }) {
  let size = Number(headers.get("x-request-bytes"));
  size += `HTTP/1.1 ${status} ${statusText}\r\n\r\n`.length;
  for (const [name, value] of headers) {
    size += `${name}: ${value}\r\n`.length;
  }
  return size;
}
