import threads from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';
import { expect } from 'chai';
import sinon from 'sinon';
import { silentLogger } from '../../../lib/common/Logger.js';
import { CedarPolicyEngine } from '../../../lib/policy/engine/CedarPolicyEngine.js';
import { ReloadablePolicies } from '../../../lib/policy/live/ReloadablePolicies.js';
import { counted } from '../../support/assurance.js';
import { threadMs } from '../../support/pace.js';
import { PERMIT_ALL, withFolder } from '../../support/policyCalls.js';

/** The longest hold, against what the same set takes at once in the same run. Measured: a twentieth. */
const SHARE = 1 / 8;
const TRIES = 15;

const policies = (count: number, make: (i: number) => string): string =>
  PERMIT_ALL + Array.from({ length: count }, (_, i) => make(i)).join('\n');

/** Each takes at once some hundred milliseconds at least. */
const SETS: Readonly<Record<string, string>> = {
  'hundreds of policies': policies(400, (i) => `@id("p${i}") forbid (principal, action == Aegis::Action::"t${i}", resource) when { context.input.n > ${i} };`),
  'patterns that take Cedar long': policies(45, (i) => `@id("p${i}") forbid (principal, action, resource) when { context.input.x like "${'*a'.repeat(3_000)}${i}" };`),
  'sanitize policies on one place': policies(350, (i) => `@id("p${i}") @effect("sanitize") @sanitize("set /o/${i % 7}/a ${i}; mask_email /b") forbid (principal, action == Aegis::Action::"t${i}", resource) when { context.input has a };`),
  'long lists': policies(25, (i) => `@id("p${i}") forbid (principal, action, resource) when { [${Array.from({ length: 1_500 }, (_, j) => i + j).join()}].contains(context.input.a) };`),
  'hundreds of problems': policies(700, (i) => `@id("p${i}") @nonsense("${i}") forbid (principal, action, resource);`),
}; // prettier-ignore

/** How long this thread was kept from its other work at most, while something went on. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let [longest, last, goesOn] = [0, threadMs(), true];
  const turn = (): void => {
    const now = threadMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (goesOn) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  goesOn = false;
  return longest;
}

function atOnce(text: string): number {
  const started = threadMs();
  try {
    CedarPolicyEngine.load({ sources: [{ file: 'a.cedar', text }] });
  } catch {
    // a set with problems takes its time too
  }
  return threadMs() - started;
}

describe('A reload leaves the event loop free', () => {
  let [cases, wrong, largest] = [0, 0, 0];
  const lines: string[] = [];
  afterEach(() => {
    sinon.restore();
    syncBuiltinESMExports();
  });
  after(() =>
    counted({ what: 'B3 reloads that held the event loop', cases, wrong, beside: { 'longest hold ÷ all at once': largest.toFixed(3) } }),
  );

  /** Other programs may hold this one up in any try, but not in all. */
  async function expectFree(text: string): Promise<void> {
    cases += 1;
    wrong += 1;
    await withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
      const logger = { ...silentLogger, info: (_fields: object, message: string) => void lines.push(message) };
      let twin = atOnce(text);
      let least = Infinity;
      for (let tries = 0; tries < TRIES && least >= SHARE; tries++) {
        const live = new ReloadablePolicies({ source: path, onLoosened: 'accept', logger });
        write('a.cedar', text);
        const results: string[] = [];
        const hold = await longestHold(async () => results.push((await live.reload()).status));
        expect(results[0]).to.equal(text.includes('@nonsense') ? 'failed' : 'applied');
        live.close();
        write('a.cedar', PERMIT_ALL);
        least = Math.min(least, hold / twin);
        // the pace changes from one moment to the next
        if (least >= SHARE) twin = atOnce(text);
      }
      largest = Math.max(largest, least);
      expect(least).to.be.below(SHARE);
    });
    wrong -= 1;
  }

  for (const [what, text] of Object.entries(SETS)) it(what, () => expectFree(text));

  it('also where no thread can be started, and says so once', async () => {
    sinon.stub(threads, 'Worker').throws(new Error('ERR_ACCESS_DENIED'));
    syncBuiltinESMExports();
    lines.length = 0;
    await expectFree(SETS['hundreds of policies'] as string);
    expect(lines.filter((line) => line.startsWith('No thread can be started'))).to.have.length(lines.length / 2);
  });
});
