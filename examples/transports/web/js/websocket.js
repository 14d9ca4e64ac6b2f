import { keepSocket } from "./again.js";

export function socket(card, signal) {
  card.restart();
  keepSocket("/live/socket", signal, {
    card,
    onopen: () => card.state("connected", "ok"),
    onmessage: (text) => {
      // A frame from a server: two bytes before a payload of up to 125, four before a longer one.
      card.received(JSON.parse(text), text.length + (text.length < 126 ? 2 : 4));
    },
  });
}
