// The connection to the chat backend, and the messages of this session.
//
// Messages are JSON, `{ name, msg }`; the backend relays them unchanged to all other clients. Clients
// also announce themselves, `{ name, event }`, so that the backend needs to know nothing about names.
//
// An external store for React: observers subscribe, and each change creates a new snapshot.

const MIN_DELAY = 500; // milliseconds before reconnecting
const MAX_DELAY = 8000;
const MAX_NAME = 40; // characters
const MAX_TEXT = 4000;
const MAX_LINES = 500;

export class ChatClient {
  #observers = new Set();
  #snapshot = { state: 'connecting', lines: [] };
  #url;
  #socket;
  #timer;
  #delay = MIN_DELAY;
  #name = ''; // as entered
  #known = ''; // as announced to the others
  #count = 0;

  constructor() {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.#url = `${scheme}://${location.host}/ws`;
    window.addEventListener('online', () => this.#reconnect());
    window.addEventListener('pagehide', () => this.#leave());
    window.addEventListener('pageshow', ({ persisted }) => persisted && this.#connect());
    this.#connect();
  }

  // The interface of React's useSyncExternalStore.
  subscribe = (observer) => {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  };
  snapshot = () => this.#snapshot;

  // Announces a new name to the others.
  introduce(name) {
    this.#name = name.trim();
    if (this.#snapshot.state !== 'connected' || this.#name === this.#known) return;
    const was = this.#known;
    this.#known = this.#name;
    if (was && this.#name) this.#post({ name: this.#name, event: 'renamed', was });
    else if (this.#name) this.#post({ name: this.#name, event: 'joined' });
    else this.#post({ name: was, event: 'left' });
  }

  send(msg) {
    if (this.#snapshot.state !== 'connected' || !this.#name) return;
    this.introduce(this.#name);
    this.#post({ name: this.#name, msg });
    this.#add('sent', this.#name, msg);
  }

  #post(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #connect() {
    if (this.#snapshot.state !== 'waiting') this.#change({ state: 'connecting' });
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.binaryType = 'arraybuffer';
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
      this.#delay = MIN_DELAY;
      this.#change({ state: 'connected' });
      this.#add('system', '', this.#count ? 'Reconnected.' : 'Connected.');
      this.introduce(this.#name);
    });
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    // Also fires when a connection attempt fails.
    socket.addEventListener('close', () => {
      if (socket !== this.#socket) return;
      this.#change({ state: 'waiting' });
      if (opened) this.#add('system', '', 'Connection lost.');
      this.#timer = setTimeout(() => this.#reconnect(), this.#delay * (0.75 + Math.random() / 2));
      this.#delay = Math.min(this.#delay * 2, MAX_DELAY);
    });
  }

  #reconnect() {
    if (this.#snapshot.state !== 'waiting' || this.#socket?.readyState === WebSocket.CONNECTING) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #leave() {
    if (this.#snapshot.state === 'connected' && this.#known)
      this.#post({ name: this.#known, event: 'left' });
    this.#known = '';
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  // Validates a message, which comes from another client.
  #receive(data) {
    let message;
    try {
      // The Node backend relays text messages as binary ones.
      message = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data));
    } catch {
      return;
    }
    const text = (value, max) => (typeof value === 'string' ? value.trim().slice(0, max) : '');
    const name = text(message?.name, MAX_NAME);
    const was = text(message?.was, MAX_NAME);
    const msg = text(message?.msg, MAX_TEXT);
    if (!name) return;
    if (msg) this.#add('received', name, msg);
    else if (message.event === 'joined') this.#add('system', '', `${name} joined.`);
    else if (message.event === 'left') this.#add('system', '', `${name} left.`);
    else if (message.event === 'renamed' && was) this.#add('system', '', `${was} is now ${name}.`);
  }

  #add(kind, name, text) {
    const line = { id: ++this.#count, kind, name, text, at: Date.now() };
    this.#change({ lines: [...this.#snapshot.lines, line].slice(-MAX_LINES) });
  }

  #change(changes) {
    this.#snapshot = { ...this.#snapshot, ...changes };
    for (const observer of this.#observers) observer();
  }
}
