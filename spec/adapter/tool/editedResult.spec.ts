import { expect } from 'chai';
import { editedResult } from '../../../lib/adapter/tool/editedResult.js';
import { ToolGuard } from '../../../lib/adapter/tool/ToolGuard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';

const CHANGED = ['/amount'];
const NOTE = { aegis: 'edited', changed: CHANGED };
const LINE = '{"aegis":"edited","changed":["/amount"]}';
const TEXT = { type: 'text', text: 'refunded' };

describe('The result of an edited call', () => {
  for (const [what, result, told] of [
    ['a text', 'refunded', `${LINE}\nrefunded`],
    ['blocks of content', [TEXT], [{ type: 'text', text: LINE }, TEXT]],
    ['a result of MCP', { content: [TEXT], isError: false }, { content: [{ type: 'text', text: LINE }, TEXT], isError: false }],
    ['data', { id: 1 }, { ...NOTE, result: { id: 1 } }],
    ['data with content of its own', { content: 'x' }, { ...NOTE, result: { content: 'x' } }],
    ['a list', [1], { ...NOTE, result: [1] }],
    ['an empty list', [], { ...NOTE, result: [] }],
    ['a number', 5, { ...NOTE, result: 5 }],
    ['null', null, { ...NOTE, result: null }],
    ['nothing', undefined, { ...NOTE, result: null }],
  ] as const)
    it(`says before ${what} where it was edited`, () => expect(editedResult(result, CHANGED)).to.deep.equal(told));

  it('is left alone where it is a stream, an object of a class or a function', () => {
    for (const result of [new ReadableStream(), new Map(), () => 1]) expect(editedResult(result, CHANGED)).to.equal(result);
  });

  it('is what the guard of a tool gives its model, with where it was edited; and of a call that no one edited, what the tool returned', async () => {
    const policies = `@id("ask") @effect("approval_needed") @editable("/amount") @editor_may_approve("true") forbid (principal, action, resource);
      @id("all") permit (principal, action, resource);`;
    const module = AegisModule.create({ policies: { text: policies }, agentId: 'agent' });
    const guard = new ToolGuard('frame', { module, approval: 'wait' }, true);
    for (const [edit, outcome] of [
      [{ set: { '/amount': 4 } }, { kind: 'ran', value: `${LINE}\nrefunded 4`, edited: CHANGED }],
      [undefined, { kind: 'ran', value: 'refunded 5' }],
    ] as const) {
      module.approvals.once('requested', ({ decisionId, digest }) => {
        void module.approvals.approve(decisionId, { by: 'bob', digest, ...(edit && { edit }) });
      });
      const call = guard.call(
        { name: 'refund', input: { amount: 5 }, context: {}, callId: 'c1' },
        (input) => `refunded ${(input as { amount: number }).amount}`,
      );
      expect(await call).to.deep.equal(outcome);
    }
    await module.close();
  });
});
