// A server, an agent and an approver: `npm run samples -- data-plane`. In real life they are three processes; nothing here but the URL and the key is shared.
import { runAgent } from './agent.js';
import { approveAll } from './approver.js';
import { startServer } from './server.js';

const { module, plane, url, key } = await startServer();
approveAll(module);
await runAgent(url, key);
await plane.close({ idleMs: 0 });
await module.close();
