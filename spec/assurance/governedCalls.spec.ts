import { expect } from 'chai';
import { inspect } from 'node:util';
import { canonicalText } from '../../lib/common/data/canonical.js';
import { guardCall } from '../../lib/guard/guardCall.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import type { HaltScope } from '../../lib/model/halt/Halt.js';
import type { PolicyCall } from '../../lib/policy/PolicyEngine.js';
import { Random } from '../policy/fuzz/random.js';
import { counted, seed, volume } from '../support/assurance.js';
import { AGENTS, cedarText, randomCall, randomPolicies, randomPolicy } from './support/policies.js';
import { typedCall, typedPolicies } from './support/typedPolicies.js';

const CASES = volume(20_000);
const CALLS_PER_SET = 8;
const say = (): void => {};
const SILENT = { debug: say, info: say, warn: say, error: say };
const RANK = { denied: 0, pending: 1, ran: 2 } as const;

/** What became of a guarded call. */
interface End {
  readonly rank: number;
  /** What the method got, where it was entered. */
  readonly params: string | undefined;
}

function randomLimit(random: Random): string {
  const limit = `${random.below(4)}/1d${random.pick(['', ' sliding'])}${random.pick(['', ' by agent', ' by tool', ' by tenant', ' by session/user_id'])}`;
  const cost = random.chance(0.3) ? ' @cost("/amount")' : '';
  const over = random.chance(0.5) ? ' @over("approval_needed")' : '';
  return `@id("cap") @effect("limit") @limit("${limit}")${cost}${over} forbid (principal, action, resource) when { ${randomPolicy(random, 0).condition.cedar} };`;
}

function randomScope(random: Random): HaltScope {
  return random.pick<HaltScope>([
    { all: true },
    { agentId: random.pick(['bot', 'root', 'nobody']) },
    { toolName: random.pick(['tool', 'other']) },
    { group: 'writes' },
    { agentId: 'bot', toolName: 'tool' },
  ]);
}

describe('A limit or a halt more', () => {
  it('makes no call milder, and changes nothing of what a call runs with', async function () {
    this.timeout(60_000 + CASES * 20);
    const random = new Random(seed + 77);
    const wrong: string[] = [];
    const beside = { 'made stricter by a limit': 0, 'made stricter by a halt': 0, 'as before': 0 };
    let facts: PolicyCall['facts'] = {};
    let cases = 0;
    const open = (text: string): AegisModule =>
      AegisModule.create({ policies: { text }, agents: AGENTS, facts: () => ({ ...facts }), logger: SILENT });
    const endOf = async (module: AegisModule, { agentId, toolName, groups, params, session }: PolicyCall): Promise<End> => {
      let got: string | undefined;
      const call = { agentId, toolName, groups, params, session, mode: 'defer' } as const;
      const { kind } = await guardCall(module, call, (given) => (got = canonicalText(given)));
      return { rank: RANK[kind], params: got };
    };
    while (cases < CASES) {
      const typed = random.chance(0.5);
      const text = cedarText(typed ? typedPolicies(random) : randomPolicies(random, 0.01));
      const [cap, scope] = [randomLimit(random), randomScope(random)];
      const [plain, limited, halted] = [open(text), open(`${text}\n${cap}`), open(text)];
      await halted.halts.halt(scope, { by: 'ann', reason: 'tried' });
      for (let n = 0; n < CALLS_PER_SET; n++) {
        const call = typed ? typedCall(random) : randomCall(random);
        ({ facts } = call);
        const before = await endOf(plain, call);
        for (const [module, what] of [
          [limited, 'limit'],
          [halted, 'halt'],
        ] as const) {
          const after = await endOf(module, call);
          cases += 1;
          if (after.rank < before.rank) beside[`made stricter by a ${what}`] += 1;
          else beside['as before'] += 1;
          if (after.rank > before.rank || (after.params !== undefined && after.params !== before.params))
            wrong.push(`${what}: ${inspect({ before, after, cap, scope })}\n${text}\n${inspect(call, { depth: 6 })}`);
        }
      }
      await Promise.all([plain.close(), limited.close(), halted.close()]);
    }
    counted({ what: 'calls under one limit or one halt more, none of them milder', cases, wrong: wrong.length, beside });
    expect(wrong.slice(0, 2), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
    for (const count of Object.values(beside)) expect(count).to.be.above(cases / 100);
  });
});
