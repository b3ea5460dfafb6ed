import { expect } from 'chai';
import { counted } from '../support/assurance.js';
import { embeddedFlows } from './support/embeddedFlows.js';
import { remoteFlows } from './support/remoteFlows.js';
import { serviceFlows } from './support/serviceFlows.js';
import { type Sink, Sinks } from './support/sinks.js';
import { type Canary, CANARIES, canariesIn, OutputWatch } from '../support/outputCanaries.js';

// made when this file is loaded, which is before any spec runs; read when all have run
const watch = new OutputWatch();
after('no canary was printed by the whole suite', () => {
  watch.stop();
  const beside = { canaries: Object.keys(CANARIES).length };
  // `npm run assurance` runs a part of the suite, on several processes
  if (process.env['AEGIS_ASSURANCE'] === undefined)
    counted({ what: 'canaries in what the whole suite printed, by character', cases: watch.characters, wrong: watch.hits.length, beside });
  expect(watch.hits).to.deep.equal([]);
});

/** Where a canary belongs, because the docs say so. Everywhere else it is a leak: in a log, on standard output, in a module that is inspected. */
const ALLOWED: Partial<Record<Sink, { readonly canaries: readonly Canary[]; readonly because: string }>> = {
  desk: {
    canaries: ['param', 'nestedParam', 'paramKey', 'session', 'requester', 'approverReason'],
    because: 'approvers see the whole call, and what others said of it (docs/approvals.md)',
  },
  terminal: {
    canaries: ['param', 'nestedParam', 'paramKey', 'session', 'requester'],
    because: 'the approver at the terminal sees the whole call (docs/approvals.md)',
  },
  tasks: {
    canaries: ['param', 'nestedParam', 'paramKey', 'session', 'requester', 'metadata', 'result', 'methodError', 'approverReason'],
    because: 'a task holds the call, its result, or a summary of its error (docs/approvals.md)',
  },
  error: {
    canaries: ['methodError', 'approverReason', 'wireMessage', 'paramKey'],
    because: "a method's own error is passed on; a refusal, and a Data Plane's error, come with their message; places have names (docs/errors.md)", // prettier-ignore
  },
  cause: {
    canaries: ['serviceError'],
    because: "what a program's own service threw is the cause of `service_threw` (docs/errors.md)",
  },
  'inspected error': {
    canaries: ['methodError', 'approverReason', 'wireMessage', 'paramKey', 'serviceError'],
    because: 'inspection shows the message and the cause',
  },
  diagnostics: {
    canaries: ['serviceError'],
    because: "name and message of what a program's own callback threw (docs/guide.md)",
  },
};

describe('Canaries', () => {
  it('are found plain, in base64, in hexadecimal, in bytes and in two pieces', () => {
    for (const [name, canary] of Object.entries(CANARIES)) {
      const bytes = Buffer.from(`key=${canary};`);
      const shown = [canary, `"${canary}"`, canary.toUpperCase(), bytes.toString('base64'), bytes.toString('hex'), [...bytes].join(',')];
      for (const text of shown) expect(canariesIn(`before ${text} after`), text).to.deep.equal([name]);
    }
    expect(canariesIn(Object.keys(CANARIES).join())).to.deep.equal([]);
    expect(new Set(Object.values(CANARIES)).size).to.equal(20);
  });

  it('are seen where they belong, and nowhere else', async function () {
    this.timeout(60_000);
    const sinks = new Sinks();
    let told: string;
    try {
      await embeddedFlows(sinks);
      await serviceFlows(sinks);
      told = await remoteFlows(sinks);
    } finally {
      sinks.close();
    }
    const belong = new Set(Object.entries(ALLOWED).flatMap(([sink, { canaries }]) => canaries.map((canary) => `${canary} in ${sink}`)));
    const leaks = [...sinks.found].filter(([place]) => !belong.has(place));
    const texts = [...sinks.texts.values()].reduce((sum, n) => sum + n, 0);
    counted({ what: '20 canaries in what comes out of the library', cases: texts, wrong: leaks.length, beside: Object.fromEntries(sinks.texts) }); // prettier-ignore
    expect(Object.fromEntries(leaks)).to.deep.equal({});
    // each place was really reached: nothing is allowed for nothing, no way out was silent, and the key was in use
    expect([...belong].filter((place) => !sinks.found.has(place))).to.deep.equal([]);
    expect(sinks.texts.size).to.equal(12);
    expect(canariesIn(told)).to.include.members(['apiKey', 'envApiKey', 'param', 'nestedParam', 'paramKey', 'session', 'requester']);
  });
});
