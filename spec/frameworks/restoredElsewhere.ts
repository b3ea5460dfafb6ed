import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { AegisModule } from 'aegislib';
import { counted } from './counted.js';
import { POLICIES } from './mail.js';

/** What a process of {@link restoredElsewhere} is told to do; it answers with one line of JSON. */
export type Errand =
  | { readonly do: 'ask'; readonly store: string }
  | { readonly do: 'resume'; readonly store: string; readonly state: unknown; readonly approved: boolean };

/** What it answers: to `ask` the framework's own state, to `resume` how often the tool ran. */
export interface Answered {
  readonly state?: unknown;
  readonly runs: number;
}

/** The body of the program that runs an errand: call it at the end of a file of its own. */
export async function runErrand(run: (errand: Errand, module: AegisModule) => Promise<Answered>): Promise<void> {
  const errand = JSON.parse(process.argv[2] as string) as Errand;
  const module = storedModule(errand.store);
  const answer = await run(errand, module);
  // killed, not closed: what is pending has to survive it
  process.stdout.write(`\n${JSON.stringify(answer)}\n`, () =>
    errand.do === 'ask' ? process.kill(process.pid, 'SIGKILL') : process.exit(),
  );
}

function storedModule(store: string): AegisModule {
  return AegisModule.create({ policies: { text: POLICIES }, agentId: 'mailer', store, recovery: { leaseMs: 1_000, sweepMs: 100 } });
}

/** A framework's own interruption, written down, and gone on with in another process: only our approval lets the tool run, once. */
export function restoredElsewhere(framework: string, program: URL): void {
  describe(`An interrupted run of ${framework}, gone on with in another process`, function () {
    this.timeout(60_000);
    let folder: string;
    let store: string;
    let played = 0;
    before(function () {
      if (process.getBuiltinModule?.('node:sqlite') === undefined) this.skip();
    });
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'aegis-restored-'));
      store = join(folder, 'aegis.db');
      played += 1;
    });
    afterEach(() => rmSync(folder, { recursive: true }));
    after(function () {
      const wrong = this.test?.parent?.tests.filter((test) => test.state === 'failed').length ?? 0;
      if (played > 0) counted({ what: `restored in another process: ${framework}`, cases: played, wrong });
    });

    const send = async (errand: Errand): Promise<Answered> => {
      const args = ['--disable-warning=ExperimentalWarning', program.pathname, JSON.stringify(errand)];
      const { stdout } = await promisify(execFile)(process.execPath, args).catch(
        (error: { stdout: string; stderr: string; signal?: string }) => {
          if (error.signal === 'SIGKILL') return error;
          throw new Error(`${error.stdout}${error.stderr}`);
        },
      );
      return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Answered;
    };
    const decide = async (verdict: 'approve' | 'deny'): Promise<void> => {
      await using module = storedModule(store);
      await module.ready();
      const [request, ...others] = await module.approvals.list();
      expect([request === undefined, others]).to.deep.equal([false, []]);
      await module.approvals[verdict](request?.decisionId as string, { by: 'ann', digest: request?.digest as string });
    };

    it('runs once what our desk approved', async () => {
      const { state, runs } = await send({ do: 'ask', store });
      expect(runs).to.equal(0);
      await decide('approve');
      expect((await send({ do: 'resume', store, state, approved: true })).runs).to.equal(1);
      expect((await send({ do: 'resume', store, state, approved: true })).runs, 'a second time').to.equal(0);
    });

    it('runs nothing that only the framework was told yes for', async () => {
      const { state } = await send({ do: 'ask', store });
      expect((await send({ do: 'resume', store, state, approved: true })).runs).to.equal(0);
    });

    it('runs nothing that was refused, at our desk or there', async () => {
      const { state } = await send({ do: 'ask', store });
      expect((await send({ do: 'resume', store, state, approved: false })).runs).to.equal(0);
      const other = await send({ do: 'ask', store: join(folder, 'other.db') });
      store = join(folder, 'other.db');
      await decide('deny');
      expect((await send({ do: 'resume', store, state: other.state, approved: true })).runs).to.equal(0);
    });
  });
}
