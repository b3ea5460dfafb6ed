import { expect } from 'chai';
import * as v from 'valibot';
import {
  AegisModule,
  ConfigError,
  ForbiddenError,
  getGuard,
  guard,
  GuardDefinitionError,
  isPending,
  ParamsError,
} from '../../lib/index.js';
import { moduleAsking, rejection, StandInDecisions, thrown } from '../support/standInDecisions.js';

const looseGuard = guard as unknown as (...args: unknown[]) => (...args: unknown[]) => Promise<unknown>;
const twice = async (n: number): Promise<number> => 2 * n;

describe('guard()', () => {
  let service: StandInDecisions;
  let module: AegisModule;
  beforeEach(() => {
    service = new StandInDecisions();
    module = moduleAsking(service);
  });
  afterEach(() => module.close());

  it('guards a function under its own name', async () => {
    const guarded = guard(twice, { params: ['n'], module });
    expect(await guarded(2)).to.equal(4);
    expect(service.last).to.deep.include({ toolName: 'twice', params: { n: 2 } });
    expect([guarded.name, guarded.length]).to.deep.equal(['twice', 1]);
    expect(getGuard(guarded)).to.deep.include({ method: 'twice', toolName: 'twice', approval: 'defer' });
  });

  it('is found on a function that has guarded ones for properties, class or not', () => {
    const send = guard(twice, { params: ['n'], toolName: 'send', module });
    expect(
      getGuard(
        Object.assign(() => 1, { send }),
        'send',
      )?.toolName,
    ).to.equal('send');
    expect(
      getGuard(
        Object.assign(function mailer() {}, { send }),
        'send',
      )?.toolName,
    ).to.equal('send');
    expect(getGuard(() => 1, 'send')).to.equal(undefined);
  });

  it('tells the function from its tool', () => {
    expect(getGuard(guard(twice, { params: ['n'], toolName: 'math.twice', module }))).to.include({
      method: 'twice',
      toolName: 'math.twice',
    });
  });

  it('hands on this', async () => {
    const guarded = guard(
      async function (this: { readonly sid: string }, a: string) {
        return this.sid + a;
      },
      { toolName: 't', params: ['a'], module, session: (self) => ({ sid: self.sid }) },
    );
    expect(await guarded.call({ sid: 's' }, 'a')).to.equal('sa');
    expect(service.last.session).to.deep.equal({ sid: 's' });
  });

  it('guards streams', async () => {
    async function* count(to: number): AsyncGenerator<number> {
      for (let i = 0; i < to; i++) yield i;
    }
    const items: number[] = [];
    for await (const item of guard(count, { params: ['to'], approval: 'wait', module })(2)) items.push(item);
    expect(items).to.deep.equal([0, 1]);
  });

  it('returns a PendingApproval by default where a person has to decide', async () => {
    service.always({ effect: 'approval_needed', reason: 'big' });
    const result = await guard(twice, { params: ['n'], module })(2);
    expect(isPending(result)).to.equal(true);
    expect(String(result)).to.equal("Tool 'twice' execution pending approval: big");
    expect(JSON.parse(JSON.stringify(result))).to.have.all.keys('taskId', 'decisionId', 'agentId', 'toolName', 'status', 'message');
  });

  it('can be guarded again, and is asked about twice', async () => {
    const outer = guard(guard(twice, { params: ['n'], approval: 'wait', module }), {
      toolName: 'outer',
      params: ['n'],
      approval: 'wait',
      module,
    });
    expect(await outer(2)).to.equal(4);
    expect(service.requests.map((r) => r.toolName)).to.deep.equal(['outer', 'twice']);
    expect(getGuard(outer)?.toolName).to.equal('outer');
  });

  it('asks the module that is current at the call', async () => {
    const guarded = guard(twice, { params: ['n'] });
    expect(await rejection(guarded(2)))
      .to.be.instanceOf(ConfigError)
      .and.have.property('message', 'AegisModule: is not configured; call AegisModule.configure() before the first guarded call.');
    AegisModule.configure({ decisions: service, agentId: 'global', env: false });
    expect(await guarded(2)).to.equal(4);
    expect(service.last.agentId).to.equal('global');
    await AegisModule.close();
    expect(await rejection(guarded(2))).to.be.instanceOf(ConfigError);
  });

  it('asks the module that a callback finds', async () => {
    const tenant = new StandInDecisions().always({ effect: 'deny' });
    const other = moduleAsking(tenant);
    const guarded = guard(
      async function (this: { readonly tenant: string }) {
        return 1;
      },
      { toolName: 't', module: (self) => (self.tenant === 'a' ? module : other) },
    );
    expect(await guarded.call({ tenant: 'a' })).to.equal(1);
    expect(await rejection(guarded.call({ tenant: 'b' }))).to.be.instanceOf(ForbiddenError);
    expect(tenant.requests).to.have.length(1);
  });

  for (const wrong of [{}, undefined, null, 5, async () => module])
    it(`refuses ${typeof wrong === 'function' ? 'a promise' : JSON.stringify(wrong)} for a module`, async () => {
      const guarded = looseGuard(async () => 1, { toolName: 't', module: () => (typeof wrong === 'function' ? wrong() : wrong) });
      expect(await rejection(guarded()))
        .to.be.instanceOf(ConfigError)
        .and.match(/module/);
    });

  it('says where an agent id may be given when there is none', async () => {
    const nobody = AegisModule.create({ decisions: service });
    expect(await rejection(guard(twice, { params: ['n'], module: nobody })(1)))
      .to.be.instanceOf(ConfigError)
      .and.have.property(
        'message',
        'twice: has no agentId; give one to the guard, to @AegisAgent on its class, or to AegisModule.configure().',
      );
  });

  for (const agentId of [5, '', 'x'.repeat(257), {}])
    it(`refuses ${JSON.stringify(agentId).slice(0, 20)} from an agentId callback`, async () => {
      const error = await rejection(looseGuard(twice, { params: ['n'], module, agentId: () => agentId })(1));
      expect(error).to.be.instanceOf(ParamsError).and.have.property('code', 'invalid_agent');
      expect(service.requests).to.be.empty;
    });

  for (const name of ['agentId', 'session', 'signal', 'module'])
    it(`does not run where its ${name} callback throws, and does not quote it`, async () => {
      const guarded = looseGuard(twice, {
        params: ['n'],
        module,
        [name]: () => {
          throw new Error('CANARY');
        },
      });
      const error = await rejection(guarded(1));
      expect(error).to.be.instanceOf(ParamsError).and.include({ code: 'callback_failed' });
      expect(error.message).to.include(name).and.not.include('CANARY');
      expect(service.requests).to.be.empty;
    });

  for (const [kind, session] of [
    ['a text', 'u'],
    ['a list', ['u']],
    ['a Date', new Date(0)],
    ['a promise', Promise.resolve({})],
    ['a Map', new Map()],
  ] as const)
    it(`refuses ${kind} for a session`, async () => {
      expect(await rejection(looseGuard(twice, { params: ['n'], module, session: () => session })(1))).to.be.instanceOf(ParamsError);
      expect(service.requests).to.be.empty;
    });

  it('copies and freezes a session', async () => {
    const session = { user_id: 'u', roles: ['a'] };
    await guard(twice, { params: ['n'], module, session })(1);
    session.roles.push('admin');
    expect(service.last.session).to.deep.equal({ user_id: 'u', roles: ['a'] }).and.to.be.frozen;
    expect((service.last.session as { roles: string[] }).roles).to.be.frozen;
  });

  describe('is refused at definition with', () => {
    const wrong: readonly (readonly [string, unknown, RegExp, unknown?])[] = [
      ['no options', undefined, /object of options/],
      ['null for options', null, /object of options/],
      ['a toolName that is none', { params: ['n'], toolName: 'a b' }, /tool name/],
      ['a toolName of 129 characters', { params: ['n'], toolName: 'x'.repeat(129) }, /tool name/],
      ['an empty toolName', { params: ['n'], toolName: '' }, /tool name/],
      ['a mode that is nearly one', { params: ['n'], approval: 'waits' }, /or 'throw'; did you mean 'wait'\?/],
      ['a mode that is none', { params: ['n'], approval: 'ticket' }, /'defer', 'wait' or 'throw'\./],
      ['names that are no list', { params: 'n' }, /list of names/],
      ['an empty name', { params: [''] }, /not empty/],
      ['a name that is no text', { params: [5] }, /must be a string/],
      ['too few names', { params: [] }, /`params` has 0 names, but the function has 1 parameters/],
      ['the same name twice', { params: ['n', 'n'] }, /twice/],
      ['the same name twice, one a rest', { params: ['n', '...n'] }, /twice/],
      ['a rest that is not the last', { params: ['...n', 'm'] }, /must be the last/],
      ['a name that reaches the prototype', { params: ['__proto__'] }, /'__proto__' cannot name a parameter/],
      ['an opaque name that is no parameter', { params: ['n'], opaque: ['m'] }, /'m' is declared opaque/],
      ['opaque that is no list', { params: ['n'], opaque: 'n' }, /`opaque` must be a list/],
      ['plain that is no list', { params: ['n'], plain: 'n' }, /`plain` must be a list/],
      ['a plain name that is no parameter', { params: ['n'], plain: ['m'] }, /'m' is declared/],
      ['one that is opaque and plain', { params: ['n'], opaque: ['n'], plain: ['n'] }, /both opaque and plain/],
      ['plain without names', { plain: ['n'] }, /`plain` needs `params`/],
      ['opaque in mode throw', { params: ['n'], opaque: ['n'], approval: 'throw' }, /none may be opaque/],
      [
        'a sensitive value that is no parameter',
        { params: ['n'], sensitive: { '/m': 'secret' } },
        /`sensitive` names \/m, but the guard has no parameter 'm'/,
      ],
      ['groups that are no list', { params: ['n'], groups: 'read' }, /`groups` must be a list/],
      ['a group that is none', { params: ['n'], groups: ['a b'] }, /group/],
      ['an empty key', { params: ['n'], key: '' }, /`key`/],
      ['an empty agentId', { params: ['n'], agentId: '' }, /`agentId`/],
      ['a schema that is none', { params: ['n'], schema: {} }, /Standard Schema/],
      ['a waitMs of 0', { params: ['n'], waitMs: 0 }, /`waitMs`/],
      ['a waitMs that is no number', { params: ['n'], waitMs: Number.NaN }, /`waitMs`/],
      ['an approvalTimeoutMs of -1', { params: ['n'], approvalTimeoutMs: -1 }, /`approvalTimeoutMs`/],
      [
        'an anonymous function and no toolName',
        { params: [] },
        /anonymous/,
        (
          () => async () =>
            1
        )(),
      ],
      ['a bound function and no toolName', { params: ['n'] }, /tool name/, twice.bind(null)],
      ['no function', {}, /must get a function/, 5],
    ];
    for (const [name, options, message, fn = twice] of wrong)
      it(name, () => {
        expect(thrown(() => looseGuard(fn, options)))
          .to.be.instanceOf(GuardDefinitionError)
          .and.match(message);
      });

    it('nothing of what a mode takes', () => {
      expect(() => looseGuard(twice, { params: ['n'], waitMs: 1, approvalTimeoutMs: 1, groups: ['read'], key: 'k' })).to.not.throw();
    });
  });

  it('keeps nothing of its options that the program could change later', async () => {
    const options = { params: ['n'], toolName: 'a', groups: ['read'], module };
    const guarded = looseGuard(twice, options);
    options.params[0] = 'm';
    options.groups.push('write');
    options.toolName = 'b';
    await guarded(1);
    expect(service.last).to.deep.include({ toolName: 'a', groups: ['read'], params: { n: 1 } });
  });

  describe('with a schema', () => {
    const schema = v.object({ id: v.string(), amount: v.optional(v.number(), 1) });

    it('decides on and runs what the schema makes of the arguments', async () => {
      const guarded = guard(async (o: { id: string; amount: number }) => o.amount, { toolName: 't', schema, module });
      expect(await guarded({ id: 'a' } as { id: string; amount: number })).to.equal(1);
      expect(service.last.params).to.deep.equal({ id: 'a', amount: 1 });
    });

    it('names the places that do not fit, and no value', async () => {
      const guarded = looseGuard(async () => 1, { toolName: 't', schema, module });
      const error = await rejection(guarded({ id: 'a', amount: 'CANARY' }));
      expect(error).to.be.instanceOf(ParamsError).and.include({ code: 'schema_mismatch', path: '/amount' });
      expect(error.message).to.equal("The arguments do not fit the guard's schema at /amount.");
      expect(service.requests).to.be.empty;
    });

    it('decides on a copy of what the schema made, whatever the schema does with it later', async () => {
      const made = { list: [1] };
      const keeping = { '~standard': { version: 1, vendor: 'spec', validate: () => ({ value: made }) } };
      service.answer = () => {
        made.list.push(9);
        return { effect: 'allow' };
      };
      const guarded = looseGuard(async (o: unknown) => o, { toolName: 't', schema: keeping, module });
      expect(await guarded({})).to.deep.equal({ list: [1] });
      const strange = { '~standard': { version: 1, vendor: 'spec', validate: () => ({ value: { map: new Map() } }) } };
      const error = await rejection(looseGuard(async () => 1, { toolName: 't', schema: strange, module })({}));
      expect(error).to.be.instanceOf(ParamsError).and.have.property('path', '/map');
    });

    it('waits for an asynchronous one', async () => {
      const later = v.pipeAsync(
        v.object({ id: v.string() }),
        v.checkAsync(async ({ id }) => id === 'a'),
      );
      const guarded = guard(async (o: { id: string }) => o.id, { toolName: 't', schema: later, approval: 'wait', module });
      expect(await guarded({ id: 'a' })).to.equal('a');
      expect(await rejection(guarded({ id: 'b' }))).to.be.instanceOf(ParamsError);
      expect(service.requests).to.have.length(1);
    });

    for (const [name, validate] of [
      ['throws', () => JSON.parse('CANARY') as unknown],
      ['rejects', async () => JSON.parse('CANARY') as unknown],
      ['gives nothing', () => undefined],
      ['gives null', () => null],
      ['gives a list', () => ({ value: [] })],
      ['gives a Date', () => ({ value: new Date(0) })],
      ['gives an instance', () => ({ value: new (class Order {})() })],
    ] as const)
      it(`refuses the call where it ${name}`, async () => {
        const broken = { '~standard': { version: 1, vendor: 'spec', validate } };
        const error = await rejection(looseGuard(async () => 1, { toolName: 't', schema: broken, module })({}));
        expect(error).to.be.instanceOf(ParamsError);
        expect(error.message).to.not.include('CANARY');
        expect(error.cause).to.equal(undefined);
        expect(service.requests).to.be.empty;
      });
  });
});
