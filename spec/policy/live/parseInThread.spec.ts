import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import sinon from 'sinon';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { parseInThread } from '../../../lib/policy/live/parseInThread.js';
import { parsePolicies } from '../../../lib/policy/parse/parsePolicies.js';
import { rejection } from '../../support/rejection.js';

const sourcesOf = (text: string): { file: string; text: string }[] => [{ file: 'a.cedar', text }];
const SOURCES = sourcesOf(
  [
    '@id("mask") @effect("sanitize") @sanitize("set /a {\\"b\\": [1]}; mask_email /c") @may_permit("true") forbid (principal, action, resource) when { context has x };',
    '@id("ask") @effect("approval_needed") @approvers("legal, ops") @approval_timeout_s("60") forbid (principal, action, resource);',
    '@id("proto") permit (principal, action, resource) when { {"__proto__": 1} == context.input && context.input.a > 9007199254740993 };',
    ...Array.from(
      { length: 100 },
      (_, i) => `@id("p${i}") @reason("é ${i}") permit (principal, action == Aegis::Action::"t${i}", resource);`,
    ),
  ].join('\n'),
);
/** A thread that runs this instead. */
const running = (code: string) => (): Worker => new Worker(code, { eval: true });
const signal = new AbortController().signal;
const options = { signal, background: false };

describe('parseInThread', () => {
  afterEach(() => sinon.restore());

  it('gives what parsing gives here, the same prototypes, and frozen what is frozen', async () => {
    const here = parsePolicies(SOURCES);
    const there = await parseInThread(SOURCES, options);
    expect(there).to.deep.equal(here);
    const [mask] = there?.policies ?? [];
    expect(Object.isFrozen(mask?.applied)).to.equal(true);
    const valueOf = ([set]: readonly object[] = []): object => (set as { value: object }).value;
    expect(Object.getPrototypeOf(valueOf(mask?.operations))).to.equal(Object.getPrototypeOf(valueOf(here.policies[0]?.operations)));
    const literal = JSON.stringify(there?.policies[2]?.json);
    expect(literal).to.equal(JSON.stringify(here.policies[2]?.json)).and.to.contain('__proto__');
  });

  it('gives every problem, and policies however long they are', async () => {
    const bad = sourcesOf(`permit (\n@id("x") permit (principal, action, resource);@id("x") permit (principal, action, resource);`);
    expect(await parseInThread(bad, options)).to.deep.equal(parsePolicies(bad));
    const long = sourcesOf(
      `@id("a") permit (principal, action, resource) when { [${'1, '.repeat(3_000)}1].contains(context.input.a) };`.repeat(2),
    );
    expect(await parseInThread(long, { signal, background: true })).to.deep.equal(parsePolicies(long));
  });

  describe('gives nothing where no thread can be started', () => {
    const starts: Readonly<Record<string, () => Worker>> = {
      'the runtime refuses': () => {
        throw new Error('ERR_ACCESS_DENIED');
      },
      'its file is not there': () => new Worker(new URL('./none.js', import.meta.url)),
      'it ends before it runs': running(''),
    };
    for (const [why, start] of Object.entries(starts))
      it(why, async () => expect(await parseInThread(SOURCES, options, start)).to.equal(undefined));
  });

  describe('rejects with a ConfigError', () => {
    const RUNS = "require('node:worker_threads').parentPort.postMessage('running');";
    it('where the thread throws, with the cause', async () => {
      // an error may overtake a message, so that the thread waits until it is known to run
      const asked = `parentPort.once('message', () => { throw new Error('oom'); }); parentPort.postMessage({ policies: [] });`;
      const error = await rejection(
        parseInThread(SOURCES, options, running(`const { parentPort } = require('node:worker_threads'); ${RUNS} ${asked}`)),
      );
      expect(error).to.be.instanceOf(ConfigError).with.property('message').that.contains('ended without a result');
      expect(error).to.have.nested.property('cause.message', 'oom');
    });

    it('where the thread ends', async () => {
      const error = await rejection(parseInThread(SOURCES, options, running(`${RUNS} process.exit();`)));
      expect(error).to.be.instanceOf(ConfigError).with.property('message').that.contains('ended without a result');
    });

    it('where it takes more than a minute', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const thread = running(`${RUNS} setInterval(() => {}, 1000);`)();
      const terminated = sinon.spy(thread, 'terminate');
      const parsed = rejection(parseInThread(SOURCES, options, () => thread));
      clock.tick(60_000);
      expect(await parsed)
        .to.be.instanceOf(ConfigError)
        .with.property('message')
        .that.contains('within 60 seconds');
      expect(terminated.callCount).to.equal(1);
    });

    it('where it is stopped, and ends the thread', async () => {
      const stop = new AbortController();
      const thread = running(`${RUNS} setInterval(() => {}, 1000);`)();
      const ended = new Promise((resolve) => thread.once('exit', resolve));
      const parsed = rejection(parseInThread(SOURCES, { signal: stop.signal, background: false }, () => thread));
      stop.abort();
      expect(await parsed)
        .to.be.instanceOf(ConfigError)
        .with.property('message')
        .that.contains('were closed');
      await ended;
    });
  });
});
