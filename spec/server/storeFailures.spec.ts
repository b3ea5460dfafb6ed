import { expect } from 'chai';
import sinon from 'sinon';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chain } from '../../lib/common/awaitable.js';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { SecretString } from '../../lib/common/SecretString.js';
import { canonicalDigest, sha256 } from '../../lib/common/data/canonical.js';
import { PLAIN_CLIENT } from '../support/plainClient.js';
import { StoreError } from '../../lib/model/errors/ServiceErrors.js';
import { signHostRequest } from '../../lib/server/access/HostSignature.js';
import { hostRequestKey } from '../../lib/server/access/serverAccess.js';
import { createDataPlane } from '../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../lib/server/createDataPlane.js';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import { MemoryStateStore } from '../../lib/store/memory/MemoryStateStore.js';
import { sqliteStore } from '../../lib/store/sqlite/index.js';
import type { ServerStore } from '../../lib/store/StateStore.js';
import { counted } from '../support/assurance.js';

const STATE_KEY = 'the state key of a store that fails';
const POLICIES = `@id("all") permit (principal, action, resource);
@id("ask") @effect("approval_needed") @reason("a person looks") forbid (principal, action, resource);`;
/** For longer than this, nothing that was read is believed. */
const KEPT_MS = 2_000;
const BASE = sha256('the base of a binding');
const HEADERS = { 'content-type': 'application/json', 'x-aegis-capabilities': PLAIN_CLIENT.join(','), 'x-aegis-binding': BASE };

/** Makes the n-th operation fail: before it is done, or when it is and only its answer is lost. */
class Trouble {
  fired = false;
  #left = 0;
  #when: 'before' | 'after' = 'before';
  readonly #make: () => Error;

  /** @param make what is thrown */
  constructor(make: () => Error) {
    this.#make = make;
  }

  arm(nth: number, when: 'before' | 'after'): void {
    this.fired = false;
    this.#left = nth;
    this.#when = when;
  }

  /** Whether it has fired. */
  disarm(): boolean {
    this.#left = 0;
    return this.fired;
  }

  around<T>(work: () => Awaitable<T>): Awaitable<T> {
    if (this.#left === 0 || --this.#left > 0) return work();
    this.fired = true;
    if (this.#when === 'before') throw this.#make();
    return chain(work(), () => {
      throw this.#make();
    });
  }
}

/** The same object, whose methods may fail. */
function troubled<T extends object>(target: T, trouble: Trouble): T {
  return new Proxy(target, {
    get(_, key) {
      const found: unknown = Reflect.get(target, key);
      return typeof found === 'function'
        ? (...args: unknown[]) => trouble.around(() => Reflect.apply(found, target, args) as unknown)
        : found;
    },
  });
}

/** A store whose rows may fail; what it is opened and closed with does not. */
function troubledStore(store: ServerStore, trouble: Trouble): ServerStore {
  return {
    tasks: store.tasks,
    approvals: store.approvals,
    open: () => store.open(),
    close: () => store.close(),
    forTenant(tenantId, options) {
      const { approvals, records } = store.forTenant(tenantId, options);
      return { approvals: troubled(approvals, trouble), records: troubled(records, trouble) };
    },
  };
}

interface World {
  readonly plane: DataPlane;
  readonly trouble: Trouble;
  /** As it is in the store; operations of this do not count. */
  readonly stored: () => Awaitable<readonly ApprovalRecord[]>;
  readonly release: () => void;
}

/** What fails: each method of a store, or each statement of SQLite. */
const WORLDS: Readonly<Record<string, (folder: string) => World>> = {
  'methods of a store in memory': () => methodsOf(new MemoryStateStore(), () => new StoreError('it is away')),
  'methods of a store of one’s own, with an error of its driver': () =>
    methodsOf(new MemoryStateStore(), () => new Error('CANARY connection lost')),
  'methods of a store in SQLite': (folder) => methodsOf(sqliteStore(join(folder, 'methods.db')), () => new StoreError('it is away')),
  'statements of SQLite': (folder) => {
    const trouble = new Trouble(() => Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 }));
    const { DatabaseSync, StatementSync } = process.getBuiltinModule('node:sqlite');
    const restore = [
      ...(['run', 'get', 'all'] as const).map((name) => patched(StatementSync.prototype, name, trouble)),
      patched(DatabaseSync.prototype, 'exec', trouble),
    ];
    const store = sqliteStore(join(folder, 'statements.db'), { pollMs: 10_000 });
    return { ...worldOf(store, store, trouble), release: () => restore.forEach((undo) => undo()) };
  },
};

function methodsOf(store: ServerStore, make: () => Error): World {
  const trouble = new Trouble(make);
  return { ...worldOf(troubledStore(store, trouble), store, trouble), release: () => {} };
}

function worldOf(served: ServerStore, store: ServerStore, trouble: Trouble): Omit<World, 'release'> {
  const plane = createDataPlane({
    policies: { text: POLICIES },
    denialTtlMs: 0,
    store: served,
    stateKey: STATE_KEY,
    clientAddress: () => '127.0.0.1',
  });
  return { plane, trouble, stored: () => store.forTenant('default').approvals.list({ limit: 100_000 }) };
}

function patched(prototype: object, name: string, trouble: Trouble): () => void {
  const original = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
  Reflect.set(prototype, name, function (this: unknown, ...args: unknown[]) {
    return trouble.around(() => original.apply(this, args));
  });
  return () => void Reflect.set(prototype, name, original);
}

interface Told {
  readonly status: number;
  readonly json: any;
  readonly text: string;
}

/** One approval, and what its caller and its approver ask. */
class Asker {
  readonly #plane: DataPlane;
  readonly #key: string;
  readonly n: number;
  id = '';

  constructor(plane: DataPlane, key: string, n: number) {
    this.#plane = plane;
    this.#key = key;
    this.n = n;
  }

  get digest(): string {
    return canonicalDigest({ n: this.n });
  }

  async decide(): Promise<Told> {
    const told = await this.post('/v1/decision', this.#call, { 'idempotency-key': `call-${this.n}` });
    if (told.status === 200) this.id = told.json.decision_id as string;
    return told;
  }

  reevaluate(): Promise<Told> {
    return this.post(`/v1/decision/${this.id}/reevaluate`, this.#call, { 'idempotency-key': `again-${this.n}` });
  }

  consume(): Promise<Told> {
    return this.post(`/v1/decision/${this.id}/consume`, { digest: this.digest, bindingBase: BASE, token: 'task' });
  }

  begin(): Promise<Told> {
    return this.post(`/v1/decision/${this.id}/begin`, { token: 'task', claimToken: 'claim' });
  }

  async verdict(verdict: 'approve' | 'deny'): Promise<Told> {
    const path = `/v1/approvals/${this.id}/verdict`;
    const body = JSON.stringify({ verdict, digest: this.digest });
    const key = hostRequestKey(new SecretString(STATE_KEY));
    const signature = signHostRequest(
      key,
      { method: 'POST', path, host: 'localhost', body },
      { tenantId: 'default', user: 'ann' },
      Date.now(),
    );
    return this.#send('POST', path, body, { 'x-aegis-host': signature, host: 'localhost' });
  }

  status(): Promise<Told> {
    return this.#send('GET', `/v1/decision/${this.id}/status`, undefined, { 'x-api-key': this.#key });
  }

  post(path: string, body?: object, headers: Readonly<Record<string, string>> = {}): Promise<Told> {
    return this.#send('POST', path, body && JSON.stringify(body), { ...HEADERS, 'x-api-key': this.#key, ...headers });
  }

  get #call(): object {
    return { agent_id: 'bot', tool: { name: 'pay', params: { n: this.n } }, session: null };
  }

  async #send(method: string, path: string, body: string | undefined, headers: Readonly<Record<string, string>>): Promise<Told> {
    const request = { method, headers: { 'content-type': 'application/json', ...headers }, ...(body !== undefined && { body }) };
    const answer = await this.#plane.fetch(new Request(`http://localhost${path}`, request));
    const text = await answer.text();
    return { status: answer.status, text, json: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }
}

interface Step {
  /** What is there before the step. */
  readonly first: readonly ((asker: Asker) => Promise<Told>)[];
  readonly take: (asker: Asker) => Promise<Told>;
  /** Whether an answer is what the step is for. */
  readonly isDone: (told: Told) => boolean;
  /** Whether the record says that the step was taken. */
  readonly isTaken: (record: ApprovalRecord | undefined) => boolean;
}

const approve = (asker: Asker): Promise<Told> => asker.verdict('approve');
const decide = (asker: Asker): Promise<Told> => asker.decide();
const consume = (asker: Asker): Promise<Told> => asker.consume();
const begin = (asker: Asker): Promise<Told> => asker.begin();
const never = (): boolean => false;

const STEPS: Readonly<Record<string, Step>> = {
  open: {
    first: [],
    take: decide,
    isDone: ({ json }) => json.final_decision.effect === 'approval_needed',
    isTaken: (record) => record !== undefined,
  },
  approve: {
    first: [decide],
    take: approve,
    isDone: ({ status, json }) => json.status === 'approved' || (status === 409 && json.error === 'already_approved'),
    isTaken: (record) => record?.status === 'approved',
  },
  deny: {
    first: [decide],
    take: (asker) => asker.verdict('deny'),
    isDone: ({ status, json }) => json.status === 'denied' || (status === 409 && json.error === 'already_denied'),
    isTaken: (record) => record?.status === 'denied',
  },
  status: { first: [decide, approve], take: (asker) => asker.status(), isDone: ({ json }) => json.effect === 'allow', isTaken: never },
  statuses: {
    first: [decide, approve],
    take: (asker) => asker.post('/v1/decisions/status', { ids: [asker.id] }),
    isDone: ({ json }) => json.statuses[0].outcome === 'approved',
    isTaken: never,
  },
  reevaluate: {
    first: [decide, approve],
    take: (asker) => asker.reevaluate(),
    isDone: ({ json }) => json.final_decision.effect === 'allow',
    isTaken: never,
  },
  consume: {
    first: [decide, approve],
    take: consume,
    isDone: ({ json }) => json.consumed === true,
    isTaken: (record) => record?.consumed !== undefined,
  },
  begin: {
    first: [decide, approve, consume],
    take: begin,
    isDone: ({ json }) => json.begun === true,
    isTaken: (record) => record?.begun !== undefined,
  },
  outcome: {
    first: [decide, approve, consume, begin],
    take: (asker) => asker.post(`/v1/decision/${asker.id}/outcome`, { token: 'task', status: 'completed' }),
    isDone: ({ status }) => status === 204,
    isTaken: (record) => record?.outcome !== undefined,
  },
  withdraw: {
    first: [decide],
    take: (asker) => asker.post(`/v1/decision/${asker.id}/withdraw`),
    isDone: ({ status }) => status === 204,
    isTaken: (record) => record?.status === 'withdrawn',
  },
  expire: {
    first: [decide],
    take: (asker) => asker.post(`/v1/decision/${asker.id}/expire`),
    isDone: ({ status }) => status === 204,
    isTaken: (record) => record?.status === 'expired',
  },
};

for (const [what, make] of Object.entries(WORLDS)) {
  describe(`A server some of the ${what} of which fail`, () => {
    let folder = '';
    let world: World;
    let tried = 0;
    let n = 0;
    let time: sinon.SinonFakeTimers;
    before(async function () {
      if (what.includes('SQLite') && process.getBuiltinModule('node:sqlite') === undefined) return this.skip();
      folder = mkdtempSync(join(tmpdir(), 'aegis-failures-'));
      time = sinon.useFakeTimers({ now: Date.now(), toFake: ['Date', 'performance'] });
      // what the server looks at in the background would take failures that are meant for its answers
      const never = setInterval(() => {}, 2 ** 30).unref();
      const inBackground = sinon.stub(globalThis, 'setInterval').returns(never);
      world = make(folder);
      await world.plane.ready();
      inBackground.restore();
      clearInterval(never);
    });
    after(async () => {
      if (folder === '') return;
      if (tried > 0)
        counted({ what: `the n-th of the ${what} fails, for every n of every request: 503, nothing half done`, cases: tried, wrong: 0 });
      await world.plane.close({ idleMs: 0, graceMs: 1_000 });
      world.release();
      time.restore();
      rmSync(folder, { recursive: true });
    });

    for (const [name, { first, take, isDone, isTaken }] of Object.entries(STEPS))
      for (const when of ['before', 'after'] as const)
        it(`answers ${name} with 503 where one fails ${when === 'before' ? 'and is not done' : 'though it is done'}, and does it when asked again`, async () => {
          let fired = true;
          for (let nth = 1; fired; nth++) {
            // a key that is not known yet has to be read too
            const key = (await world.plane.createKey({ name: 'spec', scopes: ['decide'] })).key.reveal();
            const asker = new Asker(world.plane, key, (n += 1));
            for (const step of first) expect((await step(asker)).status).to.equal(200);
            const earlier = await recordOf(asker);
            // nothing that a server keeps for a moment spares it a question
            time.tick(KEPT_MS);
            world.trouble.arm(nth, when);
            const told = await take(asker);
            fired = world.trouble.disarm();
            const record = await recordOf(asker);
            const where = `operation ${nth}: ${told.status} ${told.text}`;
            if (!fired) {
              expect(nth, 'operations that failed').to.be.above(1);
              expect(isDone(told), where).to.equal(true);
              continue;
            }
            tried += 1;
            expect(told.status, where).to.equal(503);
            expect(told.json.error, where).to.equal('store_unavailable');
            expect(told.text).to.not.match(/allow|CANARY|"consumed"|"begun"/);
            // what is not done has changed nothing; what is done is whole, though nobody was told: what failed may have come after it
            if (!isTaken(record)) expect(record, where).to.deep.equal(earlier);
            const again = await take(asker);
            expect(isDone(again), `${where}; then ${again.status} ${again.text}`).to.equal(true);
            expect((await world.stored()).filter(({ originalDigest }) => originalDigest === asker.digest)).to.have.length(1);
          }
        }).timeout(60_000);

    async function recordOf({ digest }: Asker): Promise<ApprovalRecord | undefined> {
      return (await world.stored()).find(({ originalDigest }) => originalDigest === digest);
    }
  });
}
