import { Card } from "./card.js";
import { longPoll, poll } from "./polling.js";
import { receive, send } from "./webrtc.js";
import { events } from "./sse.js";
import { socket } from "./websocket.js";

// With ?peer=send, this page is only the sending WebRTC peer; with ?peer=receive, another page sends.
// By default it does both, in a room of its own.
const query = new URLSearchParams(location.search);
const role = query.get("peer");
const room = query.get("room") ?? Math.random().toString(36).slice(2);
let sendsItself = role !== "receive";

const rate = document.querySelector("#rate");
const pause = document.querySelector("#pause");

const receivers = [
  {
    id: "poll",
    name: "Polling",
    how: "Requests once a second. A message waits for the next request, and requests are sent even without messages.",
    counted: "Counted: headers and bodies of requests and responses.",
    start: poll,
  },
  {
    id: "long-poll",
    name: "Long polling",
    how: "The server responds once it has a message. Fast, but needs a request for almost every message.",
    counted: "Counted: headers and bodies of requests and responses.",
    start: longPoll,
  },
  {
    id: "sse",
    name: "Server-Sent Events",
    how: "One response that never ends. The browser reconnects automatically and resumes after the last event.",
    counted: "Counted: events and their chunks, not the request that opens the stream.",
    start: events,
  },
  {
    id: "websocket",
    name: "WebSocket",
    how: "One request that becomes a bidirectional connection. Here only the server sends.",
    counted: "Counted: frames, not the request that opens the connection.",
    start: socket,
  },
  {
    id: "webrtc",
    name: "WebRTC",
    how: "Two peers exchange addresses over a WebSocket, then connect directly. They stay connected if you stop the backend.",
    requests: "Signaling messages",
    counted: "Measured by the browser: packets of the connection, both ways. Not counted: signaling.",
    start: (card, signal) => receive(card, signal, room),
  },
];

const sender = {
  id: "webrtc",
  name: "WebRTC, the sending peer",
  how: "Creates numbered messages and sends them directly to the peer in the other tab.",
  messages: "Messages sent",
  requests: "Signaling messages",
  counted: "Measured by the browser: packets of the connection, both ways. Not counted: signaling.",
  start: (card, signal) => send(card, signal, room, rate),
};

document.body.dataset.role = role ?? "both";
const shown = role === "send" ? [sender] : receivers;
for (const transport of shown) {
  transport.card = new Card(transport);
  document.querySelector("#cards").append(transport.card.element);
}

let running; // aborting it stops everything that start() has started
let sending; // aborting it stops the sending peer of this page

function start() {
  running = new AbortController();
  for (const transport of shown) {
    transport.start(transport.card, running.signal);
  }
  if (role !== "send" && sendsItself) {
    sending = new AbortController();
    send(null, sending.signal, room, rate);
  }
}

function stop() {
  running.abort();
  sending?.abort();
  for (const transport of shown) {
    transport.card.state("paused");
  }
}

pause.addEventListener("click", () => {
  const paused = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", paused);
  pause.textContent = paused ? "Resume" : "Pause";
  if (paused) {
    stop();
  } else {
    start();
  }
});

rate.addEventListener("change", () => {
  fetch(`/live/rate?per_second=${rate.value}`, { method: "POST" }).catch(console.warn);
});

fetch("/live/rate")
  .then((response) => response.json())
  .then(({ perSecond }) => {
    if (![...rate.options].some((option) => option.value === String(perSecond))) {
      rate.add(new Option(perSecond));
    }
    rate.value = perSecond;
  })
  .catch(console.warn); // the cards show that the backend is down

if (role === null) {
  const link = document.createElement("a");
  link.id = "second-tab";
  link.href = `?${new URLSearchParams({ peer: "send", room })}`;
  link.target = "_blank";
  link.textContent = "Send from a second tab";
  link.addEventListener("click", () => {
    sendsItself = false; // a room has two peers
    sending?.abort();
  });
  document.querySelector("#webrtc .how").append(" ", link);
}

start();
