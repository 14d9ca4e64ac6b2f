const MAX_DELAYS = 100; // number of delays in the median and the chart

// Shows the measurements of one transport.
export class Card {
  #last; // the number of the newest message
  #totals = { messages: 0, missed: 0, requests: 0, payload: 0, wire: 0 };
  #delays = [];
  #drawing = false;

  constructor({ id, name, how, counted, messages, requests }) {
    const template = document.querySelector("#card");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.id = id;
    this.#set("name", name);
    this.#set("how", how);
    this.#set("counted", counted);
    if (messages) this.#set("messages-label", messages);
    if (requests) this.#set("requests-label", requests);
    this.state("connecting");
  }

  // `kind` is "ok" or "wait".
  state(text, kind = "wait") {
    if (this.element.querySelector(".state").textContent === text) return;
    this.#set("state", text);
    this.element.dataset.state = kind;
  }

  request() {
    this.#set("requests", ++this.#totals.requests);
  }

  // Records a received message. `wire` is its size with framing, if known per message.
  received(message, wire = 0) {
    const { n, sentAt } = message;
    const totals = this.#totals;
    if (this.#last !== undefined && n > this.#last) {
      totals.missed += n - this.#last - 1; // a smaller number means that the sender has restarted
    }
    this.#last = n;
    totals.messages += 1;
    totals.payload += JSON.stringify(message).length;

    const delay = Date.now() - sentAt;
    this.#delays.push(delay);
    if (this.#delays.length > MAX_DELAYS) this.#delays.shift();

    this.element.dataset.last = n;
    this.#set("messages", totals.messages);
    this.#set("missed", totals.missed);
    this.#set("delay", `${delay} ms`);
    this.#set("payload", bytes(totals.payload));
    this.wire(wire);
    this.#drawSoon();
  }

  // Records a sent message.
  sent(message) {
    this.#totals.messages += 1;
    this.#totals.payload += JSON.stringify(message).length;
    this.#set("messages", this.#totals.messages);
    this.#set("payload", bytes(this.#totals.payload));
  }

  // Adds bytes on the wire.
  wire(count) {
    const totals = this.#totals;
    totals.wire += count;
    this.#set("wire", bytes(totals.wire));
    this.#set("each", totals.messages ? bytes(totals.wire / totals.messages) : "–");
  }

  // Messages sent during a pause are not counted as missed.
  restart() {
    this.#last = undefined;
  }

  // Draws at most once per animation frame.
  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      const sorted = this.#delays.toSorted((a, b) => a - b);
      this.#set("median", `${sorted[Math.floor(sorted.length / 2)]} ms`);
      // y = 4 is 1 ms or less; each unit up is a factor of ten.
      const start = MAX_DELAYS - this.#delays.length;
      const points = this.#delays.map((delay, index) => {
        const height = Math.min(Math.log10(Math.max(delay, 1)), 4);
        return `${start + index},${(4 - height).toFixed(2)}`;
      });
      this.element.querySelector(".curve").setAttribute("points", points.join(" "));
    });
  }

  #set(name, text) {
    this.element.querySelector(`.${name}`).textContent = text;
  }
}

function bytes(count) {
  if (count < 1000) return `${Math.round(count)} B`;
  if (count < 1e6) return `${(count / 1000).toFixed(1)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}
