import { expect } from 'chai';
import { tasksRoute } from '../../lib/http/tasksRoute.js';
import { counted } from '../support/assurance.js';
import { AegisModule, ConfigError, guard } from '../../lib/index.js';
import type { PendingApproval } from '../../lib/index.js';

const POLICIES = `
  @id("known") permit (principal, action, resource) when { context has session && context.session has user_id };
  @id("some") @effect("approval_needed") forbid (principal, action, resource) when { context.input.amount > 100 };`;
const moduleOf = (): AegisModule => AegisModule.create({ policies: { text: POLICIES }, sessions: 'async-local' });

describe('tasksRoute', () => {
  it('shows a result that is no JSON as one that cannot be shown, and big integers as text', async () => {
    await using module = moduleOf();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const results: readonly unknown[] = [circular, { big: 10n }, undefined];
    const give = guard(async ({ which }: { which: number; amount: number }) => results[which], {
      toolName: 'give',
      approval: 'defer',
      agentId: 'web',
      module,
      session: () => ({ user_id: 'eve' }),
    });
    const tasks = tasksRoute({ module, authorize: () => true, show: ['result'] });
    const shown: unknown[] = [];
    for (const which of results.keys()) {
      const pending = (await give({ which, amount: 500 })) as PendingApproval;
      for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.approve(decisionId, { by: 'ann', digest });
      await pending.completed;
      shown.push((await tasks({ request: undefined, id: pending.taskId })).body['result']);
    }
    expect(shown).to.deep.equal(['This value cannot be shown.', { big: '10' }, null]);
  });

  describe('with two tasks', () => {
    let module: AegisModule;
    const ids: string[] = [];
    beforeEach(async () => {
      module = moduleOf();
      ids.length = 0;
      for (const [user, amount] of [
        ['eve', 500],
        ['bob', 600],
      ] as const) {
        const refund = guard(async (order: { amount: number }) => order.amount, {
          toolName: `refund-${user}`,
          approval: 'defer',
          agentId: 'web',
          module,
          session: () => ({ user_id: user }),
        });
        ids.push(((await refund({ amount })) as PendingApproval).taskId);
      }
    });
    afterEach(() => module.close());
    const listed = (body: Readonly<Record<string, unknown>>): unknown[] =>
      (body['tasks'] as { task_id: string }[]).map((task) => task.task_id);

    it('shows all of them, one, and the stats to those who may see everything, and is never cached', async () => {
      const tasks = tasksRoute({ module, authorize: async () => true });
      const { status, body, headers } = await tasks({ request: undefined });
      expect([status, listed(body), headers]).to.deep.equal([200, ids, { 'cache-control': 'no-store' }]);
      expect((await tasks({ request: undefined, id: '', method: 'HEAD' })).status).to.equal(200);
      expect((await tasks({ request: undefined, id: ids[1] })).body['task_id']).to.equal(ids[1]);
      expect((await tasks({ request: undefined, id: 'stats' })).body).to.include({ total: 2, pending: 2 });
      expect((await tasks({ request: undefined, id: 'task-0' })).body['error']).to.equal('task_not_found');
    });

    it('shows to a user the own ones only, and no stats', async () => {
      const tasks = tasksRoute({ module, authorize: (user: string) => (task) => task.session?.['user_id'] === user });
      expect(listed((await tasks({ request: 'bob', query: { limit: '1' } })).body)).to.deep.equal([ids[1]]);
      expect((await tasks({ request: 'bob', id: ids[0] })).status).to.equal(404);
      expect((await tasks({ request: 'bob', id: ids[1] })).status).to.equal(200);
      expect((await tasks({ request: 'bob', id: 'stats' })).status).to.equal(403);
    });

    it('shows nothing where `authorize` returns anything but true or a function', async () => {
      for (const answer of [false, undefined, 'yes', 1])
        expect((await tasksRoute({ module, authorize: () => answer as never })({ request: undefined })).status).to.equal(403);
      const truthy = tasksRoute({ module, authorize: () => () => 'yes' as never });
      expect(listed((await truthy({ request: undefined })).body)).to.deep.equal([]);
    });

    it('filters, and refuses a filter that it cannot read', async () => {
      const tasks = tasksRoute({ module, authorize: () => true });
      expect(
        listed((await tasks({ request: undefined, query: { tool: 'refund-bob', agent: 'web', status: 'pending' } })).body),
      ).to.deep.equal([ids[1]]);
      expect(listed((await tasks({ request: undefined, query: { limit: '1' } })).body)).to.deep.equal([ids[0]]);
      expect(listed((await tasks({ request: undefined, query: { limit: '99999' } })).body)).to.deep.equal(ids);
      for (const query of [{ status: 'perhaps' }, { limit: '0' }, { limit: '-1' }, { limit: 'x' }, { tool: ['a', 'b'] }])
        expect([query, (await tasks({ request: undefined, query })).status]).to.deep.equal([query, 400]);
    });

    it('shows no detail that there is not', () => {
      const make = (show: readonly string[]) => () => tasksRoute({ module, authorize: () => true, show: show as never });
      expect(make(['params', 'reslut'])).to.throw(
        ConfigError,
        "tasks: show: must be a list of params, session, result, error, people; did you mean 'result'?",
      );
      expect(make(['everything'])).to.throw(ConfigError, 'must be a list of params, session, result, error, people.');
      expect(make(['params', 'people'])).to.not.throw();
    });

    it('refuses every method but GET and HEAD', async () => {
      const answer = await tasksRoute({ module, authorize: () => true })({ request: undefined, method: 'DELETE' });
      expect([answer.status, answer.headers?.['allow']]).to.deep.equal([405, 'GET, HEAD']);
    });
  });

  describe('with more tasks than one answer looks at (B2)', () => {
    const COUNT = 1_250;
    let module: AegisModule;
    let read = { summaries: 0, whole: 0 };
    beforeEach(async () => {
      module = moduleOf();
      for (let i = 0; i < COUNT; i++)
        await module.tasks.createTask({ agentId: `a${i % 2}`, toolName: 't', decisionId: `d${i}`, taskId: `t${i}`, metadata: { i } });
      const { store } = module.tasks;
      const [list, get, summaries] = [store.list.bind(store), store.get.bind(store), store.listSummaries.bind(store)];
      read = { summaries: 0, whole: 0 };
      store.list = async (query) => {
        const found = await list(query);
        read.whole += found.length;
        return found;
      };
      store.get = (id) => ((read.whole += 1), get(id));
      store.listSummaries = async (query) => {
        const found = await summaries(query);
        read.summaries += found.length;
        return found;
      };
    });
    afterEach(() => module.close());

    it('looks at 1,000 of them at most, whatever authorize says, and goes on from there', async () => {
      const seen: string[] = [];
      for (const authorize of [() => () => false, () => (task: { metadata: object }) => (task.metadata as { i: number }).i > 1_240]) {
        const tasks = tasksRoute({ module, authorize });
        let wrong = 0;
        let after: unknown;
        for (let pages = 0; pages < 5; pages++) {
          read = { summaries: 0, whole: 0 };
          const { body } = await tasks({ request: undefined, query: { limit: '1', ...(after === undefined ? {} : { after }) } });
          if (read.summaries > 1_000 || read.whole > 0) wrong += 1;
          for (const task of body['tasks'] as { task_id: string }[]) seen.push(task.task_id);
          after = body['next'];
          if (after === undefined) break;
        }
        counted({ what: 'B2 answers of the task route that read more than 1,000 rows, or a body', cases: 5, wrong });
        expect(wrong).to.equal(0);
      }
      expect(seen.slice(0, 3)).to.deep.equal(['t1241', 't1242', 't1243']);
    });

    it('reads one page where the sender may see all, and only what it shows in full', async () => {
      const tasks = tasksRoute({ module, authorize: () => true });
      const first = await tasks({ request: undefined, query: { limit: '10' } });
      expect([(first.body['tasks'] as unknown[]).length, read]).to.deep.equal([10, { summaries: 10, whole: 0 }]);
      const second = await tasks({ request: undefined, query: { limit: '10', after: first.body['next'] } });
      expect((second.body['tasks'] as { task_id: string }[])[0]?.task_id).to.equal('t10');
      read = { summaries: 0, whole: 0 };
      const whole = await tasksRoute({ module, authorize: () => true, show: ['params'] })({ request: undefined, query: { limit: '1000' } });
      expect([(whole.body['tasks'] as unknown[]).length, read]).to.deep.equal([100, { summaries: 100, whole: 100 }]);
      expect((await tasks({ request: undefined, query: { after: 'x'.repeat(1_001) } })).status).to.equal(400);
    });

    it('shows no task that was deleted, or that the sender may not see, once it was read in full', async () => {
      const { store } = module.tasks;
      const get = store.get.bind(store);
      store.get = (id) => (id === 't0' ? undefined : get(id));
      const tasks = tasksRoute({ module, show: ['result'], authorize: () => (task) => !('params' in task) || task.taskId !== 't1' });
      const { body } = await tasks({ request: undefined, query: { limit: '2' } });
      expect((body['tasks'] as { task_id: string }[]).map((task) => task.task_id)).to.deep.equal(['t2', 't3']);
    });
  });

  it('shows the tasks of the configured module where none is given', async () => {
    await using module = AegisModule.configure({ policies: { text: POLICIES }, replace: true });
    expect(module.tasks.durable).to.equal(false);
    expect((await tasksRoute({ authorize: () => true })({ request: undefined })).body).to.deep.equal({ tasks: [] });
  });

  it('is refused without an authorize function', () => {
    for (const authorize of [undefined, true, 'everybody'])
      expect(() => tasksRoute({ authorize } as never)).to.throw(ConfigError, 'authorize');
  });
});
