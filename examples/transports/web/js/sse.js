import { Backoff } from "./again.js";

export async function events(card, signal) {
  const backoff = new Backoff();
  let after; // an EventSource remembers this only while it reconnects by itself
  card.restart();
  while (!signal.aborted) {
    card.request();
    await new Promise((ended) => {
      const source = new EventSource(
        after === undefined ? "/live/events" : `/live/events?after=${after}`,
      );

      source.addEventListener("open", () => {
        backoff.reset();
        card.state("connected", "ok");
      });

      source.addEventListener("message", ({ data, lastEventId }) => {
        after = lastEventId;
        const event = `id: ${lastEventId}\ndata: ${data}\n\n`.length;
        const chunk = `${event.toString(16)}\r\n\r\n`.length;
        card.received(JSON.parse(data), event + chunk);
      });

      // The browser reopens a lost connection. After a response that is not an event stream (such as a
      // 502 of a proxy) it gives up, and a new EventSource is needed.
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED) {
          ended();
        } else {
          card.request();
          card.state("no connection, the browser is reconnecting");
        }
      });

      signal.addEventListener("abort", () => {
        source.close();
        ended();
      });
    });
    if (!signal.aborted) await backoff.pause(card, signal);
  }
}
