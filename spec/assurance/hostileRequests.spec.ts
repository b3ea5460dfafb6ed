import { expect } from 'chai';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import type { Scope } from '../../lib/server/access/Caller.js';
import { counted, seed, volume } from '../support/assurance.js';
import { HTTP_EXAMPLES } from '../support/httpApiExamples.js';
import { routeTable } from '../support/servePlane.js';
import { Random } from '../policy/fuzz/random.js';
import { mutated } from './support/mutatedText.js';

/** Everything is forbidden but what nothing here sends: a request that is allowed has slipped past the forbid. */
const POLICIES = `@id("all") permit (principal, action, resource);
@id("closed") @reason("closed") forbid (principal, action, resource) unless { action == Aegis::Action::"refund" || (context.input has word && context.input.word == "sesame") };
@id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action == Aegis::Action::"refund", resource);`;

const SCOPES: readonly (readonly Scope[])[] = [['decide'], ['approvals:read', 'policies:read', 'metrics:read'], ['keys:admin']];
/** What `npm run fuzz` tries. */
const ALL = 1_000_000;
const KEYS_OF_EACH = 24;
const AT_ONCE = 32;
/** Routes whose answer does not end, and those that do real work for each request: two of a policy check may run at once. */
const LEFT_OUT: readonly string[] = ['events', 'inboxEvents', 'checkPolicies'];

const ODD_HEADERS: readonly string[] = [
  '',
  'allow',
  'consume',
  'e30',
  'W10',
  'A'.repeat(9_000),
  '-1',
  '99999999999',
  'a,a',
  'ä',
  'null',
  '0',
  '../x',
];
const HEADERS: readonly string[] = [
  'X-AEGIS-CAPABILITIES',
  'X-AEGIS-BINDING',
  'X-AEGIS-NONCE',
  'X-AEGIS-PARAMS-DIGEST',
  'X-AEGIS-TYPES',
  'X-AEGIS-REMOVABLE',
  'X-AEGIS-OPAQUE',
  'X-AEGIS-GUARD-KEY',
  'X-AEGIS-APPROVAL-TIMEOUT-S',
  'Idempotency-Key',
  'Content-Type',
  'Content-Encoding',
  'Accept',
  'X-Request-Id',
  'Authorization',
];

describe('Hostile requests', () => {
  let plane: DataPlane;
  let keys: readonly string[];
  before(async function () {
    this.timeout(60_000);
    plane = createDataPlane({ policies: { text: POLICIES } });
    await plane.ready();
    const made: string[] = [];
    for (const scopes of SCOPES)
      for (let i = 0; i < KEYS_OF_EACH; i++) made.push((await plane.createKey({ name: `k${i}`, scopes })).key.reveal());
    keys = made;
  });
  after(() => plane.close());

  it('are not allowed, use nothing up, and crash nothing: the examples of every route, mutated', async function () {
    this.timeout(600_000);
    const random = new Random(seed);
    const routes = routeTable().filter(({ name }) => !LEFT_OUT.includes(name));
    const wrong: string[] = [];
    const statuses = new Map<number, number>();
    let shed = 0;
    const keysFor = (scope: string): readonly string[] => {
      const at = SCOPES.findIndex((scopes) => scopes.some((one) => one === scope));
      return at < 0 ? keys : keys.slice(at * KEYS_OF_EACH, (at + 1) * KEYS_OF_EACH);
    };
    const requestOf = (): Request => {
      const route = random.pick(routes);
      const { body, headers = {} } = HTTP_EXAMPLES[route.name] ?? {};
      const id = random.pick(['dec_x', '%00', '..%2f', 'a'.repeat(600), '__proto__', 'dec_%E2%80%AE', encodeURIComponent('{"a":1}')]);
      const query = random.below(6) === 0 ? `?${random.pick(['limit=0', 'status=all', 'x=1', 'cursor=%00', 'limit=1&limit=2'])}` : '';
      const given: Record<string, string> = {};
      for (const [name, value] of Object.entries(headers)) if (!value.includes('$')) given[name] = value;
      for (let n = random.below(3); n > 0; n--) given[random.pick(HEADERS)] = random.pick(ODD_HEADERS);
      if (random.below(20) > 0) given['x-api-key'] = random.pick(random.below(8) > 0 ? keysFor(route.scope) : keys);
      if (body !== undefined && given['Content-Type'] === undefined) given['content-type'] = 'application/json';
      const method = random.below(30) === 0 ? random.pick(['GET', 'POST', 'DELETE', 'PUT', 'PATCH']) : route.method;
      const text = body === undefined && random.below(10) > 0 ? undefined : mutated(random, body ?? {});
      for (const name of Object.keys(given)) if (/[^\x20-\x7e]/.test(given[name] ?? '')) given[name] = encodeURI(given[name] ?? '');
      return new Request(`http://localhost${route.path.replace(':id', id)}${query}`, {
        method,
        headers: given,
        ...(method !== 'GET' && text !== undefined && { body: text }),
      });
    };
    const licence = /"(?:effect":"(?:allow|sanitize)|consumed":true|begun":true)/;
    const judge = async (): Promise<void> => {
      const request = requestOf();
      const what = `${request.method} ${new URL(request.url).pathname}`;
      try {
        const answer = await plane.fetch(request);
        const text = await answer.text();
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        if (answer.status === 503 && text.includes('"overloaded"')) shed += 1;
        else if (answer.status >= 500 || licence.test(text)) wrong.push(`${what}: ${answer.status} ${text.slice(0, 200)}`);
      } catch (error) {
        wrong.push(`${what}: ${String(error)}`);
      }
    };
    const cases = volume(1) >= 10 ? ALL : Math.max(AT_ONCE, volume(25_000));
    for (let done = 0; done < cases; done += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, judge));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const answered = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
    counted({
      what: 'mutated requests to every route, allowed or answered with 5xx',
      cases,
      wrong: wrong.length,
      beside: { answers: answered.join(' ') },
    });
    expect(wrong.slice(0, 5)).to.deep.equal([]);
    // most are refused for what they say, not for how many they are
    expect((statuses.get(429) ?? 0) + shed).to.be.lessThan(cases / 2);
    expect(statuses.get(200)).to.be.greaterThan(0);
  });
});
