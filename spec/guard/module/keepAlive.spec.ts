import { expect } from 'chai';
import { runInChild } from '../../support/runInChild.js';

const LIB = new URL('../../../lib/index.js', import.meta.url).href;

/** A program that awaits an approval at its top level. No one decides, and after a while the program ends itself, if it still lives. */
const program = (keepAlive: boolean, afterMs: number): string => `
  const { AegisModule, guard } = await import('${LIB}');
  const text = '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") forbid (principal, action, resource);';
  const aegis = AegisModule.create({ policies: { text }, agentId: 'agent', keepAlive: ${keepAlive} });
  const drop = guard(async () => 'dropped', { toolName: 'drop', module: aegis });
  const pending = await drop();
  setTimeout(() => process.exit(7), ${afterMs}).unref();
  await pending.completed;`;

describe('A program that awaits an approval at its top level', () => {
  it('waits while approvals keep it alive', async () => {
    expect((await runInChild(program(true, 300))).code).to.equal(7);
  });

  it('is ended by Node with code 13 where nothing keeps it alive, as the docs say', async () => {
    expect((await runInChild(program(false, 8_000))).code).to.equal(13);
  });
});
