import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { DecisionService } from '../../lib/decision/DecisionService.js';
import { forwardingService } from '../../lib/decision/forwardingService.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { guard } from '../../lib/guard/guard.js';
import { RecordingDecisionService } from '../../lib/testing/RecordingDecisionService.js';

/** The members of the port, as its source has them. */
function portMembers(): readonly string[] {
  const source = readFileSync('lib/decision/DecisionService.ts', 'utf8');
  const [, body = ''] = /export interface DecisionService \{\n([^]*?)\n\}/.exec(source) ?? [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:<]/gm)].map(([, name = '']) => name);
}

/** A service with all the members of the port, each of which answers with its name, its `this` and its arguments. */
class Everything {
  static make(): { service: DecisionService; raw: Everything } {
    const raw = new Everything();
    return { service: raw as unknown as DecisionService, raw };
  }
}
for (const name of portMembers())
  Object.defineProperty(Everything.prototype, name, {
    writable: true,
    configurable: true,
    value: function (this: unknown, ...args: unknown[]) {
      return { name, self: this, args };
    },
  });

type Anything = Record<string, (...args: unknown[]) => unknown>;

describe('forwardingService', () => {
  it('is checked with the whole port', () => {
    expect(portMembers()).to.include.members(['decide', 'status', 'consume', 'reevaluate', 'watch', 'close']);
    expect(portMembers()).to.have.length.above(9);
  });

  for (const name of portMembers()) {
    it(`forwards ${name}, bound to the inner service`, () => {
      const { service, raw } = Everything.make();
      const wrapped = forwardingService(service) as unknown as Anything;
      expect(wrapped[name]?.('a', 2)).to.deep.equal({ name, self: raw, args: ['a', 2] });
      const detached = wrapped[name];
      expect(detached?.()).to.include({ self: raw });
    });

    it(`has no ${name} where the inner service has none`, () => {
      const others = Object.fromEntries(
        portMembers()
          .filter((member) => member !== name)
          .map((member) => [member, () => member]),
      );
      const wrapped = forwardingService(others as unknown as DecisionService);
      expect(name in wrapped).to.equal(false);
      expect(Object.keys(wrapped)).to.have.members(Object.keys(others));
    });

    it(`takes another ${name}, bound to where it came from, and forwards the rest`, () => {
      const { service, raw } = Everything.make();
      class Overrides {}
      Object.defineProperty(Overrides.prototype, name, {
        value: function (this: unknown) {
          return this;
        },
      });
      const overrides = new Overrides();
      const wrapped = forwardingService(service, overrides) as unknown as Anything;
      expect(wrapped[name]?.()).to.equal(overrides);
      // the inner dry run would not tell what another decide answers
      const stale = name === 'decide' ? ['dryRun'] : [];
      for (const other of portMembers().filter((member) => member !== name && !stale.includes(member)))
        expect(wrapped[other]?.()).to.include({ self: raw });
      for (const other of stale) expect(other in wrapped).to.equal(false);
    });

    it(`forwards ${name} also where the override is undefined, so that none is dropped by accident`, () => {
      const { service, raw } = Everything.make();
      const wrapped = forwardingService(service, { [name]: undefined }) as unknown as Anything;
      expect(wrapped[name]?.()).to.include({ self: raw });
    });

    it(`calls a ${name} that was replaced after the wrapping`, () => {
      const { service, raw } = Everything.make();
      const wrapped = forwardingService(service) as unknown as Anything;
      (raw as unknown as Anything)[name] = () => 'replaced';
      expect(wrapped[name]?.()).to.equal('replaced');
    });
  }

  it('refuses a method that no decision service has, and takes what else an object of overrides has', () => {
    const { service } = Everything.make();
    const refused = (overrides: object): string => {
      try {
        forwardingService(service, overrides);
      } catch (error) {
        return `${(error as Error).name}: ${(error as Error).message}`;
      }
      return 'taken';
    };
    for (const [name, meant] of [
      ['consumed', 'consume'],
      ['Decide', 'decide'],
      ['reEvaluate', 'reevaluate'],
      ['dryrun', 'dryRun'],
    ] as const)
      expect(refused({ [name]: () => true })).to.match(new RegExp(`^ConfigError: .*\\b${name}\\b.*did you mean '?${meant}\\b`, 'is'));
    for (const name of ['cache', 'toString', '__proto__'])
      expect(refused(JSON.parse(`{"${name}":null}`, (_key, value: unknown) => value ?? (() => true)) as object)).to.match(
        /^ConfigError: .*is not a method of a decision service\./s,
      );
    expect(refused({ cache: new Map(), retries: 3, decide: undefined })).to.equal('taken');
  });

  it('keeps one-time use of an approval behind a wrapper, and behind two', async () => {
    const uses: string[] = [];
    const inner: DecisionService = {
      decide: () => ({ effect: 'approval_needed', decisionId: 'd' }),
      status: (decisionId) => ({ decisionId, state: 'approved' }),
      consume({ token }) {
        uses.push(token);
        return uses.length > 1;
      },
    };
    for (const decisions of [forwardingService(inner), new RecordingDecisionService(forwardingService(inner))]) {
      uses.length = 0;
      let runs = 0;
      await using aegis = AegisModule.create({ decisions, agentId: 'bot' });
      const call = guard(async () => (runs += 1), { module: aegis, toolName: 'pay', approval: 'wait' });
      const error = await call().then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      expect([error?.name, runs, uses.length]).to.deep.equal(['ForbiddenError', 0, 1]);
    }
  });
});
