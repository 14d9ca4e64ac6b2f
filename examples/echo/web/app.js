// The socket lives on the page's own host; livers forwards /ws to the backend.
// A page that came over https may only open wss.
const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const address = `${scheme}//${location.host}/ws`;

const LONGEST_LOG = 200;
const LONGEST_WAIT = 10_000;

const log = document.querySelector("#log");
const state = document.querySelector("#state");
const text = document.querySelector("#text");
const send = document.querySelector("#send");
const everySecond = document.querySelector("#every-second");

let socket;
let wait = 500;
let count = 0;

connect();

setInterval(() => {
  if (everySecond.checked) {
    say(`message ${count + 1}`);
  }
}, 1000);

document.querySelector("#say").addEventListener("submit", (event) => {
  event.preventDefault(); // no page load: we send it ourselves
  if (text.value !== "" && say(text.value)) {
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
    wait = 500; // it works: the next break starts with a short wait again
    write("in", event.data);
  });

  // Also follows an attempt that failed, so this is the only place to try again.
  socket.addEventListener("close", (event) => {
    show("closed");
    const seconds = (wait / 1000).toFixed(1);
    write("note", `closed (${event.code}), next attempt in ${seconds} s`);
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  });
}

function say(message) {
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

// What came from the network goes in as text, never as HTML.
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

  // Follow the newest entry, unless somebody scrolled up to read.
  const following = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(entry);
  while (log.children.length > LONGEST_LOG) {
    log.firstElementChild.remove();
  }
  if (following) {
    log.scrollTop = log.scrollHeight;
  }
}
