import { expect } from 'chai';
import { counted, seed, volume } from '../../support/assurance.js';
import { lineOf, playAuditKills } from './playAuditKills.js';

describe('Killing processes with an audit log in `required`', () => {
  it('leaves no run without its record, and what was open becomes unknown', async () => {
    // fewer than in a full run of the other kills: `npm run chaos:audit` kills 500
    const end = await playAuditKills(Math.max(4, volume(150)), seed);
    const { kills, runs, unknown, faults } = end;
    counted({
      what: 'random kill -9 of processes with an audit log in `required`: no run without its record, and the log verifies',
      cases: kills,
      wrong: faults.length,
      beside: { runs, unknown },
    });
    expect(faults, lineOf(end)).to.deep.equal([]);
    expect(runs).to.be.above(20);
    expect(unknown).to.be.above(0);
  }).timeout(180_000);
});
