import { Card } from "./card.js";
import { longPoll, poll } from "./polling.js";
import { receive, send } from "./webrtc.js";
import { events } from "./sse.js";
import { socket } from "./websocket.js";

// ?peer=send makes this page the sending WebRTC peer and nothing else; ?peer=receive leaves the
// sending to another page. By default it does both, in a room of its own.
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
    how: "Asks once a second. A message waits for the next question, and the question is asked whether there is one or not.",
    counted: "Counted: heads and bodies of requests and responses.",
    start: poll,
  },
  {
    id: "long-poll",
    name: "Long polling",
    how: "Asks, and the server answers when it has something. Quick, but a whole request for nearly every message.",
    counted: "Counted: heads and bodies of requests and responses.",
    start: longPoll,
  },
  {
    id: "sse",
    name: "Server-Sent Events",
    how: "One response that never ends. The browser reconnects by itself and says where it left off.",
    counted: "Counted: events and their chunks. Not the request that opens the stream.",
    start: events,
  },
  {
    id: "websocket",
    name: "WebSocket",
    how: "One request that becomes a connection both sides can talk on; here only the server does.",
    counted: "Counted: frames. Not the request that opens the connection.",
    start: socket,
  },
  {
    id: "webrtc",
    name: "WebRTC",
    how: "Two peers, introduced to each other over a WebSocket, talk without the backend: stop it and see.",
    requests: "Signalling messages",
    counted: "Measured by the browser: packets of the connection, both ways. Not the signalling.",
    start: (card, signal) => receive(card, signal, room),
  },
];

const sender = {
  id: "webrtc",
  name: "WebRTC, the sending peer",
  how: "Makes numbered messages of its own and sends them straight to the peer in the other tab.",
  messages: "Messages sent",
  requests: "Signalling messages",
  counted: "Measured by the browser: packets of the connection, both ways. Not the signalling.",
  start: (card, signal) => send(card, signal, room, rate),
};

document.body.dataset.role = role ?? "both";
const shown = role === "send" ? [sender] : receivers;
for (const transport of shown) {
  transport.card = new Card(transport);
  document.querySelector("#cards").append(transport.card.element);
}

let running; // aborted, it stops everything that start() has started
let sending; // the same for the sending peer of this page

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
  .catch(console.warn); // the cards say by themselves that the backend is away

if (role === null) {
  const link = document.createElement("a");
  link.id = "second-tab";
  link.href = `?${new URLSearchParams({ peer: "send", room })}`;
  link.target = "_blank";
  link.textContent = "Send from a second tab";
  link.addEventListener("click", () => {
    sendsItself = false; // there is room for two peers only
    sending?.abort();
  });
  document.querySelector("#webrtc .how").append(" ", link);
}

start();
