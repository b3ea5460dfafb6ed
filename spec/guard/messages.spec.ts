import { resolve } from 'node:path';
import { expect } from 'chai';
import { AegisGuard, AegisModule, assertGuarded, ConfigError, GuardDefinitionError, guard, ParamsError } from '../../lib/index.js';
import { toHttp } from '../../lib/adapter/web/index.js';
import { CedarPolicyEngine, readPolicies, runPolicyTests } from '../../lib/policy/index.js';
import { counted } from '../support/assurance.js';
import { rejection, StandInDecisions } from '../support/standInDecisions.js';

/** C9: what people met, and what they have to be told. */
describe('An error says what to do', () => {
  let module: AegisModule;
  beforeEach(() => (module = AegisModule.create({ decisions: new StandInDecisions() })));
  afterEach(() => module.close());

  let cases = 0;
  let wrong = 0;
  after(() => counted({ what: 'C9 errors that lead to the fix', cases, wrong }));
  const says = (error: unknown, words: RegExp): void => {
    cases += 1;
    const message = error instanceof Error ? error.message : '';
    if (!words.test(message)) wrong += 1;
    expect(message).to.match(words);
  };
  const thrown = (run: () => unknown): unknown => {
    try {
      run();
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const environment = (env: Readonly<Record<string, string>>, options: object): unknown => {
    const before = { ...process.env };
    Object.assign(process.env, env);
    try {
      return thrown(() => AegisModule.configure(options));
    } finally {
      for (const name of Object.keys(env)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  };

  it('about variables, in their own name and unit', () => {
    says(
      environment({ AEGIS_TIMEOUT_S: '60' }, { apiKey: 'k' }),
      /^AEGIS_TIMEOUT_S \(as timeoutMs\): must be a number of seconds from 0\.1 to 30 \(got 60\)\.$/,
    );
    says(environment({ AEGIS_BASE_URL: 'nowhere' }, { apiKey: 'k' }), /^AEGIS_BASE_URL \(as baseUrl\): is not a URL/);
    says(environment({}, { apiKey: 'k', baseUrl: 'nowhere' }), /^baseUrl: is not a URL/);
    says(environment({}, { apiKey: 'k', policies: { text: '' } }), /several sources/);
  });

  it('about all options at once', () => {
    const error = thrown(() => AegisModule.create({ policies: './nope', retriez: 1 } as never));
    says(error, /retriez: is not an option; did you mean 'retries'\?/);
    says(error, /nope: There is no such file or folder at \//);
    says(
      thrown(() => AegisModule.create({ policies: { text: '' }, retriez: 1 } as never)),
      /^retriez: [^\n]*$/,
    );
    says(
      thrown(() => AegisModule.create({ policies: { text: 5 }, retriez: 1 } as never)),
      /policies: must be the path/,
    );
    says(
      thrown(() => AegisModule.create(5 as never)),
      /options: must be an object/,
    );
    says(
      thrown(() => AegisModule.create({ policies: { text: '' }, limits: { maxByte: 1 } } as never)),
      /limits\.maxByte: .*did you mean 'maxBytes'/,
    );
    says(
      thrown(() => AegisModule.create({ policies: { text: '' }, recovery: { lease: 1 } } as never)),
      /recovery\.lease: is not an option/,
    );
  });

  it('about policies that are not where they were looked for', () => {
    says(
      thrown(() => readPolicies('./nope')),
      new RegExp(`There is no such file or folder at ${resolve('./nope')}`),
    );
    says(
      thrown(() => readPolicies('/nope/at/all')),
      /There is no such file or folder, or/,
    );
    says(
      thrown(() => readPolicies('permit (principal, action, resource);')),
      /^policies: This looks like .* given as \{ text \}/,
    );
  });

  it('about the address of a database, without showing it', () => {
    const address = 'postgres://ann:hunter2@db.example/aegis';
    const error = thrown(() =>
      AegisModule.create({ policies: { text: '@id("a") permit (principal, action, resource);' }, store: address }),
    );
    says(error, /^store: must be the path of a SQLite file.*postgresStore\(…\)/);
    expect(String(error)).to.not.include('hunter2');
  });

  it('about where decisions come from, with the variables', () => {
    says(environment({}, {}), /AEGIS_POLICIES and AEGIS_API_KEY/);
  });

  it('about spellings of other languages in policies', () => {
    const loading = (when: string): unknown =>
      thrown(() => AegisModule.create({ policies: { text: `@id("a") permit (principal, action, resource) when { ${when} };` } }));
    says(loading('context.input.amount > 19.99'), /in cents, or write decimal\("19\.99"\)/);
    says(loading('context.input.a === 3'), /one '=' less/);
    says(loading('context.input.a !== 3'), /one '=' less/);
    says(loading('context.input.a > = 3'), /^policies:1:\d+: unexpected token `=` \(expected [^)]*\)$/);
    says(loading('context.input.x == 5.'), /^policies:1:\d+: unexpected token `}` \(expected [^)]*\)$/);
  });

  it('about a verdict without the digest that was shown', async () => {
    const aegis = AegisModule.create({
      policies: {
        text: '@id("a") permit (principal, action, resource); @id("b") @effect("approval_needed") forbid (principal, action, resource);',
      },
    });
    try {
      await guard(async () => {}, { toolName: 't', agentId: 'a', module: aegis })();
      const [request] = await aegis.approvals.list();
      says(await rejection(aegis.approvals.approve(String(request?.decisionId), { by: 'ann' })), /`digest` is missing.*Pass the `digest`/);
      says(await rejection(aegis.approvals.approve(String(request?.decisionId), { by: 'ann', digest: 'x' })), /Show the approval again/);
    } finally {
      await aegis.close();
    }
  });

  it('about a decorator without parentheses, and about what is not a class', () => {
    class Mailer {
      async send(): Promise<void> {}
    }
    const bare = AegisGuard as unknown as (...given: unknown[]) => unknown;
    const { send } = Mailer.prototype;
    for (const given of [Mailer.prototype, Mailer, send, undefined]) {
      says(
        thrown(() => bare(given, 'send', {})),
        /an object of options: @AegisGuard\(\{ params: .* or @AegisGuard\(\{\}\)/,
      );
    }
    for (const given of [new Mailer(), undefined, [], () => {}]) {
      const error = thrown(() => assertGuarded(given as never));
      expect(error).to.be.instanceOf(GuardDefinitionError);
      says(error, /must get a class.*expectGuarded\(\)/);
    }
  });

  it('about arguments', async () => {
    const call = guard(async (_o: unknown) => {}, { toolName: 't', agentId: 'a', params: ['o'], module, approval: 'wait' });
    const circular: Record<string, unknown> = {};
    circular['a-rather-long-name'] = circular;
    const error = (await rejection(call(circular))) as Error;
    says(error, /holds itself; flatten it/);
    expect(error.message.length).to.be.lessThan(200);
    says(await rejection(call(new (class Dto {})())), /or name the parameter in `opaque`, or in `plain` to decide on its own data/);
    says(await rejection(call(new Map())), /or name the parameter in `opaque`\./);
    says(await rejection(call(Promise.resolve(1))), /^The value at \/o is a Promise, which cannot be copied; await it before the call\.$/);
  });

  it('about a method that lost its object, and not about a function', async () => {
    class Mailer {
      @AegisGuard({ module, approval: 'wait' })
      async send(): Promise<void> {}
    }
    const { send } = new Mailer();
    says(await rejection(Reflect.apply(send, undefined, [])), /has no agentId.*has to be bound/);
    says(await rejection(new Mailer().send()), /AegisModule\.configure\(\)\.$/);
    says(await rejection(guard(async () => {}, { toolName: 't', module, approval: 'wait' })()), /AegisModule\.configure\(\)\.$/);
  });

  it('about decorators of 2018, naming the setting of the compiler', () => {
    const element = { kind: 'method', key: 'send', placement: 'prototype', descriptor: {}, [Symbol.toStringTag]: 'Descriptor' };
    const decorate = AegisGuard({ approval: 'wait' } as never) as unknown as (...given: unknown[]) => unknown;
    const error = thrown(() => decorate(element));
    expect(error).to.be.instanceOf(GuardDefinitionError);
    says(error, /decorators of 2018.*'2023-11'/);
    says(
      thrown(() => decorate(null)),
      /decorates a class/,
    );
  });

  it('about keys of policy tests', () => {
    const engine = CedarPolicyEngine.load({ sources: [{ file: 'a', text: '@id("a") forbid (principal, action, resource);' }] });
    const test = { name: 'a', tool: 't', expect: { effect: 'deny' } };
    const of = (more: object): unknown => thrown(() => runPolicyTests(engine, { tests: [{ ...test, ...more }] }));
    says(of({ parms: {} }), /tests\.0\.parms: This key is not known; did you mean 'params'\?/);
    says(of({ zzzzzzzz: {} }), /This key is not known; remove it\./);
    says(of({ name: 5 }), /Expected string/);
    says(of({ name: undefined }), /tests\.0\.name: This key is missing, and each test needs it\. Add it\./);
    says(of({ tool: undefined }), /tests\.0\.tool: No tool is named\. Add `tool` to the test, or to `defaults`\./);
    expect(thrown(() => runPolicyTests(engine, { defaults: { tool: 't' }, tests: [{ name: 'a', expect: { effect: 'deny' } }] }))).to.equal(
      undefined,
    );
    expect(of({})).to.equal(undefined);
  });

  it('to a sender over HTTP: nothing of how the program is written', () => {
    const bodyOf = (code: string, path: string): unknown => toHttp(new ParamsError(path, 'name the parameter in `opaque`', { code }))?.body;
    expect(bodyOf('unsupported_param', '/o')).to.deep.equal({
      error: 'unsupported_param',
      message: 'The arguments cannot be accepted at /o.',
      path: '/o',
    });
    expect(bodyOf('schema_mismatch', '')).to.deep.equal({
      error: 'schema_mismatch',
      message: 'The arguments do not have the expected form.',
      path: '',
    });
    expect(new ConfigError([])).to.be.instanceOf(Error);
  });
});
