import { rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';
import { join } from 'node:path';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import sinon from 'sinon';
import { silentLogger } from '../../../lib/common/Logger.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { ReloadablePolicies, type ReloadResult } from '../../../lib/policy/live/ReloadablePolicies.js';
import { preparsedSets } from '../../../lib/policy/wasm/PreparsedSets.js';
import { callOf, PERMIT_ALL, withFolder } from '../../support/policyCalls.js';

const NO = '@id("no") @reason("no") forbid (principal, action, resource) when { context.input.a == 1 };';
const NO2 = NO.replace('a == 1', 'a == 1 || context.input.a == 2');
const GONE = { id: 'no', file: 'b.cedar', how: 'removed', message: 'the policy is gone' };
const effects = (live: ReloadablePolicies): string[] => [0, 1, 2].map((a) => live.engine.evaluate(callOf({ a })).effect);

/** Does something once while a new set is compared with the one in force. */
function whileCompared(live: ReloadablePolicies, act: () => void): void {
  const first = live.engine.policies[0] as Policy;
  const { id } = first;
  Object.defineProperty(first, 'id', {
    get: () => {
      Object.defineProperty(first, 'id', { value: id });
      act();
      return id;
    },
    configurable: true,
  });
}

describe('ReloadablePolicies', () => {
  it('takes policies from text, a file or a folder', () =>
    withFolder({ 'a.cedar': PERMIT_ALL, 'b.cedar': NO }, async (path) => {
      expect(effects(new ReloadablePolicies({ source: path }))).to.deep.equal(['allow', 'deny', 'allow']);
      expect(effects(new ReloadablePolicies({ source: join(path, 'a.cedar') }))).to.deep.equal(['allow', 'allow', 'allow']);
      expect(effects(new ReloadablePolicies({ source: { text: NO } }))).to.deep.equal(['deny', 'deny', 'deny']);
    }));

  it('throws a ConfigError at the start', () => {
    expect(() => new ReloadablePolicies({ source: '/nowhere/at/all', watch: true })).to.throw(ConfigError);
    expect(() => new ReloadablePolicies({ source: { text: 'nonsense' } })).to.throw(ConfigError);
  });

  it('reloads, and leaves whoever holds the old engine with the old policies', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      const live = new ReloadablePolicies({ source: path });
      const { engine } = live;
      write('a.cedar', PERMIT_ALL + NO2);
      const result = await live.reload();
      expect(result).to.deep.equal({ status: 'applied', hash: live.engine.hash });
      expect(effects(live)).to.deep.equal(['allow', 'deny', 'deny']);
      expect(engine.evaluate(callOf({ a: 2 })).effect).to.equal('allow');
      expect((await live.reload()).status).to.equal('unchanged');
    }));

  it('keeps the last good policies when the new ones are bad, gone or empty', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      const live = new ReloadablePolicies({ source: path });
      const { hash } = live.engine;
      const breakers = [
        () => write('a.cedar', 'permit ('),
        () => write('a.cedar', '// all gone'),
        () => rmSync(join(path, 'a.cedar')),
        () => rmSync(path, { recursive: true }),
      ];
      for (const breakIt of breakers) {
        breakIt();
        const result = await live.reload();
        expect(result).to.include({ status: 'failed', hash });
        expect(result).to.have.property('error').that.is.instanceOf(ConfigError);
        expect(effects(live)).to.deep.equal(['allow', 'deny', 'allow']);
      }
    }));

  it('keeps the last good policies, and says so by a ConfigError, when something else goes wrong', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      sinon.stub(threads, 'Worker').throws(new Error('ERR_ACCESS_DENIED'));
      syncBuiltinESMExports();
      const cause = new Error('from the logger');
      const info = (): never => {
        throw cause;
      };
      const live = new ReloadablePolicies({ source: path, logger: { ...silentLogger, info } });
      write('a.cedar', PERMIT_ALL + NO2 + '// longer than what is parsed here\n'.repeat(1_000));
      const result = await live.reload();
      sinon.restore();
      syncBuiltinESMExports();
      expect(result).to.include({ status: 'failed', hash: live.engine.hash });
      expect(result).to.have.property('error').that.is.instanceOf(ConfigError).with.property('cause', cause);
      expect(result).to.have.nested.property('error.problems[0].message', 'The policies cannot be loaded; see the cause of this error.');
      expect(effects(live)).to.deep.equal(['allow', 'deny', 'allow']);
    }));

  it('does not take roles from an object that changed after the start', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      const agents: Record<string, { roles: string[] }> = { bot: { roles: [] } };
      const live = new ReloadablePolicies({ source: path, agents });
      agents['bot']?.roles.push('lead');
      write('a.cedar', `${PERMIT_ALL}${NO}@id("leads") forbid (principal in Aegis::Role::"lead", action, resource);`);
      expect((await live.reload()).status).to.equal('applied');
      expect(effects(live)).to.deep.equal(['allow', 'deny', 'allow']);
    }));

  describe('a reload that drops a forbid', () => {
    it('is held until it is confirmed by its hash', () =>
      withFolder({ 'a.cedar': PERMIT_ALL, 'b.cedar': NO }, async (path) => {
        const live = new ReloadablePolicies({ source: path });
        rmSync(join(path, 'b.cedar'));
        const result = await live.reload();
        expect(result).to.deep.include({ status: 'held', loosened: [GONE] });
        expect(live.pending).to.deep.equal({ hash: result.hash, loosened: [GONE] });
        expect(effects(live)).to.deep.equal(['allow', 'deny', 'allow']);
        expect(live.confirm(live.engine.hash)).to.equal(false);
        expect(effects(live)).to.deep.equal(['allow', 'deny', 'allow']);
        expect(live.confirm(result.hash)).to.equal(true);
        expect(effects(live)).to.deep.equal(['allow', 'allow', 'allow']);
        expect([live.pending, live.confirm(result.hash)]).to.deep.equal([undefined, false]);
      }));

    it('is forgotten when the forbid comes back, or when newer policies were read', () =>
      withFolder({ 'a.cedar': PERMIT_ALL, 'b.cedar': NO }, async (path, write) => {
        const live = new ReloadablePolicies({ source: path });
        write('b.cedar', '');
        const first = await live.reload();
        write('b.cedar', '@id("other") permit (principal, action, resource);');
        expect((await live.reload()).status).to.equal('held');
        expect(live.confirm(first.hash)).to.equal(false);
        write('b.cedar', NO2);
        expect((await live.reload()).status).to.equal('applied');
        expect(live.pending).to.equal(undefined);
      }));

    it('is taken at once where the program says so', () =>
      withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
        const live = new ReloadablePolicies({ source: path, onLoosened: 'accept' });
        write('a.cedar', PERMIT_ALL);
        expect((await live.reload()).status).to.equal('applied');
        expect(effects(live)).to.deep.equal(['allow', 'allow', 'allow']);
      }));

    it('stays held when a bad set is read after it', () =>
      withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
        const live = new ReloadablePolicies({ source: path });
        write('a.cedar', PERMIT_ALL);
        const { hash } = await live.reload();
        write('a.cedar', 'permit (');
        expect((await live.reload()).status).to.equal('failed');
        expect(live.pending?.hash).to.equal(hash);
      }));
  });

  it('tells every reload to the callback and the logger; a callback that throws changes nothing', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      const told: string[] = [];
      const thrown: unknown[] = [];
      const listen = (message: unknown): void => void thrown.push(message);
      subscribe('aegis:diagnostics', listen);
      const log = (level: string) => (): void => void told.push(level);
      const live = new ReloadablePolicies({
        source: path,
        logger: { ...silentLogger, info: log('info'), warn: log('warn'), error: log('error') },
        onReload: ({ status }) => {
          told.push(status);
          throw new Error('from the program');
        },
      });
      for (const text of [PERMIT_ALL + NO2, 'permit (', PERMIT_ALL]) {
        write('a.cedar', text);
        await live.reload();
      }
      live.confirm(live.pending?.hash ?? '');
      unsubscribe('aegis:diagnostics', listen);
      expect(told).to.deep.equal(['info', 'applied', 'error', 'failed', 'warn', 'held', 'info', 'applied']);
      expect(thrown).to.have.length(4);
    }));

  it('says once that no thread can be started, and is unchanged where only the files are other ones', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      sinon.stub(threads, 'Worker').throws(new Error('ERR_ACCESS_DENIED'));
      syncBuiltinESMExports();
      try {
        const lines: string[] = [];
        const live = new ReloadablePolicies({ source: path, logger: { ...silentLogger, info: (_, line) => void lines.push(line) } });
        const note = '// longer than what is parsed here\n'.repeat(1_000);
        for (const text of [note + PERMIT_ALL + NO, PERMIT_ALL + note + NO]) {
          write('a.cedar', text);
          expect((await live.reload()).status).to.equal('unchanged');
        }
        expect(lines.filter((line) => line.startsWith('No thread'))).to.have.length(1);
      } finally {
        sinon.restore();
        syncBuiltinESMExports();
      }
    }));

  it('leaves nothing behind in cedar-wasm', () =>
    withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
      const before = preparsedSets.size;
      const live = new ReloadablePolicies({ source: path, verify: 1 });
      for (let i = 0; i < 20; i++) {
        write('a.cedar', `${PERMIT_ALL}@id("p${i}") permit (principal, action, resource);`);
        await live.reload();
        effects(live);
      }
      expect(preparsedSets.size).to.equal(before + 1);
      live.close();
      expect(preparsedSets.size).to.equal(before);
    }));

  it('drops a held reload when it is closed, and what that holds in cedar-wasm', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      const before = preparsedSets.size;
      const live = new ReloadablePolicies({ source: path, verify: 1 });
      write('a.cedar', PERMIT_ALL);
      const { hash } = await live.reload();
      live.close();
      expect([live.pending, live.confirm(hash)]).to.deep.equal([undefined, false]);
      expect(preparsedSets.size).to.equal(before);
      expect(effects(live)).to.deep.equal(['allow', 'deny', 'allow']);
      live.close();
    }));

  it('watches the folder when asked, and stops when closed', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      const results: ReloadResult[] = [];
      let live: ReloadablePolicies | undefined;
      const reloaded = new Promise<void>((resolve) => {
        live = new ReloadablePolicies({
          source: path,
          watch: true,
          onReload: (result) => {
            results.push(result);
            if (result.status === 'applied') resolve();
          },
        });
      });
      write('b.cedar', '@id("new") forbid (principal, action, resource) when { context.input.a == 2 };');
      await reloaded;
      expect(effects(live as ReloadablePolicies)).to.deep.equal(['allow', 'deny', 'deny']);
      live?.close();
    }));

  it('notes each set that comes into force in the journal, and no other', () =>
    withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
      const events: JournalEvent[] = [];
      const live = new ReloadablePolicies({ source: path, journal: { note: (event) => void events.push(event) } });
      const first = live.engine.hash;
      expect(events).to.deep.equal([{ kind: 'policies', hash: first }]);
      await live.reload();
      write('a.cedar', 'nonsense');
      await live.reload();
      write('a.cedar', PERMIT_ALL);
      expect((await live.reload()).status).to.equal('held');
      expect(events).to.have.length(1);
      live.confirm(live.pending?.hash ?? '');
      const second = live.engine.hash;
      write('a.cedar', PERMIT_ALL + NO2);
      await live.reload();
      expect(events.slice(1)).to.deep.equal([
        { kind: 'policies', hash: second, previousHash: first },
        { kind: 'policies', hash: live.engine.hash, previousHash: second },
      ]);
      expect(events.every((event) => Object.isFrozen(event))).to.equal(true);
    }));

  it('is told of by no journal where the first set does not load', () => {
    const events: JournalEvent[] = [];
    const journal = { note: (event: JournalEvent) => void events.push(event) };
    expect(() => new ReloadablePolicies({ source: { text: 'nonsense' }, journal })).to.throw(ConfigError);
    expect(events).to.deep.equal([]);
  });

  it('takes a set into force although the journal throws, and reports that', () =>
    withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
      const reported: unknown[] = [];
      const listen = (message: unknown): void => void reported.push(message);
      subscribe('aegis:diagnostics', listen);
      try {
        const note = (): never => {
          throw new Error('full');
        };
        const live = new ReloadablePolicies({ source: path, journal: { note } });
        write('a.cedar', PERMIT_ALL + NO);
        expect((await live.reload()).status).to.equal('applied');
        expect(effects(live)).to.deep.equal(['allow', 'deny', 'allow']);
      } finally {
        unsubscribe('aegis:diagnostics', listen);
      }
      expect(reported).to.have.length(2);
      for (const message of reported) expect(message).to.include({ kind: 'callback', where: 'journal.note' });
    }));

  describe('several reloads at once', () => {
    it('run one after the other, and one that has not begun is for all who ask', () =>
      withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
        const told: string[] = [];
        const live = new ReloadablePolicies({ source: path, onReload: ({ status }) => told.push(status) });
        const first = live.reload();
        const same = live.reload();
        await Promise.resolve();
        await Promise.resolve();
        write('a.cedar', PERMIT_ALL + NO);
        const second = live.reload();
        expect(first).to.equal(same).and.not.equal(second);
        expect((await second).status).to.equal('applied');
        await first;
        expect(told.at(-1)).to.equal('applied');
        expect(told).to.have.length(2);
      }));

    it('compare with a set that was confirmed meanwhile', () =>
      withFolder({ 'a.cedar': PERMIT_ALL + NO }, async (path, write) => {
        const live = new ReloadablePolicies({ source: path });
        write('a.cedar', PERMIT_ALL);
        const { hash } = await live.reload();
        let confirmed = false;
        whileCompared(live, () => (confirmed = live.confirm(hash)));
        write('a.cedar', PERMIT_ALL + NO2.replace('no', 'other'));
        // the set that was confirmed has no forbid: nothing is looser than that
        expect((await live.reload()).status).to.equal('applied');
        expect(confirmed).to.equal(true);
        expect(effects(live)).to.deep.equal(['allow', 'deny', 'deny']);
      }));
  });

  describe('once closed', () => {
    it('are not read again', () =>
      withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
        const told: string[] = [];
        const live = new ReloadablePolicies({ source: path, onReload: ({ status }) => told.push(status) });
        live.close();
        write('a.cedar', PERMIT_ALL + NO);
        const result = await live.reload();
        expect(result).to.include({ status: 'failed', hash: live.hash });
        expect(result).to.have.nested.property('error.message').that.contains('were closed');
        expect([told, effects(live)]).to.deep.equal([[], ['allow', 'allow', 'allow']]);
      }));

    it('take no set into force that was being compared', () =>
      withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
        const live = new ReloadablePolicies({ source: path });
        write('a.cedar', PERMIT_ALL + NO);
        whileCompared(live, () => live.close());
        expect(await live.reload()).to.include({ status: 'failed', hash: live.hash });
        expect(effects(live)).to.deep.equal(['allow', 'allow', 'allow']);
      }));

    it('also end a reload that runs, with its thread', () =>
      withFolder({ 'a.cedar': PERMIT_ALL }, async (path, write) => {
        const live = new ReloadablePolicies({ source: path });
        write('a.cedar', `${PERMIT_ALL}${NO}${'// longer than what is parsed here\n'.repeat(1_000)}`);
        const started = new Promise<void>((resolve) => {
          const { Worker } = threads;
          sinon.stub(threads, 'Worker').callsFake(function (...args: ConstructorParameters<typeof Worker>) {
            resolve();
            return new Worker(...args);
          } as never);
          syncBuiltinESMExports();
        });
        const reloaded = live.reload();
        try {
          await started;
          live.close();
          expect(await reloaded).to.include({ status: 'failed' });
        } finally {
          sinon.restore();
          syncBuiltinESMExports();
        }
        expect(effects(live)).to.deep.equal(['allow', 'allow', 'allow']);
      }));
  });
});
