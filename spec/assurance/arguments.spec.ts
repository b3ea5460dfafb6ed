import { expect } from 'chai';
import fc from 'fast-check';
import { inspect, isDeepStrictEqual } from 'node:util';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { guard } from '../../lib/guard/guard.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { guardCall } from '../../lib/guard/guardCall.js';
import { takeSnapshot } from '../../lib/model/snapshot/takeSnapshot.js';
import { AegisError } from '../../lib/model/AegisError.js';
import { ParamsError } from '../../lib/model/errors/CallErrors.js';
import type { DecisionRequest } from '../../lib/model/Decision.js';
import { counted, seed, volume } from '../support/assurance.js';
import { anyArgument, plainData } from './support/arguments.js';
import { meddleWith, sharesWith } from './support/meddling.js';
import { neighbours } from './support/neighbours.js';
import { referenceOf } from './support/reference.js';
import { Random } from '../policy/fuzz/random.js';
import { PERMIT_ALL } from '../support/policyCalls.js';
import { prototypeChanges, prototypeState } from '../support/prototypes.js';

const CASES = volume(100_000);
const CHUNK = 1_000;
const untouched = prototypeState();

/** Random values, made a thousand at a time. */
function* sampled<T>(arbitrary: fc.Arbitrary<T>, total: number, offset: number): Generator<T> {
  for (let made = 0; made < total; made += CHUNK)
    yield* fc.sample(arbitrary, { numRuns: Math.min(CHUNK, total - made), seed: seed + offset + made });
}

interface Tally {
  cases: number;
  ran: number;
  refused: number;
  wrong: string[];
}

function tell(what: string, { cases, ran, refused, wrong }: Tally): void {
  counted({ what, cases, wrong: wrong.length, beside: { ran, refused } });
  expect(wrong.slice(0, 3), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
  // both ends are common, or nothing was tested
  expect(ran).to.be.above(cases / 10);
  expect(refused).to.be.above(cases / 10);
}

function shown(value: unknown): string {
  return inspect(value, { depth: 6, maxStringLength: 60, maxArrayLength: 10 });
}

describe('Random arguments', () => {
  const tally = (): Tally => ({ cases: 0, ran: 0, refused: 0, wrong: [] });
  afterEach('nothing that every object inherits from has changed', () => expect(prototypeChanges(untouched)).to.deep.equal([]));

  it('are refused with a ParamsError, or run as the copy that the service saw', async function () {
    this.timeout(60_000 + CASES * 10);
    let request: DecisionRequest | undefined;
    let argument: unknown;
    const aegis = AegisModule.create({
      decisions: {
        decide: async (asked) => {
          request = asked;
          await Promise.resolve();
          // the caller changes its own objects while it waits
          meddleWith(argument);
          return { effect: 'allow', decisionId: 'd' };
        },
        status: (decisionId) => ({ decisionId, state: 'pending' }),
      },
    });
    const counts = tally();
    let meddled = 0;
    for (argument of sampled(anyArgument, CASES * 0.3, 0)) {
      const params = { first: argument, second: 'tail' };
      const reference = referenceOf(params);
      const before = shown(argument);
      request = undefined;
      let run: object | undefined;
      const outcome = await guardCall(aegis, { agentId: 'bot', toolName: 'tool', params }, (given) => void (run = given));
      counts.cases += 1;
      if (run === undefined) {
        counts.refused += 1;
        const typed = outcome.kind === 'denied' && outcome.error instanceof ParamsError;
        if (!typed || (reference.accepted && !reference.hasNull) || request !== undefined)
          counts.wrong.push(`not run: ${before}\n${shown(outcome)}`);
        continue;
      }
      counts.ran += 1;
      if (!isDeepStrictEqual(referenceOf(params), reference)) meddled += 1;
      const asDecided = request !== undefined && canonicalDigest(run) === (request as DecisionRequest).paramsDigest;
      const right =
        reference.accepted && !reference.hasNull && asDecided && isDeepStrictEqual(run, reference.copy) && !sharesWith(run, argument);
      if (!right) counts.wrong.push(`${before}\nran as ${shown(run)}`);
    }
    await aegis.close();
    tell('random arguments, asked of a service while the caller changes them: ran with others than were decided', counts);
    // what ran had been an object of the caller's, and the caller had changed it
    expect(meddled).to.be.above(counts.ran / 5);
  });

  it('of a guarded function do not run, or run as a copy of what came, under policies that permit everything', async function () {
    this.timeout(60_000 + CASES * 10);
    const aegis = AegisModule.create({ policies: { text: PERMIT_ALL }, agentId: 'bot' });
    let run: unknown[] | undefined;
    const named = guard(async (...args: unknown[]) => void (run = args), { module: aegis, toolName: 'named', params: ['first', 'second', 'third'], approval: 'wait' } as never) as (...args: unknown[]) => Promise<unknown>; // prettier-ignore
    const sole = guard(async (...args: unknown[]) => void (run = args), { module: aegis, toolName: 'sole', approval: 'wait' } as never) as typeof named; // prettier-ignore
    const counts = tally();
    for (const argument of sampled(anyArgument, CASES * 0.2, 1_000_000)) {
      const plain = typeof argument === 'object' && argument !== null && !Array.isArray(argument) && counts.cases % 2 === 0;
      const reference = referenceOf(plain ? (argument as Record<string, unknown>) : { first: argument, second: 'tail' });
      const before = shown(argument);
      run = undefined;
      counts.cases += 1;
      const end = await (plain ? sole(argument) : named(argument, 'tail')).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (run === undefined) {
        counts.refused += 1;
        // policies cannot see every kind of data: what they cannot see is denied
        if (!AegisError.is(end)) counts.wrong.push(`${before}\nended in ${shown(end)}`);
        continue;
      }
      counts.ran += 1;
      const copy = reference.accepted && !reference.hasNull ? (reference.copy as Record<string, unknown>) : undefined;
      const wanted = copy === undefined ? undefined : plain ? [copy] : [copy['first'], 'tail'];
      if (!isDeepStrictEqual(run, wanted) || sharesWith(run[0], argument)) counts.wrong.push(`${before}\nran with ${shown(run)}`);
    }
    await aegis.close();
    tell('random arguments of functions under policies that permit everything: ran with others than came', counts);
  });

  it('have one digest exactly where they are equal', function () {
    this.timeout(60_000 + CASES * 10);
    const random = new Random(seed);
    const found = { pairs: 0, equal: 0, different: 0, refused: 0 };
    const wrong: string[] = [];
    const digestOf = (value: unknown): string => canonicalDigest(takeSnapshot({ value }).value);
    for (const sample of sampled(plainData, CASES / 2, 2_000_000)) {
      const [value, neighbour] = neighbours(random, sample);
      const [one, other] = [referenceOf({ value }), referenceOf({ value: neighbour })];
      found.pairs += 1;
      if (!one.accepted || !other.accepted) {
        found.refused += 1;
        continue;
      }
      const equal = isDeepStrictEqual(one.copy, other.copy);
      found[equal ? 'equal' : 'different'] += 1;
      if ((digestOf(value) === digestOf(neighbour)) !== equal) wrong.push(`${shown(value)}\n${shown(neighbour)}`);
    }
    const { pairs, ...beside } = found;
    counted({ what: 'digests of two values: one although they differ, or two although they are equal', cases: pairs, wrong: wrong.length, beside }); // prettier-ignore
    expect(wrong.slice(0, 3), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
    expect(found.equal).to.be.above(pairs / 5);
    expect(found.different).to.be.above(pairs / 5);
  });
});
