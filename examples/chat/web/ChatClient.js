// The connection to the others, and what came over it.
//
// What is sent is JSON, `{ name, msg }`, and the backend gives it to everybody else as it is. Who
// comes and goes is said by the clients as well, `{ name, event }`, so that the backend need not know.
//
// Those who want to know what happens subscribe; the snapshot is a new object after each change.

const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 8000;
const LONGEST_NAME = 40;
const LONGEST_TEXT = 4000;
const KEPT_LINES = 500;

export class ChatClient {
  #observers = new Set();
  #snapshot = { state: 'connecting', lines: [] };
  #url;
  #socket;
  #timer;
  #wait = SHORTEST_WAIT;
  #name = ''; // mine
  #known = ''; // the one that the others know me by
  #count = 0;

  constructor() {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.#url = `${scheme}://${location.host}/ws`;
    window.addEventListener('online', () => this.#again());
    window.addEventListener('pagehide', () => this.#leave());
    window.addEventListener('pageshow', ({ persisted }) => persisted && this.#connect());
    this.#connect();
  }

  // For React's useSyncExternalStore.
  subscribe = (observer) => {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  };
  snapshot = () => this.#snapshot;

  // Says to the others who I am.
  introduce(name) {
    this.#name = name.trim();
    if (this.#snapshot.state !== 'connected' || this.#name === this.#known) return;
    const was = this.#known;
    this.#known = this.#name;
    if (was && this.#name) this.#say({ name: this.#name, event: 'renamed', was });
    else if (this.#name) this.#say({ name: this.#name, event: 'joined' });
    else this.#say({ name: was, event: 'left' });
  }

  send(msg) {
    if (this.#snapshot.state !== 'connected' || !this.#name) return;
    this.introduce(this.#name);
    this.#say({ name: this.#name, msg });
    this.#add('sent', this.#name, msg);
  }

  #say(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #connect() {
    if (this.#snapshot.state !== 'waiting') this.#change({ state: 'connecting' });
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.binaryType = 'arraybuffer';
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
      this.#wait = SHORTEST_WAIT;
      this.#change({ state: 'connected' });
      this.#add('system', '', this.#count ? 'You are connected again.' : 'You are connected.');
      this.introduce(this.#name);
    });
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    // Also follows an attempt that failed.
    socket.addEventListener('close', () => {
      if (socket !== this.#socket) return;
      this.#change({ state: 'waiting' });
      if (opened) this.#add('system', '', 'The connection is lost.');
      this.#timer = setTimeout(() => this.#again(), this.#wait * (0.75 + Math.random() / 2));
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    });
  }

  #again() {
    if (this.#snapshot.state !== 'waiting' || this.#socket?.readyState === WebSocket.CONNECTING) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #leave() {
    if (this.#snapshot.state === 'connected' && this.#known)
      this.#say({ name: this.#known, event: 'left' });
    this.#known = '';
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  // Whatever comes was made by somebody else.
  #receive(data) {
    let message;
    try {
      // The lesson's backend gives what it heard to the others as bytes.
      message = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data));
    } catch {
      return;
    }
    const text = (value, longest) => (typeof value === 'string' ? value.trim().slice(0, longest) : '');
    const name = text(message?.name, LONGEST_NAME);
    const was = text(message?.was, LONGEST_NAME);
    const msg = text(message?.msg, LONGEST_TEXT);
    if (!name) return;
    if (msg) this.#add('received', name, msg);
    else if (message.event === 'joined') this.#add('system', '', `${name} joined.`);
    else if (message.event === 'left') this.#add('system', '', `${name} left.`);
    else if (message.event === 'renamed' && was) this.#add('system', '', `${was} is now ${name}.`);
  }

  #add(kind, name, text) {
    const line = { id: ++this.#count, kind, name, text, at: Date.now() };
    this.#change({ lines: [...this.#snapshot.lines, line].slice(-KEPT_LINES) });
  }

  #change(what) {
    this.#snapshot = { ...this.#snapshot, ...what };
    for (const observer of this.#observers) observer();
  }
}
