import { expect } from 'chai';
import { editFlags } from '../../../lib/cli/approvals/editFlags.js';
import { grantFlags } from '../../../lib/cli/approvals/grantFlags.js';
import type { ApprovalView, PreviewedEdit } from '../../../lib/cli/approvals/ApprovalAccess.js';
import { grantLines } from '../../../lib/decision/terminal/grantLines.js';
import { editLines } from '../../../lib/decision/terminal/typedEdit.js';
import type { GrantHistory } from '../../../lib/model/terms/GrantProposal.js';

const historyOf = (history: Partial<GrantHistory>) =>
  ({ history: { asked: 1, covered: 0, refused: [], unclear: 0, unclearRefused: [], ...history } }) as Parameters<typeof grantLines>[1];

describe('The options of an edit', () => {
  const view = (params: Record<string, unknown>): ApprovalView => ({ params, editable: ['/a', '/new'] }) as unknown as ApprovalView;

  it('are read as the kind of value that is there, and as JSON where there is none', () => {
    const params = { a: { t: '1', n: 1, b: true, i: 7n, d: new Date(0), l: [1], o: { x: 1 } } };
    const set = ['/a/t=2', '/a/n=2', '/a/b=false', '/a/i=8', '/a/d=2026-01-31T12:00:00.000Z', '/a/l=[2]', '/a/o={"x":2}', '/new="a=b"'];
    expect(editFlags({ set, remove: ['/a/z'] }, view(params))).to.deep.equal({
      set: {
        '/a/t': '2',
        '/a/n': 2,
        '/a/b': false,
        '/a/i': 8n,
        '/a/d': new Date('2026-01-31T12:00:00.000Z'),
        '/a/l': [2],
        '/a/o': { x: 2 },
        '/new': 'a=b',
      },
      remove: ['/a/z'],
    });
    expect(editFlags({}, view({}))).to.equal(undefined);
    expect(editFlags({ remove: ['/a'] }, view({ a: 1 }))).to.deep.equal({ remove: ['/a'] });
  });

  it('are shown by what would change, with nothing that deceives', () => {
    const changes = [
      { pointer: '/a', before: 1 },
      { pointer: '/b', after: 'x\u202ey' },
    ] as const;
    expect(editLines({ changes, added: [] } as unknown as PreviewedEdit)).to.deep.equal([
      'Edit:',
      '  /a: 1 → (absent)',
      '  /b: (absent) → "x\\u{202e}y"',
    ]);
  });
});

describe('The options of a grant', () => {
  it('are read in the units and terms of a grant', () => {
    expect(grantFlags({})).to.equal(undefined);
    expect(grantFlags({ grant: '1 use; 30s' })).to.deep.equal({ uses: 1, forMs: 30_000 });
    const loosen = ['/a=-1..2.5', 'session/b=any', 'facts/c=in:1, "2", x', '/d=startsWith:a=b', 'params/e=endsWith:@x.example'];
    expect(grantFlags({ grant: '10 uses; 1d', loosen, anyRequester: true })).to.deep.equal({
      uses: 10,
      forMs: 86_400_000,
      loosen: { '/a': { '>=': -1, '<=': 2.5 }, '/d': { startsWith: 'a=b' }, '/e': { endsWith: '@x.example' } },
      loosenSession: { '/b': 'any' },
      loosenFacts: { '/c': { in: [1, '2', 'x'] } },
      anyRequester: true,
    });
  });

  it('are shown with what people were asked, and what they refused', () => {
    const durations = { 1_000: '1 second', 120_000: '2 minutes', 3_600_000: '1 hour', 172_800_000: '2 days' };
    const policies = [{ id: 'refund' }, { id: 'mail\u202e' }];
    for (const [ms, text] of Object.entries(durations))
      expect(grantLines({ uses: 1, forMs: Number(ms) }, historyOf({}), policies)[0]).to.equal(
        `Grant     1 later call like this one, for ${text}: without asking`,
      );
    expect(grantLines({ uses: 2, forMs: 1_000, anyRequester: true }, historyOf({}), policies)).to.deep.equal([
      'Grant     2 later calls like this one, for 1 second: without asking',
      '  all of it must be the same',
      '  for the calls of every user',
      'Lifts     refund, mail\\u{202e}: nothing else',
      'History   of 1 call in the last 30 days, it would have covered 0',
      '  as far as their params tell',
    ]);
    const refused = [...'abcdef'].map((by) => ({ decisionId: by, by: by === 'a' ? undefined : `${by}\u202e`, atMs: 0 }));
    const lines = grantLines(
      { uses: 2, forMs: 1_000, loosenFacts: { '/x\u202e': 'any' } },
      historyOf({ asked: 2_000, covered: 9, unclear: 3, more: true, refused, unclearRefused: refused.slice(1, 3) }),
      policies,
    );
    const names = [...'bcde'].map((by) => `${by}\\u{202e} (1970-01-01T00:00:00.000Z)`);
    expect(lines.slice(1)).to.deep.equal([
      '  all else must be the same, but for:',
      '  facts/x\\u{202e} "any"',
      'Lifts     refund, mail\\u{202e}: nothing else',
      'History   of the newest 2000 calls in the last 30 days, it would have covered 9',
      '  as far as their params and requester tell',
      `  people refused 6 of these: someone (1970-01-01T00:00:00.000Z), ${names.join(', ')}, and 1 more`,
      '  of 3 more it cannot be told: not all of their params are kept',
      `  people refused 2 of those: ${names.slice(0, 2).join(', ')}`,
    ]);
  });
});
