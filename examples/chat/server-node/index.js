// The chat backend for Node: an Express application that serves the built pages, and a WebSocket server
// on the same port that relays each message of a client to all other clients.
import { fileURLToPath } from 'node:url';

import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';

const PING = 10_000; // milliseconds

const app = express();
app.use(express.static(fileURLToPath(new URL('../web/dist', import.meta.url))));

// The port is the first argument, else the variable PORT, else 3000; 0 selects a free port.
const port = Number(process.argv[2] ?? process.env.PORT ?? 3000);
const server = app.listen(port, 'localhost', () => {
  console.log(`chat: listening on http://localhost:${server.address().port}`);
});

const wss = new WebSocketServer({ server, path: '/ws', maxPayload: 64 * 1024 });

wss.on('connection', (ws) => {
  ws.isAlive = true;
  ws.on('pong', () => (ws.isAlive = true));
  ws.on('error', () => ws.terminate());
  ws.on('message', (data) => {
    for (const other of wss.clients) {
      if (other !== ws && other.readyState === WebSocket.OPEN) other.send(data);
    }
  });
});

// Disconnects clients that did not answer the last ping.
setInterval(() => {
  for (const ws of wss.clients) {
    if (!ws.isAlive) ws.terminate();
    ws.isAlive = false;
    ws.ping();
  }
}, PING);
