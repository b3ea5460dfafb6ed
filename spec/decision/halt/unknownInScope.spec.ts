import { expect } from 'chai';
import { knownNames, unknownInScope } from '../../../lib/decision/halt/unknownInScope.js';

describe('What a halt names and no configuration does', () => {
  const known = knownNames({
    agents: { 'support-agent': {} },
    tools: { refund: { groups: ['money'] }, mail: { groups: ['money', 'out'] }, log: {} },
  });

  it('is told from what is configured', () => {
    expect(known).to.deep.equal({ agents: ['support-agent'], tools: ['refund', 'mail', 'log'], groups: ['money', 'out'] });
    expect(knownNames({})).to.deep.equal({ agents: [], tools: [], groups: [] });
  });

  it('is said of each name, with the nearest one', () => {
    expect(unknownInScope({ agentId: 'suport-agent', toolName: 'refnd', group: 'mony' }, known)).to.deep.equal([
      "No agent 'suport-agent' is configured here; did you mean 'support-agent'? It is halted all the same.",
      "No tool 'refnd' is configured here; did you mean 'refund'? It is halted all the same.",
      "No group 'mony' is configured here; did you mean 'money'? It is halted all the same.",
    ]);
    expect(unknownInScope({ toolName: 'something-else' }, known)).to.deep.equal([
      "No tool 'something-else' is configured here. It is halted all the same.",
    ]);
  });

  it('is nothing where all is known, everything is halted, or nothing is configured', () => {
    expect(unknownInScope({ agentId: 'support-agent', toolName: 'log', group: 'out' }, known)).to.deep.equal([]);
    expect(unknownInScope({ all: true }, known)).to.deep.equal([]);
    expect(unknownInScope({ agentId: 'x', toolName: 'y', group: 'z' }, knownNames({}))).to.deep.equal([]);
  });
});
