// A sending and a receiving WebRTC peer. They exchange these messages over a WebSocket, which the
// backend relays:
//
//   backend    {"peers": 2}        to both: the other peer is connected
//   receiver   {"want": true}
//   sender     {"offer": …}        its session description
//   receiver   {"answer": …}       its session description
//   both       {"candidate": …}    an address to try, one per message
//
// Then the peers are connected directly and no longer need the backend.

import { keepSocket, sleep } from "./again.js";

const CONNECT_TIMEOUT = 10_000;
const MAX_BUFFERED = 64 * 1024;

// No STUN or TURN server: only local addresses are tried.
const CONFIGURATION = { iceServers: [] };

const NO_WEBRTC = "This browser does not support WebRTC, or it is disabled.";
const NO_ANSWER = "The other peer does not respond: one of the two must be the sender.";
const NO_ADDRESS =
  "The browser offers no address. On a machine without a network, it must be allowed to use the loopback interface.";
const NO_ROUTE =
  "The peers know each other's addresses, but cannot connect. Without STUN and TURN servers, they must be on the same machine or network.";

export async function receive(card, signal, room) {
  if (!globalThis.RTCPeerConnection) return card.state(NO_WEBRTC);
  card.restart();
  let peers = 0; // 0 until the backend has sent it
  let link;

  const say = signaling(room, signal, card, async (message) => {
    if ("peers" in message) peers = message.peers;
    if (message.offer) {
      link?.peer.close();
      link = connect(say);
      link.peer.addEventListener("datachannel", ({ channel }) => listen(channel));
      await link.peer.setRemoteDescription(message.offer);
      await link.peer.setLocalDescription();
      say({ answer: link.peer.localDescription });
    }
    if (message.candidate) await link?.add(message.candidate);
  });

  function listen(channel) {
    channel.addEventListener("message", ({ data }) => {
      if (!signal.aborted) card.received(JSON.parse(data));
    });
    link.channel = channel;
  }

  signal.addEventListener("abort", () => link?.peer.close());
  reportTraffic(card, signal, () => link?.peer);

  // Ask the sender to connect, until it has.
  let askedAt;
  let problem; // why connecting took too long
  while (!signal.aborted) {
    if (isConnected(link)) {
      card.state("connected", "ok");
      askedAt = problem = undefined;
    } else if (peers < 2) {
      card.state(peers === 0 ? "waiting for the backend" : "waiting for the other peer");
      askedAt = problem = undefined;
    } else {
      const late = Date.now() - askedAt > CONNECT_TIMEOUT;
      if (late) problem = reason(link);
      card.state(problem ?? "connecting to the other peer");
      if (late || !askedAt) {
        askedAt = Date.now();
        say({ want: true });
      }
    }
    await sleep(100, signal);
  }
}

// `card` may be null: then this side is not shown.
export function send(card, signal, room, rate) {
  if (!globalThis.RTCPeerConnection) return card?.state(NO_WEBRTC);
  let n = 0;
  let next = Date.now();
  let link;

  const say = signaling(room, signal, card, async (message) => {
    if (message.want) {
      link?.peer.close();
      link = connect(say);
      link.channel = link.peer.createDataChannel("messages");
      await link.peer.setLocalDescription();
      say({ offer: link.peer.localDescription });
    }
    if (message.answer) await link?.peer.setRemoteDescription(message.answer);
    if (message.candidate) await link?.add(message.candidate);
  });

  signal.addEventListener("abort", () => link?.peer.close());
  if (card) reportTraffic(card, signal, () => link?.peer);

  const metronome = new Worker(new URL("metronome.js", import.meta.url));
  signal.addEventListener("abort", () => metronome.terminate());
  metronome.addEventListener("message", () => {
    const ready = isConnected(link);
    card?.state(ready ? "connected" : "waiting for a receiver", ready ? "ok" : "wait");
    if (ready && link.channel.bufferedAmount < MAX_BUFFERED) {
      const message = { n: ++n, sentAt: Date.now() };
      link.channel.send(JSON.stringify(message));
      card?.sent(message);
    }
    beat();
  });
  beat();

  function beat() {
    next = Math.max(next + 1000 / rate.value, Date.now());
    metronome.postMessage(next - Date.now());
  }
}

function connect(say) {
  const peer = new RTCPeerConnection(CONFIGURATION);
  const link = { peer, channel: null, own: 0, other: 0 };
  peer.addEventListener("icecandidate", ({ candidate }) => {
    if (!candidate?.candidate) return; // the last candidate
    link.own += 1;
    say({ candidate });
  });
  link.add = (candidate) => {
    link.other += 1;
    return peer.addIceCandidate(candidate);
  };
  return link;
}

function reason(link) {
  if (!link) return NO_ANSWER;
  return link.own && link.other ? NO_ROUTE : NO_ADDRESS;
}

// A channel stays open for a while after the other peer has gone; the connection state changes earlier.
function isConnected(link) {
  return link?.channel?.readyState === "open" && link.peer.connectionState === "connected";
}

// Returns a function that sends a message to the other peer while the WebSocket is open. Calls
// `onmessage` for each message, and with no peers when the WebSocket closes.
function signaling(room, signal, card, onmessage) {
  let socket;
  let processed = Promise.resolve();
  keepSocket(`/live/signal?room=${encodeURIComponent(room)}`, signal, {
    onopen: (opened) => {
      socket = opened;
    },
    onmessage: (text) => {
      card?.request();
      // In order: a candidate is useless before its offer has been processed.
      processed = processed.then(() => onmessage(JSON.parse(text))).catch(console.warn);
    },
    onclose: () => onmessage({ peers: 0 }),
  });
  return (message) => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    card?.request();
    socket.send(JSON.stringify(message));
  };
}

// The browser counts bytes per pair of addresses, and may switch between pairs.
async function reportTraffic(card, signal, current) {
  let peer;
  let known = 0;
  while (!signal.aborted) {
    await sleep(1000, signal);
    if (peer !== current()) {
      peer = current();
      known = 0;
    }
    if (!peer || signal.aborted) continue;
    let total = 0;
    for (const report of (await peer.getStats()).values()) {
      if (report.type === "candidate-pair") {
        total += (report.bytesSent ?? 0) + (report.bytesReceived ?? 0);
      }
    }
    card.wire(total - known);
    known = total;
  }
}
