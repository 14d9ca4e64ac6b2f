// The lesson's backend: an Express application with a static loader, and a WebSocket server on the
// same HTTP server, which gives what one says to all the others.
import { fileURLToPath } from 'node:url';

import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';

const PING = 10_000; // milliseconds

const app = express();
app.use(express.static(fileURLToPath(new URL('../web/dist', import.meta.url))));

// The port is the first argument, else PORT, else 3000; 0 takes any free one.
const port = Number(process.argv[2] ?? process.env.PORT ?? 3000);
const server = app.listen(port, 'localhost', () => {
  console.log(`chat: listening on http://localhost:${server.address().port}`);
});

// Not a port of its own: the server that the application has.
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

// Who has not answered since the last time is gone.
setInterval(() => {
  for (const ws of wss.clients) {
    if (!ws.isAlive) ws.terminate();
    ws.isAlive = false;
    ws.ping();
  }
}, PING);
