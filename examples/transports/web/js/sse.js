import { Backoff } from "./again.js";

export async function events(card, signal) {
  const backoff = new Backoff();
  let after; // survives the EventSource, which knows it only for its own reconnecting
  card.restart();
  while (!signal.aborted) {
    card.request();
    await new Promise((ended) => {
      const source = new EventSource(
        after === undefined ? "/live/events" : `/live/events?after=${after}`,
      );

      source.addEventListener("open", () => {
        backoff.worked();
        card.state("connected", "ok");
      });

      source.addEventListener("message", ({ data, lastEventId }) => {
        after = lastEventId;
        const event = `id: ${lastEventId}\ndata: ${data}\n\n`.length;
        const chunk = `${event.toString(16)}\r\n\r\n`.length;
        card.received(JSON.parse(data), event + chunk);
      });

      // A lost connection the browser opens again; after an answer that is not a stream of
      // events (a proxy's 502, say) it gives up for good, and we begin anew.
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED) {
          ended();
        } else {
          card.request();
          card.state("no connection, the browser tries again");
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
