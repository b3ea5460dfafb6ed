import { expect } from 'chai';
import { EventHubs } from '../../../lib/server/push/EventHubs.js';
import { haltLine } from '../../../lib/server/push/haltLine.js';
import { tenantOf } from '../tenantSetup.js';

const ORDER = { by: 'ann', reason: 'CANARY it runs wild' };

describe('News of halts', () => {
  /** What a listener hears up to the first piece in which something is. */
  const listening = (hub: ReturnType<EventHubs['of']>) => {
    const controller = new AbortController();
    const reader = hub.subscribe({ covers: (agentId) => agentId === 'bot', signal: controller.signal })[Symbol.asyncIterator]();
    return {
      close: () => controller.abort(),
      async heard(what: string): Promise<string> {
        let text = '';
        while (!text.includes(what)) {
          const { value, done } = await reader.next();
          if (done === true) break;
          text += value as string;
        }
        return text;
      },
    };
  };
  const events = (text: string): readonly (readonly [string, unknown])[] =>
    [...text.matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, type = '', data = '']) => [type, JSON.parse(data)] as const);

  it('tell people what is halted from now on: names, and neither who ordered it nor why', async () => {
    const tenant = tenantOf();
    const hubs = new EventHubs();
    const people = listening(hubs.ofPeople(tenant) as never);
    const { id } = await tenant.halts.halt({ agentId: 'bot' }, ORDER);
    const text = await people.heard('event: halts');
    expect(events(text)).to.deep.equal([['halts', { halted: 'agent bot' }]]);
    await tenant.halts.halt({ toolName: 'refund', group: 'money' }, ORDER);
    expect(events(await people.heard('event: halts'))).to.deep.equal([['halts', { halted: 'agent bot; tool refund, group money' }]]);
    await tenant.halts.lift(id, ORDER);
    expect(events(await people.heard('event: halts'))).to.deep.equal([['halts', { halted: 'tool refund, group money' }]]);
    expect(text).not.to.contain('CANARY').and.not.to.contain('ann');
    people.close();
    hubs.close();
  });

  it('tell programs nothing of a halt, and that they may ask again once one is over', async () => {
    const tenant = tenantOf();
    const hubs = new EventHubs();
    const program = listening(hubs.of(tenant));
    const { id } = await tenant.halts.halt({ agentId: 'someone' }, ORDER);
    await tenant.halts.lift(id, ORDER);
    const text = await program.heard('event: resync');
    expect(events(text)).to.deep.equal([['resync', {}]]);
    expect(text).not.to.contain('someone').and.not.to.contain('CANARY');
    program.close();
    hubs.close();
    // no one listens any longer
    await tenant.halts.halt({ all: true }, ORDER);
    expect([tenant.haltNews.listenerCount('halted'), tenant.haltNews.listenerCount('lifted')]).to.deep.equal([0, 0]);
  });

  it('name three halts, and nothing in a name is hidden or becomes a link', () => {
    expect(haltLine([])).to.equal('');
    expect(haltLine([{ scope: { all: true } }])).to.equal('everything');
    const five = Array.from({ length: 5 }, (_, i) => ({ scope: { agentId: `a${i}` } }));
    expect(haltLine(five)).to.equal('agent a0; agent a1; agent a2; and 2 more');
    const hostile = haltLine([{ scope: { agentId: 'bot\u202e\u200b', toolName: 'https://evil.example', group: 'g'.repeat(100) } }]);
    expect(hostile).not.to.match(/[\u202e\u200b]|:\/\//);
    expect(hostile.length).to.be.below(300);
  });
});
