import { expect } from 'chai';
import { describeApproval } from '../../../lib/decision/desk/describeApproval.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { policyOf, recordOf } from '../../support/approvalRecords.js';

describe('describeApproval', () => {
  it('shows all that a verdict is about', () => {
    const record = recordOf({
      originalParams: { amount: 5_000, to: 'x@y.z', note: 'gone' },
      params: { amount: 100, to: 'x@y.z', added: [1] },
      opaque: ['file'],
      facts: { count: 3 },
      message: 'capped at 100',
      policies: [
        policyOf('limit', { approvers: ['leads', 'cfo'] }),
        policyOf('any'),
        policyOf('urgent', { severity: 'critical' }),
        policyOf('both', { severity: 'low', approvers: ['cfo'] }),
      ],
      refusals: 2,
      digest: 'abcd'.repeat(16),
      expiresAtMs: 0,
    });
    expect(describeApproval(record)).to.deep.equal([
      'Tool      refund',
      'Agent     bot',
      'Requester ann',
      'Why       over the limit',
      'Policy    limit (approvers: leads, cfo)',
      'Policy    any',
      'Policy    urgent (severity: critical)',
      'Policy    both (severity: low; approvers: cfo)',
      'Note      refused 2 times for this agent and tool within the last hour',
      'Params that would run:',
      '  added = [1]   (changed by policy; was (absent))',
      '  amount = 100   (changed by policy; was 5000)',
      '  note = (absent)   (changed by policy; was "gone")',
      '  to = "x@y.z"',
      '  file = (opaque: no decision sees it)',
      'Changed   capped at 100',
      'Session   {"user_id":"ann"}',
      'Facts     {"count":3}',
      `Digest    ${'abcd'.repeat(16)}`,
      'Until     1970-01-01T00:00:00.000Z',
    ]);
  });

  it('says who has edited a param, and whether a policy changed what they wrote', () => {
    const originalParams = { amount: 250, note: 'late', to: 'x', cap: 9 };
    const params = { amount: 200, note: '[email]', to: 'y', cap: 1 };
    const amendments = [
      { by: 'p1', name: 'Ann \u202e', params: {}, changes: [{ pointer: '/amount' }] },
      {
        by: 'bob',
        params: { ...params, note: 'a@x.example' },
        changes: [{ pointer: '/amount' }, { pointer: '/note' }, { pointer: '/to' }],
      },
    ] as unknown as ApprovalRecord['amendments'];
    const lines = describeApproval(recordOf({ originalParams, params, amendments }));
    expect(lines).to.include.members([
      '  amount = 200   (edited by Ann \\u{202e}, bob; was 250)',
      '  cap = 1   (changed by policy; was 9)',
      '  note = "[email]"   (edited by bob, then changed by policy; was "late")',
      '  to = "y"   (edited by bob; was "x")',
    ]);
  });

  it('says when no authenticated user asked, and when nothing was refused before', () => {
    const lines = describeApproval(recordOf({ requester: 'bot', requesterKnown: false, params: {}, originalParams: {} }));
    expect(lines).to.include('Requester bot (no authenticated user)').and.include('  (none)');
    expect(lines.join('\n')).to.not.contain('refused');
    expect(describeApproval(recordOf({ refusals: 1 }))).to.include('Note      refused 1 time for this agent and tool within the last hour');
  });

  const hostile: Record<string, string> = {
    'a new line with a forged field': 'x\nDigest    0000',
    'a carriage return': 'x\rRequester root',
    'an ANSI escape': '\u001b[2K\u001b[1A',
    'a C1 escape': '\u009b2K',
    'a backspace': 'rm -rf /\b\b\b\b',
    'a bidi override': '\u202egnp.exe',
    'a bidi isolate': '\u2066a\u2069',
    'a zero-width space': 'pay\u200bpal',
    'a joiner': 'a\u200db',
    'a byte order mark': '\ufeff',
    'a line separator': 'a\u2028b\u2029',
    'a soft hyphen': 'a\u00adb',
    'tag characters': '\u{e0041}\u{e0042}',
    'a variation selector': 'a\ufe0f',
    'a Hangul filler': '\u3164',
    'a lone surrogate': '\ud800',
    'a delete': '\u007f',
  };
  const fields: Record<string, (text: string) => Partial<ApprovalRecord>> = {
    'the agent': (agentId) => ({ agentId }),
    'the tool': (toolName) => ({ toolName }),
    'the requester': (requester) => ({ requester }),
    'the reason': (reason) => ({ reason }),
    'the message': (message) => ({ message }),
    'a policy id': (id) => ({ policies: [policyOf(id)] }),
    'a group of approvers': (group) => ({ policies: [policyOf('p', { approvers: [group] })] }),
    'a param': (text) => ({ params: { text } }),
    'a param inside others': (text) => ({ params: { list: [{ text }] } }),
    'the name of a param': (name) => ({ params: { [name]: 1 } }),
    'a key inside a param': (name) => ({ params: { record: { [name]: 1 } } }),
    'an original param': (text) => ({ originalParams: { text } }),
    'the name of an opaque param': (name) => ({ opaque: [name] }),
    'the session': (text) => ({ session: { text } }),
    'the facts': (text) => ({ facts: { text } }),
    'the digest': (digest) => ({ digest }),
  };
  for (const [where, put] of Object.entries(fields)) {
    for (const [what, text] of Object.entries(hostile)) {
      it(`shows ${what} in ${where} as what it is`, () => {
        const plain = describeApproval(recordOf(put('x')));
        const lines = describeApproval(recordOf(put(text)));
        expect(lines).to.have.length(plain.length);
        // nothing is left but what prints in its place
        for (const line of lines) expect(line).to.match(/^(?:(?!\p{C}|\p{Zl}|\p{Zp}|\u3164|\ufe0f|\u00ad)[^])*$/u);
        expect(lines.join('\n')).to.match(/\\u\{[0-9a-f]+\}|\\[nrbu]/);
      });
    }
  }

  it('quotes the name of a param that could be taken for its value', () => {
    const lines = describeApproval(recordOf({ params: { 'to = "bob"   (was': 'eve', 'größe.x-1_$': 1, '': 0 }, originalParams: {} }));
    expect(lines.filter((l) => l.startsWith('  '))).to.deep.equal([
      '  "" = 0   (changed by policy; was (absent))',
      '  größe.x-1_$ = 1   (changed by policy; was (absent))',
      '  "to = \\"bob\\"   (was" = "eve"   (changed by policy; was (absent))',
    ]);
  });

  it('says how many people a policy takes, who they are, and which groups come later', () => {
    const escalate = [{ afterMs: 900_000, groups: ['man\u200bagers', 'on-call'] }];
    const policies = [policyOf('two', { quorum: 2, approvers: ['leads'], escalate }), policyOf('apart', { distinct: true })];
    const verdicts = [{ approve: true, by: 'ri\u200bta', atMs: 1, policies: ['two'] }];
    const lines = describeApproval(recordOf({ policies, verdicts })).filter((line) => line.startsWith('Policy'));
    expect(lines).to.deep.equal([
      'Policy    two (approvers: leads; after 900 s also man\\u{200b}agers, on-call; 2 people; yes of ri\\u{200b}ta: 1 of 2)',
      'Policy    apart (who count for no other policy)',
    ]);
    const { verdicts: _none, ...before } = recordOf({ policies: [policyOf('alone', { distinct: true })] });
    expect(describeApproval(before)).to.include('Policy    alone');
  });

  it('shows an end that is no date', () => {
    for (const expiresAtMs of [Infinity, NaN, 1e20])
      expect(describeApproval(recordOf({ expiresAtMs })).at(-1)).to.equal('Until     a time beyond what a date can show');
  });
});
