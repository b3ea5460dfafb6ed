import { expect } from 'chai';
import { inspect, isDeepStrictEqual } from 'node:util';
import { HttpExchange, type HttpRequest } from '../../lib/common/transport/HttpExchange.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { counted, seed, volume } from '../support/assurance.js';
import { askedOf, remoteCase, type RemoteCase } from './support/remoteCases.js';
import { inProcessCase, type InProcessCase } from './support/inProcessCases.js';
import { type Resolution, guardedOnce } from './support/guardedOnce.js';
import { Random } from '../policy/fuzz/random.js';
import { prototypeChanges, prototypeState } from '../support/prototypes.js';

/** What the cases came to; those that went wrong are kept to look at. */
interface Tally {
  cases: number;
  ran: number;
  refused: number;
  /** Runs that the oracle refuses, with other params than it says, or twice. */
  readonly wrong: string[];
  /** Errors without a class of this library: a caller would take one for the tool's own, and the call for one that ran. */
  readonly crashed: string[];
  /** Believable, and not believed: safe, but then the oracle or the library misreads the protocol. */
  readonly doubted: string[];
}

function judge(tally: Tally, expected: object | undefined, { runs, crash }: Resolution, shown: () => string): void {
  tally.cases += 1;
  const [run] = runs;
  if (run === undefined) tally.refused += 1;
  else tally.ran += 1;
  if (crash !== undefined) tally.crashed.push(`${shown()}\nended in ${inspect(crash)}`);
  if (run === undefined && expected !== undefined) tally.doubted.push(shown());
  if (runs.length > 1 || (run !== undefined && !isDeepStrictEqual(run, expected)))
    tally.wrong.push(`${shown()}\nran with ${inspect(runs)}`);
}

function tell(what: string, { cases, ran, refused, wrong, crashed, doubted }: Tally): void {
  const beside = { ran, refused, 'believable, yet refused': doubted.length };
  counted({ what: `mutated answers of ${what}: became a run that a strict oracle refuses`, cases, wrong: wrong.length, beside });
  counted({ what: `mutated answers of ${what}: ended in an error without a class of this library`, cases, wrong: crashed.length });
  const first = { wrong: wrong[0], doubted: doubted[0], crashed: crashed[0] };
  expect(first, `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal({ wrong: undefined, doubted: undefined, crashed: undefined });
  // both ends are common, or nothing was tested
  expect(ran).to.be.above(cases / 20);
  expect(refused).to.be.above(cases / 20);
}

const untouched = prototypeState();

describe('A mutated answer', () => {
  const CASES = volume(100_000);
  const tally = (): Tally => ({ cases: 0, ran: 0, refused: 0, wrong: [], crashed: [], doubted: [] });
  afterEach('nothing that every object inherits from has changed', () => expect(prototypeChanges(untouched)).to.deep.equal([]));

  /** A module remembers ids, 10,000 of them; the oracles remember all of one module's. */
  const CASES_PER_MODULE = 5_000;

  describe('of a Data Plane', () => {
    const { exchange } = HttpExchange.prototype;
    let current: RemoteCase;
    let aegis: AegisModule | undefined;

    const seen = new Map<string, string>();
    const restart = async (): Promise<void> => {
      seen.clear();
      await aegis?.close();
      aegis = AegisModule.create({ apiKey: 'key', agentId: 'bot' });
    };

    before(() => {
      // all that is left out is the socket: texts come to the client as if they had been read from one
      HttpExchange.prototype.exchange = (question: HttpRequest) => {
        const body = question.method === 'POST' ? current.decision(askedOf(question)) : current.status;
        return Promise.resolve({ status: 200, body, headers: new Headers() });
      };
    });

    after(async () => {
      HttpExchange.prototype.exchange = exchange;
      await aegis?.close();
    });

    it('lets nothing run that a strict reader of it refuses', async function () {
      this.timeout(60_000 + CASES * 5);
      const random = new Random(seed);
      const counts = tally();
      for (let n = 0; n < CASES / 2; n++) {
        if (n % CASES_PER_MODULE === 0) await restart();
        current = remoteCase(random, `dec-${n}`, seen);
        const ending = await guardedOnce(aegis as AegisModule, current.params);
        judge(counts, current.expected, ending, () => `${current.decisionText}\n${current.status}`);
      }
      tell('a Data Plane', counts);
    });
  });

  describe('of a service in this process', () => {
    let current: InProcessCase;
    let aegis: AegisModule | undefined;
    const opened = new Set<string>();
    const restart = async (): Promise<void> => {
      opened.clear();
      await aegis?.close();
      const decisions = { decide: () => current.decision() as never, status: () => current.status() as never };
      aegis = AegisModule.create({ agentId: 'bot', decisions });
    };
    after(() => aegis?.close());

    it('lets nothing run that a strict reader of it refuses', async function () {
      this.timeout(60_000 + CASES * 5);
      const random = new Random(seed + 1);
      const counts = tally();
      for (let n = 0; n < CASES / 2; n++) {
        if (n % CASES_PER_MODULE === 0) await restart();
        current = inProcessCase(random, `dec-${n}`, opened);
        const ending = await guardedOnce(aegis as AegisModule, current.params);
        judge(counts, current.expected, ending, () => current.shown());
      }
      tell('a service in this process', counts);
    });
  });
});
