// The smallest Data Plane: allows everything. Run in a process of its own, so that its CPU time is not the client's.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

let decisions = 0;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { agent_id, tool } = JSON.parse(Buffer.concat(chunks).toString()) as { agent_id: string; tool: { name: string } };
    decisions += 1;
    const decision = {
      request_id: 'r',
      tenant_id: null,
      agent_id,
      decision_id: `d-${decisions}`,
      tool: tool.name,
      final_decision: { effect: 'allow', reason: null },
      latency_ms: 1,
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(decision));
  });
});
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
