import { keepSocket } from "./again.js";

export function socket(card, signal) {
  card.restart();
  keepSocket("/live/socket", signal, {
    card,
    onopen: () => card.state("connected", "ok"),
    onmessage: (text) => {
      // The header of a server's frame has two bytes for a payload up to 125 bytes, four for a longer one.
      card.received(JSON.parse(text), text.length + (text.length < 126 ? 2 : 4));
    },
  });
}
