import { expect } from 'chai';
import { cueText } from '../../../lib/decision/cue/cueText.js';
import { novelCues } from '../../../lib/decision/cue/novelCues.js';
import type { EarlierApproval } from '../../../lib/decision/cue/novelCues.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { recordOf } from '../../support/approvalRecords.js';

const approved = (params: Record<string, unknown>): EarlierApproval => ({ status: 'approved', params: params as never });

function sentences(
  params: Record<string, unknown>,
  earlier: readonly EarlierApproval[],
  over: Partial<ApprovalRecord> = {},
  knowsRequester?: boolean,
) {
  const record = recordOf({ params: params as never, originalParams: params as never, ...over });
  return novelCues(record, { earlier, knowsRequester }).map((cue) => {
    expect(cue.kind).to.equal('novel');
    const { subject, text } = cueText(cue);
    return subject === undefined ? text : `${subject} ${text}`;
  });
}

describe('The cues of what is new', () => {
  it('say that an agent asks for a tool for the first time, and nothing of what it had never had', () => {
    expect(sentences({ amount: 9, to: 'ann@a.example' }, [])).to.deep.equal(['The first time that this agent asks for this tool']);
  });

  it('say which number is the largest so far', () => {
    const before = [approved({ amount: 1_850, n: 3n, items: [{ price: 5 }] }), approved({ amount: 20 })];
    expect(sentences({ amount: 4_200, n: 4n, items: [{ price: 6 }], other: 1 }, before)).to.deep.equal([
      'amount is the largest so far; the largest approved before: 1,850',
      'n is the largest so far; the largest approved before: 3',
      'items[0].price is the largest so far; the largest approved before: 5',
    ]);
    expect(sentences({ amount: 1_850 }, before)).to.deep.equal([]);
    expect(sentences({ amount: -1 }, [approved({ amount: -1_234.5 })])).to.deep.equal([
      'amount is the largest so far; the largest approved before: -1,234.5',
    ]);
  });

  it('compare with what was approved only', () => {
    expect(
      sentences({ amount: 5, to: 'x@evil.example' }, [{ status: 'denied', params: { amount: 9, to: 'x@evil.example' } }]),
    ).to.deep.equal([]);
    const before = [approved({ to: 'ann@a.example' }), { status: 'denied' as const, params: { to: 'x@evil.example' } }];
    expect(sentences({ to: 'x@evil.example' }, before)).to.deep.equal(['to has a recipient that no approved call had before']);
  });

  it('say which recipient or host was never there', () => {
    const before = [approved({ to: ['Ann <ANN@a.example>', 7], url: 'see https://user:pw@a.example:8443/x', ok: true })];
    expect(sentences({ to: ['ann@A.example'], url: 'http://a.EXAMPLE/y' }, before)).to.deep.equal([]);
    expect(sentences({ to: ['bob@a.example'], url: 'ftp://b.example' }, before)).to.deep.equal([
      'to[0] has a recipient that no approved call had before',
      'url has a host that no approved call had before',
    ]);
  });

  it('say what a person edited, and what a policy changed after that', () => {
    const amendments = [
      { by: 'ann', params: { a: 2, b: 'x@y', c: 2 }, changes: [{ pointer: '/a' }, { pointer: '/b/c' }, { pointer: '/gone' }] },
    ] as never;
    const over = { originalParams: { a: 1, b: 'z', c: 1, gone: 1 }, amendments };
    expect(sentences({ a: 2, b: '[email]', c: 2 }, [approved({})], over)).to.deep.equal([
      'a was edited by a person',
      'b was edited by a person',
      'b was changed by a policy',
      'c was changed by a policy',
      'gone was edited by a person',
    ]);
  });

  it('say what a policy changed', () => {
    const over = { originalParams: { a: 1, b: { x: 1 }, gone: 1 } };
    expect(sentences({ a: 1, b: { x: 2 }, more: 1 }, [approved({})], over)).to.deep.equal([
      'b was changed by a policy',
      'more was changed by a policy',
      'gone was changed by a policy',
    ]);
  });

  it('say how many line ends stand in a row', () => {
    expect(sentences({ body: `a${'\n'.repeat(5)}b${'\r\n'.repeat(61)}c`, short: 'a\n\n\nb' }, [approved({})])).to.deep.equal([
      'body has 61 line ends in a row',
    ]);
  });

  it('say that no one known asked', () => {
    const unnamed = { requesterKnown: false, agentId: 'bot', requester: 'bot' };
    expect(sentences({}, [approved({})], unnamed)).to.deep.equal(['No signed-in user asked for this']);
    expect(sentences({}, [approved({})], { ...unnamed, requester: 'kim' })).to.deep.equal(['Only the agent says for whom it asks']);
    expect(sentences({}, [approved({})], {}, false)).to.deep.equal(['requester is not a person that is known here']);
    expect(sentences({}, [approved({})], {}, true)).to.deep.equal([]);
  });
});
