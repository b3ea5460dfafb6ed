import { expect } from 'chai';
import sinon from 'sinon';
import { inspect } from 'node:util';
import { ApprovalScheduler } from '../../lib/approval/ApprovalScheduler.js';
import { pollDelay } from '../../lib/common/time/pollDelay.js';
import { AegisModule, ConfigError, ForbiddenError, guard, isPending, TimeoutError, TransportError } from '../../lib/index.js';
import type { ApprovalPolling, ConfigureOptions, Guarded } from '../../lib/index.js';
import { sendJson } from '../support/dataPlaneStandIn.js';
import { rejection } from '../support/rejection.js';
import { counterpart } from './worlds.js';
import type { World } from './worlds.js';

const CALL = { agentId: 'agent', toolName: 'look', params: { key: 'value' } };

/** The polling that a module's scheduler is made with. */
async function pollingOf(world: World, more: ConfigureOptions): Promise<ApprovalPolling> {
  let polling: ApprovalPolling | undefined;
  const scheduler: NonNullable<ConfigureOptions['scheduler']> = (parts) => {
    polling = parts.polling;
    return new ApprovalScheduler(parts);
  };
  await world.configure({ ...more, scheduler }).close();
  if (polling === undefined) throw new Error('no scheduler was made');
  return polling;
}

/** The problems that `configure()` names; it configures nothing. */
function problemsOf(world: World, more: object): readonly string[] {
  try {
    world.configure(more);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ where }) => where);
  }
  throw new Error('it was configured');
}

/** What is written to stderr meanwhile. */
async function printed(work: () => Promise<unknown>): Promise<string> {
  const write = sinon.stub(process.stderr, 'write').returns(true);
  try {
    await work();
    return write.args.map(([text]) => String(text)).join('');
  } finally {
    write.restore();
  }
}

/** An option of a Data Plane does nothing with policies in this process, and is refused there. */
function isForDataPlane(world: World, option: object): boolean {
  if (world.plane !== undefined) return true;
  expect(problemsOf(world, option).join()).to.contain(Object.keys(option)[0]);
  return false;
}

describe('The configuration of the Python SDK', () => {
  counterpart('AegisConfig.base_url', 'says where the Data Plane is', {}, async (world) => {
    if (!isForDataPlane(world, { baseUrl: 'https://aegis.example' })) return;
    const aegis = world.configure({ baseUrl: `${world.plane?.url}/` });
    await aegis.decide(CALL);
    expect(world.plane?.requests.map(({ path }) => path)).to.deep.equal(['/v1/decision']);
    await aegis.close();
    for (const baseUrl of ['ftp://aegis.example', 'aegis.example', '']) expect(problemsOf(world, { baseUrl })).to.deep.equal(['baseUrl']);
  });

  counterpart('AegisConfig.api_key', 'is sent to the Data Plane, and shown nowhere', {}, async (world) => {
    if (!isForDataPlane(world, { apiKey: 'key-of-the-tenant' })) return;
    const aegis = world.configure();
    await aegis.decide(CALL);
    expect(world.plane?.requests[0]?.headers).to.include({ 'x-api-key': 'key-of-the-tenant' });
    expect(inspect(aegis, { depth: 20, showHidden: true })).to.not.contain('key-of-the-tenant');
  });

  counterpart('AegisConfig.timeout_s', 'ends a call that gets no answer in time', {}, async (world) => {
    if (!isForDataPlane(world, { timeoutMs: 100 })) return;
    const aegis = world.configure({ timeoutMs: 100 });
    if (world.plane !== undefined) world.plane.handler = () => undefined;
    expect(await rejection(aegis.decide(CALL))).to.be.instanceOf(TimeoutError);
    await aegis.close();
    for (const timeoutMs of [99, 30_001]) expect(problemsOf(world, { timeoutMs })).to.deep.equal(['timeoutMs']);
  });

  counterpart('AegisConfig.retries', 'says how often a decision is requested again', {}, async (world) => {
    if (!isForDataPlane(world, { retries: 1 })) return;
    const { plane } = world;
    if (plane === undefined) return;
    const allow = plane.handler;
    for (const [retries, requests] of [
      [0, 1],
      [1, 2],
    ] as const) {
      plane.requests.length = 0;
      plane.handler = (request, reply) => {
        plane.handler = allow;
        return sendJson(reply, { message: 'later', request: request.path }, 503);
      };
      const aegis = world.configure({ retries });
      if (retries === 0) expect(await rejection(aegis.decide(CALL))).to.be.instanceOf(TransportError);
      else expect(await aegis.decide(CALL)).to.include({ effect: 'allow' });
      expect(plane.requests).to.have.length(requests);
      await aegis.close();
    }
    for (const retries of [-1, 11, 1.5]) expect(problemsOf(world, { retries })).to.deep.equal(['retries']);
  });

  counterpart('AegisConfig.user_agent', 'is the header of every request', {}, async (world) => {
    if (!isForDataPlane(world, { userAgent: 'my-program/1' })) return;
    const own = world.configure({ userAgent: 'my-program/1' });
    await own.decide(CALL);
    await own.close();
    const aegis = world.configure();
    await aegis.decide(CALL);
    const [first, second] = world.plane?.requests.map(({ headers }) => headers['user-agent']) ?? [];
    expect(first).to.equal('my-program/1');
    expect(second).to.match(/^aegis-typescript-sdk\/\d/);
  });

  counterpart('AegisConfig.log_level', 'says from which level on lines are printed', {}, async (world) => {
    const look = async (logLevel: 'debug' | 'error'): Promise<string> => {
      const aegis = world.configure({ debug: true, logLevel });
      const call = guard(async () => 1, { agentId: 'agent', toolName: 'look', approval: 'wait' });
      const text = await printed(call);
      await aegis.close();
      return text;
    };
    expect(await look('debug')).to.match(/^\[AEGIS\] .*decided/);
    expect(await look('error')).to.not.contain('decided');
    expect(problemsOf(world, { logLevel: 'loud' })).to.deep.equal(['logLevel']);
  });

  counterpart('AegisConfig.debug', 'prints every decision, without the arguments', {}, async (world) => {
    const look = async (debug: boolean): Promise<string> => {
      const aegis = world.configure({ debug });
      const call = guard(async (key: string) => key, { agentId: 'agent', toolName: 'look', params: ['key'], approval: 'wait' });
      const text = await printed(() => call('secret-value'));
      await aegis.close();
      return text;
    };
    expect(await look(true))
      .to.contain('"toolName":"look"')
      .and.not.contain('secret-value');
    expect(await look(false)).to.equal('');
  });

  counterpart('AegisConfig.approval_polling_enabled', 'says whether approvals are polled', { drop: 'approval_needed' }, async (world) => {
    world.configure({ approvalPolling: { enabled: false } });
    const drop = guard(async (): Promise<Guarded<number>> => 1, { agentId: 'agent', toolName: 'drop' });
    if (world.plane !== undefined) {
      const error = await rejection(drop());
      expect(error).to.be.instanceOf(ForbiddenError).and.include({ code: 'approval_required' });
      return;
    }
    // the desk in this process pushes, so that nothing has to be polled
    const pending = await drop();
    if (!isPending(pending)) throw new Error('it did not wait');
    await world.decide(pending.decisionId, true);
    expect(await pending.completed).to.equal(1);
  });

  const delays = { maxDelayMs: 60_000, jitterRatio: 0 };

  counterpart('AegisConfig.approval_polling_initial_delay_s', 'is the delay before the first poll', {}, async (world) => {
    expect((await pollingOf(world, {})).initialDelayMs).to.equal(2_000);
    const { initialDelayMs } = await pollingOf(world, { approvalPolling: { initialDelayMs: 500 } });
    expect([0, 1, 2, 3].map((n) => pollDelay(n, { ...delays, initialDelayMs }))).to.deep.equal([500, 500, 1_000, 2_000]);
    for (const wrong of [499, 10_001])
      expect(problemsOf(world, { approvalPolling: { initialDelayMs: wrong } })).to.deep.equal(['approvalPolling.initialDelayMs']);
  });

  counterpart('AegisConfig.approval_polling_max_delay_s', 'is the longest delay', {}, async (world) => {
    expect((await pollingOf(world, {})).maxDelayMs).to.equal(60_000);
    const { maxDelayMs } = await pollingOf(world, { approvalPolling: { maxDelayMs: 5_000 } });
    expect(pollDelay(20, { initialDelayMs: 2_000, maxDelayMs, jitterRatio: 0.5 })).to.be.at.most(5_000);
    for (const wrong of [4_999, 300_001])
      expect(problemsOf(world, { approvalPolling: { maxDelayMs: wrong } })).to.deep.equal(['approvalPolling.maxDelayMs']);
  });

  counterpart('AegisConfig.approval_polling_max_attempts', 'ends what no one decides', { drop: 'approval_needed' }, async (world) => {
    expect((await pollingOf(world, {})).maxAttempts).to.equal(50);
    world.configure({ approvalPolling: { maxAttempts: 1 } });
    const drop = guard(async (): Promise<Guarded<number>> => 1, { agentId: 'agent', toolName: 'drop' });
    const pending = await drop();
    if (!isPending(pending)) throw new Error('it did not wait');
    // a desk in this process is not polled: its approvals end by their deadline
    if (world.plane === undefined) await pending.cancel();
    expect(await rejection(pending.completed)).to.have.property('name', world.plane ? 'ApprovalTimeoutError' : 'ApprovalCancelledError');
    await AegisModule.close();
    for (const wrong of [0, 201])
      expect(problemsOf(world, { approvalPolling: { maxAttempts: wrong } })).to.deep.equal(['approvalPolling.maxAttempts']);
  });

  counterpart('AegisConfig.approval_polling_jitter_ratio', 'spreads the delays', {}, async (world) => {
    expect((await pollingOf(world, {})).jitterRatio).to.equal(0.1);
    const { jitterRatio } = await pollingOf(world, { approvalPolling: { jitterRatio: 0.5 } });
    const delay = (random: number): number =>
      pollDelay(0, { initialDelayMs: 2_000, maxDelayMs: 60_000, jitterRatio, random: () => random });
    expect([delay(0), delay(0.5), delay(1)]).to.deep.equal([1_000, 2_000, 3_000]);
    for (const wrong of [-0.1, 0.51])
      expect(problemsOf(world, { approvalPolling: { jitterRatio: wrong } })).to.deep.equal(['approvalPolling.jitterRatio']);
  });

  counterpart('configuration/program', 'takes all of it from the program', {}, async (world) => {
    const approvalPolling = { enabled: true, initialDelayMs: 2_000, maxDelayMs: 60_000, maxAttempts: 50, jitterRatio: 0.1 };
    const transport = world.plane && { timeoutMs: 1_000, retries: 2 };
    expect(await pollingOf(world, { ...transport, logLevel: 'info', debug: false, approvalPolling })).to.deep.equal(approvalPolling);
  });

  counterpart('configuration/stages', 'takes one configuration for development and one for production', {}, async (world) => {
    const development: ConfigureOptions = { debug: true, logLevel: 'debug', approvalPolling: { enabled: false } };
    const production: ConfigureOptions = { debug: false, approvalPolling: { enabled: true, maxAttempts: 100 } };
    expect(await pollingOf(world, development)).to.include({ enabled: false, maxAttempts: 50 });
    expect(await pollingOf(world, { ...production, ...(world.plane && { timeoutMs: 30_000 }) })).to.include({ maxAttempts: 100 });
  });
});

describe('The environment of the Python SDK', () => {
  const fromEnvironment = (world: World, more: ConfigureOptions = {}): AegisModule => world.configure({ env: true, ...more });

  counterpart('environment.AEGIS_BASE_URL', 'wins over the program', {}, async (world) => {
    process.env['AEGIS_BASE_URL'] = world.plane?.url ?? 'https://aegis.example';
    const aegis = fromEnvironment(world, world.plane && { baseUrl: 'http://127.0.0.1:1' });
    expect(await aegis.decide(CALL)).to.include({ effect: 'allow' });
    // it names another Data Plane, and never another source of decisions
    expect(world.plane?.requests.length ?? 1).to.equal(1);
  });

  counterpart('environment.AEGIS_API_KEY', 'wins over the program', {}, async (world) => {
    process.env['AEGIS_API_KEY'] = 'key-of-the-environment';
    const aegis = fromEnvironment(world);
    expect(await aegis.decide(CALL)).to.include({ effect: 'allow' });
    if (world.plane !== undefined) expect(world.plane.requests[0]?.headers).to.include({ 'x-api-key': 'key-of-the-environment' });
  });

  counterpart('environment.AEGIS_TIMEOUT_S', 'is in seconds', {}, async (world) => {
    process.env['AEGIS_TIMEOUT_S'] = '0.1';
    const aegis = fromEnvironment(world);
    if (world.plane === undefined) return expect(await aegis.decide(CALL)).to.include({ effect: 'allow' }) as never;
    world.plane.handler = () => undefined;
    expect(await rejection(aegis.decide(CALL))).to.be.instanceOf(TimeoutError);
    await aegis.close();
    process.env['AEGIS_TIMEOUT_S'] = 'soon';
    expect(problemsOf(world, { env: true })).to.deep.equal(['AEGIS_TIMEOUT_S']);
  });

  counterpart('environment.AEGIS_RETRIES', 'wins over the program', {}, async (world) => {
    process.env['AEGIS_RETRIES'] = '0';
    const aegis = fromEnvironment(world, world.plane && { retries: 5 });
    if (world.plane === undefined) return expect(await aegis.decide(CALL)).to.include({ effect: 'allow' }) as never;
    world.plane.handler = (_request, reply) => sendJson(reply, { message: 'later' }, 503);
    expect(await rejection(aegis.decide(CALL))).to.be.instanceOf(TransportError);
    expect(world.plane.requests).to.have.length(1);
  });

  counterpart('environment.AEGIS_LOG_LEVEL', 'wins over the program', {}, async (world) => {
    process.env['AEGIS_LOG_LEVEL'] = 'ERROR';
    fromEnvironment(world, { debug: true, logLevel: 'debug' });
    const look = guard(async () => 1, { agentId: 'agent', toolName: 'look', approval: 'wait' });
    expect(await printed(look)).to.not.contain('decided');
  });

  counterpart('environment.AEGIS_DEBUG', 'takes the words that the Python SDK takes', {}, async (world) => {
    for (const [word, prints] of [
      ['true', true],
      ['1', true],
      ['yes', true],
      ['on', true],
      ['false', false],
      ['0', false],
    ] as const) {
      process.env['AEGIS_DEBUG'] = word;
      const aegis = fromEnvironment(world);
      const look = guard(async () => 1, { agentId: 'agent', toolName: 'look', approval: 'wait' });
      expect((await printed(look)).includes('decided'), word).to.equal(prints);
      await aegis.close();
    }
  });

  const polling = async (world: World, variable: string, value: string): Promise<ApprovalPolling> => {
    process.env[variable] = value;
    const options: ConfigureOptions = { env: true, approvalPolling: { enabled: true, initialDelayMs: 1_000, maxAttempts: 7 } };
    return pollingOf(world, options);
  };

  counterpart('environment.AEGIS_APPROVAL_POLLING_ENABLED', 'wins over the program', {}, async (world) => {
    expect(await polling(world, 'AEGIS_APPROVAL_POLLING_ENABLED', 'false')).to.include({ enabled: false, maxAttempts: 7 });
  });

  counterpart('environment.AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S', 'is in seconds', {}, async (world) => {
    expect(await polling(world, 'AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S', '2.5')).to.include({ initialDelayMs: 2_500 });
  });

  counterpart('environment.AEGIS_APPROVAL_POLLING_MAX_DELAY_S', 'is in seconds', {}, async (world) => {
    expect(await polling(world, 'AEGIS_APPROVAL_POLLING_MAX_DELAY_S', '30')).to.include({ maxDelayMs: 30_000 });
  });

  counterpart('environment.AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS', 'wins over the program', {}, async (world) => {
    expect(await polling(world, 'AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS', '100')).to.include({ maxAttempts: 100 });
  });

  counterpart('environment.AEGIS_APPROVAL_POLLING_JITTER_RATIO', 'wins over the program', {}, async (world) => {
    expect(await polling(world, 'AEGIS_APPROVAL_POLLING_JITTER_RATIO', '0.25')).to.include({ jitterRatio: 0.25 });
  });

  counterpart('configuration/environment', 'configures a whole program', {}, async (world) => {
    Object.assign(process.env, {
      AEGIS_API_KEY: 'key-of-the-environment',
      AEGIS_BASE_URL: world.plane?.url ?? 'https://aegis.example',
      AEGIS_TIMEOUT_S: '1.0',
      AEGIS_RETRIES: '2',
      AEGIS_LOG_LEVEL: 'info',
      AEGIS_DEBUG: 'false',
      AEGIS_APPROVAL_POLLING_ENABLED: 'true',
      AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S: '2.0',
      AEGIS_APPROVAL_POLLING_MAX_DELAY_S: '60.0',
      AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS: '50',
      AEGIS_APPROVAL_POLLING_JITTER_RATIO: '0.1',
    });
    // with policies, the program names its source; with a Data Plane, the environment alone is enough
    const aegis = world.plane === undefined ? fromEnvironment(world) : AegisModule.configure({ dataPlane: { require: [] } });
    expect(await aegis.decide(CALL)).to.include({ effect: 'allow' });
    if (world.plane !== undefined) expect(world.plane.requests[0]?.headers).to.include({ 'x-api-key': 'key-of-the-environment' });
  });
});
