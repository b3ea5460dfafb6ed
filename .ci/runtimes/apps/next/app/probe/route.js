import { guard } from 'aegislib';
import { runProbe } from '../../probe/runProbe.js';

export const dynamic = 'force-dynamic';

const ping = guard(async () => 'pong', { toolName: 'ping', approval: 'wait' });

export async function GET(request) {
  const tally = await runProbe(new URL(request.url).searchParams.get('url') ?? '');
  // the module of instrumentation.js is this one's only where both share one copy of the library
  if (process.env.PROBE_EXTERNAL) await tally.check('configured at start', 'next', async () => (await ping()) === 'pong');
  return Response.json(tally);
}
