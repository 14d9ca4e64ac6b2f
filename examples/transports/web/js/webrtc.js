// Two peers, one that sends and one that receives. To find each other they use a WebSocket on
// which the backend passes on whatever they say. It goes like this:
//
//   backend    {"peers": 2}        to both: the other one is here
//   receiver   {"want": true}
//   sender     {"offer": …}        what it can do
//   receiver   {"answer": …}       what both can do
//   both       {"candidate": …}    an address to be tried, one message for each
//
// From then on the messages take the direct way, and the backend may as well stop.

import { keepSocket, sleep } from "./again.js";

const PATIENCE = 10_000;
const MAX_BUFFERED = 64 * 1024;

// No STUN and no TURN server: only the addresses of this machine are tried.
const CONFIGURATION = { iceServers: [] };

const NO_WEBRTC = "This browser has no WebRTC, or it is switched off.";
const NO_ANSWER = "The other peer does not answer: one of the two has to be the sender.";
const NO_ADDRESS =
  "The browser names no address under which it could be reached. On a machine without a network it has to be allowed to use the loopback interface.";
const NO_WAY =
  "The peers know each other's addresses, but no packet gets through. Without STUN and TURN servers they have to be on the same machine or network.";

export async function receive(card, signal, room) {
  if (!globalThis.RTCPeerConnection) return card.state(NO_WEBRTC);
  card.restart();
  let peers = 0; // 0 as long as the backend has not said
  let link;

  const say = signalling(room, signal, card, async (message) => {
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

  // As long as there is no way to the sender, ask for one.
  let asked; // when
  let trouble; // why it took too long
  while (!signal.aborted) {
    if (works(link)) {
      card.state("connected", "ok");
      asked = trouble = undefined;
    } else if (peers < 2) {
      card.state(peers === 0 ? "waiting for the backend" : "waiting for the other peer");
      asked = trouble = undefined;
    } else {
      const late = Date.now() - asked > PATIENCE;
      if (late) trouble = reason(link);
      card.state(trouble ?? "looking for a way to the other peer");
      if (late || !asked) {
        asked = Date.now();
        say({ want: true });
      }
    }
    await sleep(100, signal);
  }
}

// `card` may be null: then nobody looks at this side.
export function send(card, signal, room, rate) {
  if (!globalThis.RTCPeerConnection) return card?.state(NO_WEBRTC);
  let n = 0;
  let next = Date.now();
  let link;

  const say = signalling(room, signal, card, async (message) => {
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
    const ready = works(link);
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
    if (!candidate?.candidate) return; // that was all of them
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
  return link.own && link.other ? NO_WAY : NO_ADDRESS;
}

// A channel stays open for a while after the other peer has gone; the connection knows earlier.
function works(link) {
  return link?.channel?.readyState === "open" && link.peer.connectionState === "connected";
}

// Returns a function that says something to the other peer, if the line is up. When it breaks, we
// hear of no peers.
function signalling(room, signal, card, hear) {
  let line;
  let heard = Promise.resolve();
  keepSocket(`/live/signal?room=${encodeURIComponent(room)}`, signal, {
    onopen: (socket) => {
      line = socket;
    },
    onmessage: (text) => {
      card?.request();
      // One after the other: a candidate is of no use before its offer has been dealt with.
      heard = heard.then(() => hear(JSON.parse(text))).catch(console.warn);
    },
    onclose: () => hear({ peers: 0 }),
  });
  return (message) => {
    if (line?.readyState !== WebSocket.OPEN) return;
    card?.request();
    line.send(JSON.stringify(message));
  };
}

// The browser counts what goes over each pair of addresses, and may change from one to another.
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
