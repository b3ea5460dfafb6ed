// A stand-in for a Data Plane: it speaks the protocol of docs/remote.md, and its policies are the function `decide`.
import { once } from 'node:events';
import { createServer } from 'node:http';

export async function startDataPlane() {
  const verdicts = new Map();
  let count = 0;

  const answer = (request, body) => {
    const [, kind, id, word] = new URL(request.url, 'http://local').pathname.replace(/^\/v1/, '').split('/');
    if (kind === 'people' && verdicts.has(id)) {
      // the first word of a person stands
      if (verdicts.get(id) === 'PENDING') verdicts.set(id, word);
      return [200, {}];
    }
    if (request.headers['x-api-key'] !== 'probe-key') return [401, { message: 'unknown key', error: 'invalid_api_key' }];
    if (kind === 'decision' && request.method === 'POST') return [200, decision(JSON.parse(body))];
    if (kind === 'decision' && verdicts.has(id)) return [200, status(id)];
    return [404, { message: 'no such decision', error: 'resource_not_found' }];
  };
  const decision = ({ agent_id, tool }) => {
    const decisionId = `decision-${(count += 1)}`;
    const final = decide(tool);
    if (final.effect === 'approval_needed') verdicts.set(decisionId, 'PENDING');
    return {
      request_id: `request-${count}`,
      tenant_id: null,
      agent_id,
      decision_id: decisionId,
      tool: tool.name,
      final_decision: final,
      latency_ms: 1,
    };
  };
  const status = (id) => {
    const verdict = verdicts.get(id);
    const words = verdict === 'PENDING' ? { status: 'PENDING', effect: 'approval_needed' } : { status: 'OK', effect: verdict };
    return { decision_id: id, request_id: `poll-${id}`, ...words };
  };

  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const [code, body] = answer(request, Buffer.concat(chunks).toString());
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.closeAllConnections() ?? server.close() };
}

/** The policies of `probe/embedded.ts`, as a Data Plane would answer them. */
function decide({ name, params }) {
  if (name === 'slack.post' && params.channel === '#announcements') return { effect: 'deny', reason: 'only people post there' };
  if (name === 'slack.post') return { effect: 'allow' };
  if (name === 'mail') return { effect: 'sanitize', sanitize: { params: { body: params.body.replace(/\S+@\S+/g, '[email]') } } };
  if (name === 'refund') return { effect: params.amount > 100 ? 'approval_needed' : 'allow' };
  return { effect: 'deny', reason: 'no policy permits it' };
}
