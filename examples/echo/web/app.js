// The socket has the host of the page; livers forwards /ws to the backend.
// Browsers allow a page with https to open wss only.
const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const address = `${scheme}//${location.host}/ws`;

const MAX_LOG_ENTRIES = 200;
const MAX_DELAY = 10_000;

const log = document.querySelector("#log");
const state = document.querySelector("#state");
const text = document.querySelector("#text");
const send = document.querySelector("#send");
const everySecond = document.querySelector("#every-second");

let socket;
let delay = 500;
let count = 0;

connect();

setInterval(() => {
  if (everySecond.checked) {
    sendMessage(`message ${count + 1}`);
  }
}, 1000);

document.querySelector("#say").addEventListener("submit", (event) => {
  event.preventDefault(); // the script sends it, instead of loading a page
  if (text.value !== "" && sendMessage(text.value)) {
    text.value = "";
  }
});

function connect() {
  show("connecting");
  socket = new WebSocket(address);

  socket.addEventListener("open", () => {
    show("open");
    write("note", `connected to ${address}`);
  });

  socket.addEventListener("message", (event) => {
    delay = 500; // connected: start again with a short delay
    write("in", event.data);
  });

  // Also fired after a failed attempt, so this is the only place that reconnects.
  socket.addEventListener("close", (event) => {
    show("closed");
    const seconds = (delay / 1000).toFixed(1);
    write("note", `closed (${event.code}), next attempt in ${seconds} s`);
    setTimeout(connect, delay);
    delay = Math.min(delay * 2, MAX_DELAY);
  });
}

function sendMessage(message) {
  if (socket.readyState !== WebSocket.OPEN) {
    return false;
  }
  socket.send(message);
  count += 1;
  write("out", message);
  return true;
}

function show(name) {
  state.textContent = name;
  state.dataset.state = name;
  send.disabled = name !== "open";
}

// Inserts messages as text, never as HTML.
function write(kind, message) {
  const now = new Date();
  const time = document.createElement("time");
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString();

  const content = document.createElement("span");
  content.textContent = message;

  const entry = document.createElement("li");
  entry.className = kind;
  entry.append(time, content);

  // Scroll to the newest entry, unless the user has scrolled up.
  const following = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(entry);
  while (log.children.length > MAX_LOG_ENTRIES) {
    log.firstElementChild.remove();
  }
  if (following) {
    log.scrollTop = log.scrollHeight;
  }
}
