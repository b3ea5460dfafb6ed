// A gateway over stdin and stdout, as the command line starts one.
import { AegisModule } from 'aegislib';
import { loadMcpSdk, runGateway } from 'aegislib/mcp-gateway';
import { POLICIES } from './mail.js';

const [command = '', ...args] = process.argv.slice(2);
const module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'mailer', env: false });
const sdk = loadMcpSdk(import.meta.url);
const gateway = await runGateway({ module, command, args, env: { SAID: 'hello' }, sdk, approval: 'deny' });
await gateway.closed;
await module.close();
