import { expect } from 'chai';
import * as v from 'valibot';
import {
  readProposal,
  grantAnswer,
  grantsAnswer,
  proposalAnswer,
  readGrants,
  writeGrant,
  writeGrants,
  writeProposal,
} from '../../../../lib/decision/wire/grant/grantAnswer.js';
import type { Grant } from '../../../../lib/model/terms/Grant.js';
import { grantOf } from '../../grant/behavesLikeGrantRows.js';

const NOW = 5_000;
const CEDAR = 'permit (principal, action, resource);';

describe('Grants over HTTP', () => {
  const bare = grantOf();
  const full: Grant = grantOf({
    anyRequester: true,
    originalParams: { amount: 41 },
    session: { user_id: 'ann' },
    name: 'Rita',
    assurance: 'passkey',
    reason: 'month end',
    revoked: { by: 'bob', atMs: 3_000, reason: 'enough' },
  });
  const plain = grantOf({ revoked: { by: 'bob', atMs: 3_000 } });

  it('are read as they were written', () => {
    const all = [bare, full, plain];
    expect(readGrants(JSON.parse(writeGrants(all, NOW)))).to.deep.equal(all);
    for (const one of all) expect(readGrants(JSON.parse(writeGrant(one, CEDAR, NOW)))).to.deep.equal([{ ...one, cedar: CEDAR }]);
    expect(readGrants(JSON.parse(writeGrants([], NOW)))).to.deep.equal([]);
  });

  it('say null for what a grant does not have, and what it is by now', () => {
    const wire = JSON.parse(writeGrant(bare, CEDAR, NOW)) as Record<string, unknown>;
    expect(wire).to.include({
      state: 'active',
      original_params: null,
      session: null,
      name: null,
      assurance: null,
      reason: null,
      revoked: null,
    });
    expect(JSON.parse(writeGrant(plain, CEDAR, NOW)).revoked).to.deep.equal({ by: 'bob', at: new Date(3_000).toISOString(), reason: null });
    expect(JSON.parse(writeGrant(bare, CEDAR, bare.expiresAtMs)).state).to.equal('expired');
  });

  it('never say with what a grant was signed, or which life of its maker’s rights it was', () => {
    const text = writeGrant(grantOf({ credential: 'CANARY', epoch: 4_711 }), CEDAR, NOW);
    expect(text).to.not.match(/CANARY|4711|epoch|credential/);
  });

  it('have the shape that is documented', () => {
    expect(v.is(grantsAnswer, JSON.parse(writeGrants([bare, full, plain], NOW)))).to.equal(true);
    expect(v.is(grantAnswer, JSON.parse(writeGrant(full, CEDAR, NOW)))).to.equal(true);
  });

  const wire = JSON.parse(writeGrant(bare, CEDAR, NOW)) as Record<string, unknown>;
  const others: readonly unknown[] = [
    undefined, null, '', [], {}, { grants: 1 }, { grants: [{}] }, { grants: [{ ...wire, state: 'new' }] }, { ...wire, cedar: 1 }, { ...wire, used: '1' },
    { ...wire, revoked: {} }, { ...wire, loosened: {} },
  ]; // prettier-ignore
  it(`are not read of anything else: ${others.length} answers`, () => {
    for (const other of others) expect(readGrants(other), JSON.stringify(other)).to.equal(undefined);
  });

  it('are proposed with what they may be, or with why there can be none', () => {
    const history = { asked: 3, covered: 2, unclear: 1, refused: [{ decisionId: 'dec_2', by: 'bob', atMs: 1_000 }, { decisionId: 'dec_3', by: undefined, atMs: 2_000 }], unclearRefused: [{ decisionId: 'dec_4', by: undefined, atMs: 3_000 }] }; // prettier-ignore
    const values = [{ in: 'params', path: '/amount', value: 40 }] as const;
    const text = writeProposal({ decisionId: 'dec_1', digest: 'd', ceiling: { uses: 5, forMs: 60_000 }, values, history });
    expect(JSON.parse(text)).to.deep.equal({
      decision_id: 'dec_1',
      digest: 'd',
      why: null,
      ceiling: { uses: 5, for_ms: 60_000 },
      values,
      history: {
        asked: 3,
        covered: 2,
        unclear: 1,
        more: false,
        refused: [
          { decision_id: 'dec_2', by: 'bob', at: new Date(1_000).toISOString() },
          { decision_id: 'dec_3', by: null, at: new Date(2_000).toISOString() },
        ],
        unclear_refused: [{ decision_id: 'dec_4', by: null, at: new Date(3_000).toISOString() }],
      },
    });
    expect(v.is(proposalAnswer, JSON.parse(text))).to.equal(true);
    const none = writeProposal({ decisionId: 'dec_1', digest: 'd', why: 'no', values: [], history: { ...history, more: true } });
    expect(JSON.parse(none)).to.deep.include({ why: 'no', ceiling: null }).and.have.nested.property('history.more', true);
    expect(readProposal(JSON.parse(none))?.history.more).to.equal(true);
    expect(readProposal(JSON.parse(text))?.history).to.deep.equal(history);
  });
});
