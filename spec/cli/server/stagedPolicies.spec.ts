import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRunFile } from '../../../lib/cli/server/RunFile.js';
import type { JournalEvent } from '../../../lib/model/Journal.js';
import { makeStateKey } from '../../../lib/server/config/stateKey.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { failureOf, runAegis } from '../runAegis.js';

const ALL = '@id("all") permit (principal, action, resource);';
const DROP = '@id("drop") forbid (principal, action == Aegis::Action::"drop", resource);';
const watched = (): string =>
  `@id("w") @effect("approval_needed") @observe("true") @observe_until("${new Date(Date.now() + 3_600_000).toISOString()}") forbid (principal, action == Aegis::Action::"pay", resource);`;

describe('aegis policies', function () {
  this.timeout(20_000);
  let folder: string;
  let plane: DataPlane;
  let url: string;
  const events: JournalEvent[] = [];
  const run = (...args: string[]) => runAegis(['policies', ...args, '--data', folder]);
  const fail = (...args: string[]) => failureOf(['policies', ...args, '--data', folder]);
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, '..', name), text);
    return join(folder, '..', name);
  };

  beforeEach(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'aegis-staged-')), 'project', '.aegis');
    mkdirSync(folder, { recursive: true });
    process.env['XDG_CONFIG_HOME'] = join(folder, '..', '..', 'config');
    const { key: stateKey } = makeStateKey(process.env, folder);
    events.length = 0;
    const journal = { note: (event: JournalEvent) => void events.push(event) };
    plane = createDataPlane({ policies: { text: ALL + DROP + watched() }, store: new MemoryStateStore(), stateKey, journal });
    ({ url } = await plane.listen({ port: 0 }));
    await plane.ready();
    writeRunFile(folder, { pid: process.pid, url, store: 'memory' });
  });
  afterEach(async () => {
    delete process.env['XDG_CONFIG_HOME'];
    await plane.close({ idleMs: 0, graceMs: 1_000 });
    rmSync(join(folder, '..', '..'), { recursive: true });
  });

  const call = async (tool: string): Promise<void> => {
    const key = (await plane.createKey({ name: 'spec', scopes: ['decide'] })).key.reveal();
    const body = JSON.stringify({ agent_id: 'bot', tool: { name: tool, params: {} }, session: null });
    const answer = await fetch(`${url}/v1/decision`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body,
    });
    expect(answer.status).to.equal(200);
    await answer.text();
  };

  it('stage, show, promote: from a file to the policies in force, with who did it', async () => {
    expect((await run('staged')).stdout).to.equal('no policies are staged\n');
    const { stdout } = await run('stage', file('looser.cedar', ALL), '--sample', '1');
    const hash = /^staged ([0-9a-f]{64})\n$/.exec(stdout)?.[1] as string;
    for (const tool of ['drop', 'drop', 'read', 'pay']) await call(tool);
    const shown = await run('staged');
    expect(shown.stdout.split('\n').slice(1, 4)).to.deep.equal([
      'how            calls  tool  effect         policies',
      'newly allowed  2      drop  deny -> allow  drop -> all',
      '4 calls compared: 2 newly allowed, 0 asks fewer, 0 milder, 0 changed, 0 stricter',
    ]);
    expect(shown.stdout).to.match(new RegExp(`^staged ${hash}, compared since `));
    expect(shown.stdout).to.contain('watched w: it would have asked about 1 call of pay; it asks from ');
    expect((await run('staged', '--fail-on', 'newly-allowed')).code).to.equal(1);
    expect(JSON.parse((await run('staged', '--json')).stdout)).to.have.nested.property('staged.compared', 4);

    expect(await fail('promote', hash)).to.contain('4 calls were compared, and 1000 are demanded');
    const held = await run('promote', hash.slice(0, 8), '--min-decisions', '4', '--max-newly-allowed', '2');
    expect(held.code).to.equal(1);
    expect(held.stdout).to.contain('[drop] removed').and.contain(`held ${hash}`);

    const stricter = await run('stage', file('stricter.cedar', `${ALL}${DROP}${watched()}`.replace('"drop")', '"drop") @reason("no")') + DROP.replace('"drop"', '"more"')), '--json'); // prettier-ignore
    const next = (JSON.parse(stricter.stdout) as { hash: string }).hash;
    const promoted = await run('promote', next, '--min-decisions', '0', '--json');
    expect(promoted).to.deep.include({ code: 1, stderr: '' });
    expect(await fail('promote', hash)).to.contain('have another hash');
  });

  it('put stricter policies in force at once, and say that their files have to follow', async () => {
    await run('stage', file('same.cedar', `${ALL}${DROP}${DROP.replace('"drop"', '"more"').replace('"drop"', '"more"')}`));
    await run('drop', 'x'.repeat(64)).then(({ code }) => expect(code).to.equal(2));
    const { stdout } = await run(
      'stage',
      file('next.cedar', `${ALL}${DROP}@id("w") forbid (principal, action == Aegis::Action::"pay", resource);`),
    );
    const promoted = await run('promote', stdout.slice(7, 15), '--min-decisions', '0');
    expect(promoted.code).to.equal(0);
    expect(promoted.stdout).to.match(/^in force [0-9a-f]{64}\nPut their files in the place/);
    expect(events.at(-1))
      .to.include({ kind: 'policies' })
      .and.to.have.property('by')
      .that.matches(/^host:/);
    expect((await run('staged')).stdout).to.contain('no policies are staged');
  });

  it('drop what is staged', async () => {
    const { stdout } = await run('stage', file('looser.cedar', ALL));
    const hash = stdout.slice(7).trim();
    expect((await run('drop', hash)).stdout).to.equal(`dropped ${hash}\n`);
    await run('stage', file('looser.cedar', ALL));
    expect(JSON.parse((await run('drop', hash, '--json')).stdout)).to.deep.equal({ dropped: hash });
    expect(await fail('drop', hash)).to.contain('no policies are staged');
  });

  it('say what is wrong', async () => {
    const broken = await run('stage', file('broken.cedar', 'permit (principal);'));
    expect(broken.code).to.equal(1);
    expect(broken.stdout).to.match(/^broken\.cedar:1:\d+: error: /);
    expect(await fail('stage', join(folder, 'none'))).to.contain('no such file');
    expect(await fail('stage', file('a.cedar', ALL), '--sample', 'half')).to.contain('--sample must be a number');
    expect(await fail('stage', file('a.cedar', ALL), '--sample', '2')).to.contain('answered 400');
    expect(await fail('promote', 'abc')).to.contain('no policies are staged');
    await run('stage', file('a.cedar', ALL));
    expect(await fail('promote', 'abc')).to.contain('first eight digits');
    expect(await fail('promote', 'abcabcabc', '--min-decisions', '-1')).to.contain('--min-decisions');
    expect(await fail('staged', '--fail-on', 'x')).to.contain('--fail-on must be one of');
    await plane.close({ idleMs: 0, graceMs: 1_000 });
    expect(await fail('staged')).to.contain('does not answer');
    rmSync(join(folder, 'server.json'));
    expect(await fail('staged')).to.contain('no server runs here, and one must run for this');
  });
});
