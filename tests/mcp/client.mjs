// Calls the tools of livers with the client of the Model Context Protocol's own SDK.
//
// node client.mjs URL CALLS: CALLS is a JSON array of [tool, arguments]. Prints one JSON object:
// the server's name, its tools, and the results of the calls.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, calls] = process.argv.slice(2);
const client = new Client({ name: 'test', version: '1.0.0' });
const transport = new StreamableHTTPClientTransport(new URL(url));
await client.connect(transport);
const server = client.getServerVersion();
const instructions = client.getInstructions();
const { tools } = await client.listTools();
await client.ping();
const results = [];
for (const [name, args] of JSON.parse(calls)) {
  results.push(await client.callTool({ name, arguments: args }));
}
const { protocolVersion, sessionId } = transport;
await client.close();
console.log(JSON.stringify({ server, instructions, protocolVersion, sessionId, tools, results }));
