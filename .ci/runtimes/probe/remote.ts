// Decisions by a Data Plane over HTTP: the stand-in of `dataPlane.mjs`, in another process, so that its runtime is not the one under test.
import { AegisError, AegisModule, guard } from 'aegislib';
import { checkEffects, errorOf, type Person } from './effects.ts';
import type { Tally } from './Tally.ts';
import { decorated, guardedFunctions, plain, type Entered } from './tools.ts';

export async function probeRemote(url: string, tally: Tally): Promise<void> {
  const remote = (apiKey: string, baseUrl = url): AegisModule =>
    AegisModule.create({ apiKey, baseUrl, agentId: 'probe', approvalPolling: { initialDelayMs: 500 }, dataPlane: { require: [] } });
  const say = async (decisionId: string, word: string): Promise<void> => {
    const { ok } = await fetch(`${url}/people/${decisionId}/${word}`, { method: 'POST' });
    if (!ok) throw new Error('the stand-in does not know it');
  };
  const person: Person = { approve: (decisionId) => say(decisionId, 'allow'), refuse: (decisionId) => say(decisionId, 'deny') };
  for (const [where, make] of Object.entries({ decorated, guardedFunctions })) {
    const aegis = remote('probe-key');
    const entered: Entered = [];
    await checkEffects(`remote, ${where}`, make(aegis, entered), entered, person, tally);
    await aegis.close();
  }
  await refuses('wrong key', 'AuthError', remote('another-key'));
  await refuses('nobody there', 'TransportError', remote('probe-key', 'http://127.0.0.1:9'));

  async function refuses(rule: string, name: string, module: AegisModule): Promise<void> {
    const entered: Entered = [];
    const post = guard(plain(entered).post, { module, toolName: 'slack.post', params: ['channel', 'text'], approval: 'wait' });
    await tally.check(rule, 'remote', async () => {
      const error = await errorOf(post('#support', 'hi'));
      return AegisError.is(error) && error.name === name && entered.length === 0;
    });
    await module.close();
  }
}
