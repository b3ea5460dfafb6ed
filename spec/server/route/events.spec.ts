import { expect } from 'chai';
import sinon from 'sinon';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { Directory } from '../../../lib/decision/desk/Directory.js';
import { CapacityError } from '../../../lib/model/errors/CallErrors.js';
import type { HaltEvents } from '../../../lib/guard/halt/Halts.js';
import { SafeEmitter } from '../../../lib/model/SafeEmitter.js';
import type { Caller } from '../../../lib/server/access/Caller.js';
import { EventHubs } from '../../../lib/server/push/EventHubs.js';
import { eventRoutes } from '../../../lib/server/route/events.js';
import type { EventRoutesOptions } from '../../../lib/server/route/events.js';
import type { Answer, CallerInput, CallerRoute, PersonRoute } from '../../../lib/server/route/Route.js';
import type { Tenant } from '../../../lib/server/tenant/Tenant.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { openingOf, policyOf } from '../../support/approvalRecords.js';
import { rejection } from '../../support/rejection.js';

/** A tenant whose desk is real; nothing else of it is needed here. */
function tenantOf(id: string, personOf: Directory['personOf'] = () => undefined): Tenant & { readonly store: MemoryApprovalStore } {
  const store = new MemoryApprovalStore();
  const haltNews = new SafeEmitter<HaltEvents>();
  return {
    id,
    desk: new ApprovalDesk(store),
    store,
    identity: { directory: { personOf } },
    haltNews,
    halts: { inForce: [] },
    tools: new Map(),
  } as unknown as Tenant & {
    readonly store: MemoryApprovalStore;
  };
}

function setup(options: Partial<EventRoutesOptions> = {}) {
  const hubs = new EventHubs();
  const [route, ofPeople] = eventRoutes({ hubs, ...options }) as readonly [CallerRoute, PersonRoute];
  const open = (tenant: Tenant, caller: Partial<Caller> = {}, headers: Record<string, string> = {}) => {
    const controller = new AbortController();
    const who = { kind: 'key', tenantId: tenant.id, id: 'key-1', scopes: new Set(['decide']), agents: undefined, sessionTrusted: false };
    const input = { caller: { ...who, ...caller }, tenant, headers: new Headers(headers), signal: controller.signal };
    const answer = route.handle(input as unknown as CallerInput) as Answer;
    const reader = (answer.body as AsyncIterable<string>)[Symbol.asyncIterator]();
    return {
      answer,
      close: () => controller.abort(),
      /** The data of the next n status events. */
      async heard(n: number): Promise<readonly unknown[]> {
        const statuses: unknown[] = [];
        while (statuses.length < n) {
          const { value, done } = await reader.next();
          if (done === true) break;
          for (const [, data] of (value as string).matchAll(/^event: status\ndata: (.*)$/gm)) statuses.push(JSON.parse(data as string));
        }
        return statuses;
      },
    };
  };
  const openAsPerson = async (tenant: Tenant, personId = 'p1', query = '') => {
    const controller = new AbortController();
    const signedIn = { personId, name: personId, roles: new Set(['approver']), groups: [] };
    const caller = {
      kind: 'person',
      tenantId: tenant.id,
      id: personId,
      scopes: new Set(),
      agents: undefined,
      sessionTrusted: false,
      signedIn,
    };
    const input = { caller, tenant, headers: new Headers(), query: new URLSearchParams(query), signal: controller.signal };
    const { body } = await ofPeople.handle(input as unknown as CallerInput);
    const reader = (body as AsyncIterable<string>)[Symbol.asyncIterator]();
    return {
      close: () => controller.abort(),
      /** The next n events, with their types and ids. */
      async heard(n: number): Promise<readonly { readonly type: string; readonly lastId: string; readonly data: unknown }[]> {
        const events: { readonly type: string; readonly lastId: string; readonly data: unknown }[] = [];
        while (events.length < n) {
          const { value, done } = await reader.next();
          if (done === true) break;
          for (const [, lastId = '', type = '', data = ''] of (value as string).matchAll(/^id: (.*)\nevent: (?!bye)(.*)\ndata: (.*)$/gm))
            events.push({ type, lastId, data: JSON.parse(data) });
        }
        return events;
      },
    };
  };
  return { hubs, route, open, openAsPerson };
}

/** Opens an approval at a desk. */
async function asked(
  tenant: Tenant,
  agentId = 'bot',
  more: Parameters<typeof openingOf>[0] = {},
): Promise<{ readonly decisionId: string; readonly digest: string }> {
  const opened = await tenant.desk.open(openingOf({ agentId, ...more }));
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  return opened.record;
}

describe('GET /v1/events', () => {
  it('says what becomes of approvals: how each ended, why it was asked for and until when, never who said so or what that person wrote', async () => {
    const { open } = setup();
    const tenant = tenantOf('default');
    const { answer, heard, close } = open(tenant);
    expect(answer).to.deep.include({ status: 200, headers: { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' } });
    const [yes, no, gone, late] = [await asked(tenant), await asked(tenant), await asked(tenant), await asked(tenant)];
    await tenant.desk.approve(yes.decisionId, { by: 'canary-bob', digest: yes.digest, reason: 'canary-words' });
    await tenant.desk.deny(no.decisionId, { by: 'canary-bob', digest: no.digest, reason: 'canary-words' });
    await tenant.desk.end(gone.decisionId, 'withdrawn');
    await tenant.desk.end(late.decisionId, 'expired');
    const statuses = (await heard(4)) as readonly Record<string, unknown>[];
    expect(
      statuses.map(({ decision_id, status, effect, outcome, consumed, reason }) => ({
        decision_id,
        status,
        effect,
        outcome,
        consumed,
        reason,
      })),
    ).to.deep.equal(
      [
        [yes, 'allow', 'approved'],
        [no, 'deny', 'denied'],
        [gone, 'deny', 'withdrawn'],
        [late, 'deny', 'expired'],
      ].map(([record, effect, outcome]) => ({
        decision_id: (record as typeof yes).decisionId,
        status: 'OK',
        effect,
        outcome,
        consumed: false,
        reason: 'over the limit',
      })),
    );
    for (const { expires_at } of statuses) expect(new Date(expires_at as string).toISOString()).to.equal(expires_at);
    expect(JSON.stringify(statuses)).to.not.include('canary');
    close();
    expect(await heard(1)).to.deep.equal([]);
  });

  it('tells a key of its own tenant and its own agents only', async () => {
    const { open, hubs } = setup();
    const [a, b] = [tenantOf('a'), tenantOf('b')];
    const all = open(a);
    const one = open(a, { id: 'key-2', agents: ['ann', 'bob'] });
    const none = open(a, { id: 'key-3', agents: [] });
    const other = open(b);
    const agents = ['ann', 'eve', 'bob', '__proto__', 'ann'];
    const ids: string[] = [];
    for (const agentId of agents) {
      const { decisionId } = await asked(a, agentId);
      ids.push(decisionId);
      await a.desk.end(decisionId, 'withdrawn');
    }
    const idsOf = (statuses: readonly unknown[]): unknown[] => statuses.map((s) => (s as { decision_id: unknown }).decision_id);
    expect(idsOf(await all.heard(5))).to.deep.equal(ids);
    expect(idsOf(await one.heard(3))).to.deep.equal([ids[0], ids[2], ids[4]]);
    const theirs = await asked(b, 'ann');
    await b.desk.end(theirs.decisionId, 'withdrawn');
    expect(idsOf(await other.heard(1))).to.deep.equal([theirs.decisionId]);
    expect(hubs.listeners).to.equal(4);
    none.close();
    expect(await none.heard(1)).to.deep.equal([]);
    hubs.close();
    for (const listener of [all, one, other]) expect(await listener.heard(1)).to.deep.equal([]);
    expect(hubs.listeners).to.equal(0);
    for (const { desk } of [a, b]) expect(desk.listenerCount('settled')).to.equal(0);
    // what comes later is told goodbye
    expect(await open(tenantOf('c')).heard(1)).to.deep.equal([]);
  });

  it('repeats to a listener that comes back what it missed, and says resync to one tenant or to all', async () => {
    const { open, hubs } = setup();
    const [a, b] = [tenantOf('a'), tenantOf('b')];
    hubs.of(a);
    const { decisionId } = await asked(a);
    await a.desk.end(decisionId, 'withdrawn');
    const first = open(a, {}, { 'last-event-id': 'elsewhere-7' });
    const text = (await (first.answer.body as AsyncIterable<string>)[Symbol.asyncIterator]().next()).value as string;
    expect(text).to.include('event: resync');
    const [, id = ''] = /^id: (.*)$/m.exec(text) ?? [];
    const again = open(a, {}, { 'last-event-id': id.replace(/1$/, '0') });
    expect(await again.heard(1)).to.have.nested.property('[0].decision_id', decisionId);
    const other = open(b);
    const pieces = async (listener: typeof again, n: number): Promise<string> => {
      const reader = (listener.answer.body as AsyncIterable<string>)[Symbol.asyncIterator]();
      let heard = '';
      for (let i = 0; i < n; i++) heard += (await reader.next()).value as string;
      return heard;
    };
    hubs.resync('a');
    expect(await pieces(again, 1)).to.include('event: resync');
    hubs.resync();
    expect(await pieces(other, 2)).to.match(/^retry[^]*event: resync/);
    hubs.close();
  });

  it('gives a key 10 streams, and a server 2,000 in all; a stream that ended makes place', async () => {
    const { open, hubs } = setup();
    const tenant = tenantOf('default');
    const own = Array.from({ length: 10 }, () => open(tenant));
    expect(() => open(tenant)).to.throw(CapacityError, 'This key has 10 streams of events, and no more are allowed.');
    // the key of the same name of another tenant is another one
    open(tenantOf('other')).close();
    for (const { close } of own.slice(0, 3)) close();
    for (let i = 0; i < 3; i++) open(tenant);
    expect(() => open(tenant)).to.throw(CapacityError);
    let key = 0;
    while (hubs.listeners < 2_000) open(tenant, { id: `other-${Math.floor(key++ / 10)}` });
    expect(() => open(tenant, { id: 'one-more' })).to.throw(CapacityError, 'This server has 2000 streams');
    hubs.close();
    expect(hubs.listeners).to.equal(0);
    const small = setup({ maxStreams: 1, maxStreamsPerKey: 1 });
    const { close } = small.open(tenant);
    expect(() => small.open(tenant, { id: 'b' })).to.throw(CapacityError);
    close();
    small.open(tenant, { id: 'b' }).close();
  });

  it('asks every 15 seconds whether the key is still good, with the request that it came with', async () => {
    const clock = sinon.useFakeTimers();
    try {
      const asked: string[] = [];
      const { open, hubs } = setup({ mayListen: ({ caller }) => asked.push(caller.id) < 2 });
      const { heard } = open(tenantOf('default'), { id: 'key-7' });
      const ended = heard(1);
      await clock.tickAsync(30_000);
      expect(await ended).to.deep.equal([]);
      expect(asked).to.deep.equal(['key-7', 'key-7']);
      expect(hubs.listeners).to.equal(0);
    } finally {
      clock.restore();
    }
  });
});

describe('GET /v1/inbox/events', () => {
  it('tells people what is asked, what there is more to know of, and how it ended: by id, status and version, and nothing else', async () => {
    const { openAsPerson } = setup();
    const tenant = tenantOf('default');
    const { heard, close } = await openAsPerson(tenant);
    const { decisionId: id, digest } = await asked(tenant);
    await tenant.desk.approve(id, { by: 'canary-bob', digest, reason: 'canary-words' });
    const { bindingDigest = '' } = (await tenant.desk.get(id)) ?? {};
    expect(await tenant.desk.consume({ decisionId: id, bindingDigest, token: 'canary-token' } as never)).to.be.a('boolean');
    const events = await heard(2);
    expect(events.map(({ type, data }) => ({ type, data }))).to.deep.equal([
      { type: 'requested', data: { id, status: 'pending', version: 1, waits: 1 } },
      { type: 'settled', data: { id, status: 'approved', version: 2, waits: -1 } },
    ]);
    close();
  });

  it('goes on after the last event that a browser has seen', async () => {
    const { openAsPerson } = setup();
    const tenant = tenantOf('default');
    const first = await openAsPerson(tenant);
    const one = await asked(tenant);
    const [seen] = await first.heard(1);
    first.close();
    const two = await asked(tenant);
    const again = await openAsPerson(tenant, 'p1', `last=${encodeURIComponent(seen?.lastId ?? '')}`);
    const [next] = await again.heard(1);
    expect(next?.data).to.deep.include({ id: two.decisionId });
    expect(one.decisionId).to.not.equal(two.decisionId);
    again.close();
  });

  it('ends within a second for a person who may listen no more', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      let may = true;
      const { openAsPerson } = setup({ mayListen: () => may });
      const { heard } = await openAsPerson(tenantOf('default'));
      clock.tick(2_000);
      may = false;
      clock.tick(1_000);
      expect(await heard(1)).to.deep.equal([]);
    } finally {
      clock.restore();
    }
  });

  it('says whether it waits for this person, by the groups that they have by now, without a question to the store for each event', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      let groups: readonly string[] | undefined = ['leads'];
      let questions = 0;
      const tenant = tenantOf('default', (id) => {
        questions += 1;
        if (groups === undefined) throw new Error('the directory is away');
        return { id, ids: [id], groups } as never;
      });
      const { openAsPerson } = setup({ mayListen: () => true });
      const { heard, close } = await openAsPerson(tenant);
      const ask = async (approvers: readonly string[], count = 1): Promise<readonly unknown[]> => {
        for (let i = 0; i < count; i++) await asked(tenant, 'bot', { policies: [policyOf('p', { approvers })] });
        return (await heard(count)).map(({ data }) => (data as { readonly waits?: number }).waits);
      };
      expect(await ask(['leads'], 20)).to.deep.equal(Array(20).fill(1));
      expect(await ask(['risk'])).to.deep.equal([undefined]);
      expect(questions).to.equal(1);
      groups = ['risk'];
      await clock.tickAsync(1_000);
      expect([await ask(['leads']), await ask(['risk']), questions]).to.deep.equal([[undefined], [1], 2]);
      // while it cannot be asked, what was known goes on
      groups = undefined;
      await clock.tickAsync(3_000);
      expect([await ask(['leads']), await ask(['risk']), questions]).to.deep.equal([[undefined], [1], 5]);
      const unknown = await openAsPerson(tenant, 'p2');
      await asked(tenant);
      expect((await unknown.heard(1))[0]?.data).to.not.have.property('waits');
      unknown.close();
      close();
    } finally {
      clock.restore();
    }
  });

  it('counts the streams of each person', async () => {
    const { openAsPerson } = setup({ maxStreamsPerKey: 1 });
    const tenant = tenantOf('default');
    const { close } = await openAsPerson(tenant, 'p1');
    const refused = await rejection(openAsPerson(tenant, 'p1'));
    expect(refused).to.be.instanceOf(CapacityError);
    expect(refused.message).to.contain('This person has 1');
    (await openAsPerson(tenant, 'p2')).close();
    close();
    (await openAsPerson(tenant, 'p1')).close();
  });
});
