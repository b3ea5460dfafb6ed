import { expect } from 'chai';
import type { Logger } from '../../lib/common/Logger.js';
import { ConsoleLogger } from '../../lib/common/Logger.js';
import type { Scope } from '../../lib/server/access/Caller.js';
import { SCOPES } from '../../lib/server/access/KeyBody.js';
import type { Route } from '../../lib/server/route/Route.js';
import { counted } from '../support/assurance.js';
import { routeTable, servePlane } from '../support/servePlane.js';
import type { ServedPlane } from '../support/servePlane.js';
import { POLICIES } from './tenantSetup.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];
/** Pages are for browsers, and have a table of checks of their own. */
const table = routeTable().filter(({ page }) => page !== true);
const placed = (path: string, id = 'dec_unknown'): string => path.replaceAll(/:\w+/g, encodeURIComponent(id));
/** Requests that end: a stream of events goes on. */
const isStream = ({ path }: Route): boolean => path.endsWith('/events');

describe('Every route of the Data Plane', () => {
  let served: ServedPlane;
  const logged: string[] = [];
  const keys = new Map<Scope, string>();
  let tried = 0;
  let canaries = 0;
  const logger: Logger = Object.fromEntries(
    (['debug', 'info', 'warn', 'error'] as const).map((level) => [
      level,
      (fields: object, message: string) => logged.push(captured(() => new ConsoleLogger('debug')[level](fields, message))),
    ]),
  ) as unknown as Logger;
  before(async () => {
    served = await servePlane({ tenants: { default: { policies: { text: POLICIES } }, other: { policies: { text: POLICIES } } }, logger });
    for (const scope of SCOPES) keys.set(scope, await served.keyFor({ scopes: [scope] }));
  });
  after(async () => {
    counted({ what: 'requests to every route with a wrong key, scope, method, size, query or body', cases: tried, wrong: 0 });
    counted({ what: 'requests with secrets, and none of them in an answer, a log or a metric', cases: canaries, wrong: 0 });
    expect(canaries).to.be.greaterThan(150);
    await served.close();
  });

  it('is one of a table of names, methods and paths', () => {
    expect(table.length).to.be.greaterThan(15);
    expect(table.map(({ scope }) => scope)).to.include.members(['decide', 'keys:admin', 'metrics:read', 'none']);
  });

  for (const route of table) {
    const { method, path, scope, request } = route;
    const body = request === undefined ? undefined : {};
    const ask = (over: Parameters<ServedPlane['ask']>[2], at: string = placed(path), by: string = method) => {
      tried += 1;
      return served.ask(by, at, { body, ...over });
    };

    describe(`${method} ${path}`, () => {
      if (scope !== 'none') {
        it('is closed without a key, with a wrong one, one of another form, and one in a wrong place', async () => {
          const right = keys.get('decide') as string;
          for (const headers of [
            {},
            { 'x-api-key': 'wrong' },
            { 'x-api-key': right.slice(0, -1) },
            { 'x-api-key': `${right.slice(0, -1)}${right.endsWith('a') ? 'b' : 'a'}` },
            { 'x-api-key': `${right}, ${right}` },
            { authorization: `Basic ${right}` },
            { authorization: `Bearer ${right}x` },
            { 'x-aegis-host': 'v1.cm9vdA.ZGVmYXVsdA.1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
            { cookie: `key=${right}` },
          ]) {
            const answer = await ask({ headers });
            // after twenty of them in a minute, the address is told to slow down
            expect(answer.status).to.be.oneOf([401, 429]);
            expect(answer.json.error).to.be.oneOf(['invalid_api_key', 'rate_limited']);
          }
          expect((await ask({}, `${placed(path)}?key=${right}`)).status).to.be.oneOf([401, 429]);
        });

        it('is closed for keys of every other scope', async () => {
          for (const [other, key] of keys) {
            if (other === scope) continue;
            const answer = await ask({ key });
            expect([answer.status, answer.json.error], other).to.deep.equal([403, 'scope_missing']);
          }
        });
      }

      it('takes no other method than those of its path', async () => {
        const own = table.filter((one) => one.path === path).map((one) => one.method as string);
        const allowed = own.includes('GET') ? [...own, 'HEAD'] : own;
        for (const other of METHODS) {
          if (allowed.includes(other) || other === 'TRACE') continue;
          const answer = await ask(
            { key: keys.get('decide'), body: other === 'HEAD' || other === 'GET' ? undefined : body },
            placed(path),
            other,
          );
          expect(answer.status).to.equal(405);
          expect(answer.headers.get('allow')?.split(', ')).to.have.members(allowed);
        }
      });

      if (isStream(route)) return;
      const isOfPeople = scope === 'host' || scope === 'verdict' || scope === 'person';
      const key = (): string | undefined => (scope === 'none' || isOfPeople ? undefined : keys.get(scope));

      if (!isOfPeople) {
        it('refuses a query that it does not know, and one that it is given twice', async () => {
          for (const query of ['unknown=1', '=1', '__proto__=1', ...Object.keys(route.query ?? {}).map((name) => `${name}=1&${name}=1`)]) {
            const answer = await ask({ key: key() }, `${placed(path)}?${query}`);
            expect([answer.status, answer.json.error], query).to.deep.equal([400, 'invalid_request']);
          }
        });

        it('refuses a long path', async () => {
          expect((await ask({ key: key() }, `${placed(path)}?${'a'.repeat(5_000)}`)).status).to.equal(414);
        });

        if (request === undefined && method !== 'GET')
          it('refuses a body', async () => {
            expect((await ask({ key: key(), body: {} })).status).to.equal(400);
          });

        if (request !== undefined)
          it('refuses a body that is too large, of another type, compressed, or not what it wants', async () => {
            expect((await ask({ key: key(), body: `"${'x'.repeat(300_000)}"` })).status).to.equal(413);
            expect((await ask({ key: key(), headers: { 'content-type': 'text/plain' } })).status).to.equal(415);
            expect((await ask({ key: key(), headers: { 'content-encoding': 'br' } })).status).to.equal(415);
            for (const bad of [
              '',
              '{',
              '[]',
              'null',
              '7',
              '"a"',
              '{"a":1,"a":2}',
              '{"__proto__":{}}',
              '\ufeff{}',
              `${'['.repeat(300)}${']'.repeat(300)}`,
            ]) {
              const answer = await ask({ key: key(), body: bad });
              // an id that is not there may be noticed first
              expect(answer.status, bad.slice(0, 20)).to.be.oneOf([400, 404]);
            }
          });
      }

      it('says nothing of what it was sent that is secret: in answers, logs and metrics', async () => {
        const canary = 'c4nary-s3cret';
        const params = { text: canary, nested: { token: canary } };
        const headers = { 'idempotency-key': canary, 'x-aegis-nonce': canary, cookie: canary, 'x-aegis-binding': canary };
        for (const sent of [
          { agent_id: 'bot', tool: { name: 'pay', params }, session: { token: canary } },
          { token: canary, claimToken: canary, digest: canary, bindingBase: canary, ids: [canary], reason: canary, verdict: canary },
          `{"a": "${canary}`,
        ])
          for (const by of [key(), canary]) {
            const answer = await ask({ key: by, headers, ...(request !== undefined && { body: sent }) }, placed(path, canary));
            canaries += 1;
            // what a client names itself, such as an id that it asks for, may come back to that client
            if (answer.status >= 400 || path !== '/v1/decisions/status')
              expect(answer.text.replaceAll(`"${canary}"`, ''), answer.text).to.not.include(canary);
          }
        const metrics = await served.ask('GET', '/metrics', { key: keys.get('metrics:read') });
        expect(metrics.text).to.not.include(canary);
        expect(logged.join('\n')).to.not.include(canary);
        for (const secret of keys.values()) expect(logged.join('\n') + metrics.text).to.not.include(secret);
      });
    });
  }

  it('about a call answers a foreign tenant as if there were no such id', async () => {
    const [own, foreign] = [keys.get('decide') as string, await served.keyFor({}, 'other')];
    const call = { agent_id: 'bot', tool: { name: 'refund', params: { a: 1 } }, session: null };
    const { decision_id: id } = (await served.ask('POST', '/v1/decision', { key: own, body: call })).json as { decision_id: string };
    const bodies: Readonly<Record<string, unknown>> = {
      reevaluate: call,
      consume: { digest: 'a'.repeat(64), bindingBase: 'b'.repeat(64), token: 't' },
      begin: { token: 't', claimToken: 'c' },
      outcome: { token: 't', status: 'completed' },
    };
    let asked = 0;
    for (const { method, path, scope, name } of table.filter((one) => one.path.startsWith('/v1/decision/:') && one.scope === 'decide')) {
      const answers = await Promise.all(
        [id, 'dec_unknown'].map((one) =>
          served.ask(method, placed(path, one), {
            key: foreign,
            headers: { 'x-request-id': 'same' },
            ...(bodies[name] !== undefined && { body: bodies[name] }),
          }),
        ),
      );
      asked += 1;
      expect(scope).to.equal('decide');
      expect(
        answers.map(({ status }) => status),
        name,
      ).to.deep.equal([404, 404]);
      expect(answers[0]?.text, name).to.equal(answers[1]?.text);
    }
    expect(asked).to.be.greaterThan(5);
    expect((await served.ask('GET', placed('/v1/decision/:id/status', id), { key: own })).json).to.include({ status: 'PENDING' });
  });
});

/** What is written to stderr meanwhile. */
function captured(write: () => void): string {
  const real = process.stderr.write;
  let text = '';
  process.stderr.write = ((chunk: string) => {
    text += chunk;
    return true;
  }) as typeof process.stderr.write;
  try {
    write();
  } finally {
    process.stderr.write = real;
  }
  return text;
}
