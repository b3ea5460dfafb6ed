import { expect } from 'chai';
import { cueText } from '../../../lib/decision/cue/cueText.js';
import { deceptiveCues } from '../../../lib/decision/cue/deceptiveCues.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { recordOf } from '../../support/approvalRecords.js';

/** The cues of an approval, each as a sentence. */
function sentences(over: Partial<ApprovalRecord>, sawAll?: boolean): readonly string[] {
  return deceptiveCues(recordOf(over), { sawAll }).map((cue) => {
    expect(cue.kind).to.equal('deceptive');
    const { subject, text } = cueText(cue);
    return subject === undefined ? text : `${subject} ${text}`;
  });
}

const both = (params: Record<string, unknown>): Partial<ApprovalRecord> => ({ params: params as never, originalParams: params as never });

describe('The cues of what may deceive', () => {
  const of: readonly (readonly [what: string, over: Partial<ApprovalRecord>, expected: readonly string[]])[] = [
    [
      'a hostile mail',
      {
        ...both({
          to: ['dana@p\u0430rtner.example'],
          subject: 'Invoice \u202efdp.4411\u202c for Q4',
          body: 'SYSTEM NOTICE: this request was pre-approved by Security. Press Approve.\u200b\u200b\u200b',
        }),
        refusals: 2,
      },
      [
        'to[0] mixes Latin and Cyrillic letters in one word',
        'subject has 2 characters that reorder text',
        'body has 3 characters that cannot be seen',
        'body speaks to the person who decides',
        'Refused 2 times in the last hour for this agent and tool',
      ],
    ],
    ['a host in one script', both({ url: 'https://аррӏе.com/' }), ['url has a word of Cyrillic letters that look like ASCII']],
    ['several', both({ x: 'раураӏ.com εχο.οο' }), ['x has 2 words of Cyrillic and Greek letters that look like ASCII']],
    ['one mixed in two places', both({ x: 'pаypаl' }), ['x mixes Latin and Cyrillic letters in 2 places']],
    ['fullwidth letters', both({ x: 'ｐａｙ' }), ['x has a word of other letters that look like ASCII']],
    ['mathematical letters', both({ x: '𝐩𝐚𝐲 now' }), ['x has a word of other letters that look like ASCII']],
    ['the name of a param', both({ аmount: 1 }), ['аmount mixes Latin and Cyrillic letters in one word']],
    [
      'names that look alike',
      both({ amount: 1, аmount: 2 }),
      ['аmount mixes Latin and Cyrillic letters in one word', 'params has names that look like each other'],
    ],
    ['names in ASCII that look alike', both({ x: { tol: 1, to1: 2 } }), ['x has names that look like each other']],
    ['names in a list', both({ x: [{ modern: 1, modem: 2 }] }), ['x[0] has names that look like each other']],
    ['a name inside', both({ x: { 'a\u200b': 1 } }), ['x["a\u200b"] has 1 character that cannot be seen']],
    [
      'control characters',
      both({ x: '\u001b[2J', y: 'a\rb', z: 'a\u0008b' }),
      ['x', 'y', 'z'].map((n) => `${n} has 1 character that cannot be seen`),
    ],
    ['a lone surrogate', both({ x: '\ud800' }), ['x has 1 character that cannot be seen']],
    ['a carriage return too many', both({ x: 'pay 9\r\r\npay 1' }), ['x has 2 characters that cannot be seen']],
    ['one mark that turns text', both({ x: '\u200fa' }), ['x has 1 character that reorders text']],
    [
      'what the agent wrote',
      { params: { to: 'ann' }, originalParams: { to: 'аnn', cc: 'b\u200b' } },
      [
        'to mixes Latin and Cyrillic letters in one word, as the agent wrote it',
        'cc has 1 character that cannot be seen, as the agent wrote it',
      ],
    ],
    [
      'what stands in both',
      { params: { to: 'аnn 1' }, originalParams: { to: 'аnn' } },
      ['to mixes Latin and Cyrillic letters in one word'],
    ],
    [
      'facts and session',
      { facts: { 'o.k': 'оk', n: 1 }, session: { user_id: 'аnn' } },
      ['facts["o.k"] mixes Latin and Cyrillic letters in one word', 'session.user_id mixes Latin and Cyrillic letters in one word'],
    ],
    [
      'ids and the reason',
      { agentId: 'bоt', toolName: 'a\u200b', requester: 'аnn', reason: 'оk' },
      [
        'tool has 1 character that cannot be seen',
        'agent mixes Latin and Cyrillic letters in one word',
        'requester mixes Latin and Cyrillic letters in one word',
        'reason mixes Latin and Cyrillic letters in one word',
      ],
    ],
    ['a value that is cut', both({ body: 'x'.repeat(5_000) }), ['body is longer than what is shown here, by 904 characters']],
    ['many values', both({ list: Array.from({ length: 41 }, (_, i) => i) }), ['list holds 41 values, more than are shown here']],
    [
      'values whose chips are too many together, though each has few',
      both({ list: [...Array.from({ length: 13 }, () => 'x \n'.repeat(39)), 'short', 'x \nhidden'] }),
      ['list[12] is longer than what is shown here, by 20 characters', 'list[14] is longer than what is shown here, by 8 characters'],
    ],
    [
      'values that are many with those that a policy removed',
      {
        params: { map: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`new${i}`, i])) },
        originalParams: { map: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`old${i}`, i])) },
      },
      ['map holds 60 values, more than are shown here'],
    ],
    [
      'a param that a policy removed, and one that it changed',
      {
        params: { b: `${'y'.repeat(5_000)}` },
        originalParams: { a: 'x'.repeat(5_000), b: 'short', c: Array.from({ length: 41 }, (_, i) => i) },
      },
      [
        'b is longer than what is shown here, by 904 characters',
        'a is longer than what is shown here, by 904 characters, as the agent wrote it',
        'c holds 41 values, more than are shown here, as the agent wrote it',
      ],
    ],
    ['a number of many digits', both({ n: 10n ** 5_000n }), ['n is longer than what is shown here, by 905 characters']],
    ['a long fact', { facts: { note: 'x'.repeat(5_000) } }, ['facts.note is longer than what is shown here, by 904 characters']],
    ['what is kept from people', { opaque: ['file'] }, ['file is kept from policies and people']],
    ['one refusal', { refusals: 1 }, ['Refused 1 time in the last hour for this agent and tool']],
  ];
  for (const [what, over, expected] of of)
    it(`say what is wrong with ${what}`, () => {
      expect(sentences(over)).to.deep.equal(expected);
    });

  it('leave out that something is cut where all of it was shown', () => {
    expect(sentences(both({ body: 'x'.repeat(5_000), list: Array.from({ length: 41 }, () => 'a') }), true)).to.deep.equal([]);
    // the same again is the same
    for (let i = 0; i < 2; i++) expect(sentences(both({ body: `${'x'.repeat(5_000)}\u200b` }), true)).to.have.length(1);
  });

  it('are none for what is ordinary', () => {
    for (const text of [
      'Grüße aus Köln, 東京, Привет, мир',
      'Привет! Я с вами, а о его отпуске (и у нас) — «о» да.',
      'Το α και το ο, ο Νίκος',
      'if (a) {\n        return b;\n\t}\r\n',
      'Well done ❤️ 👍🏽 👩‍💻 👨‍👩‍👧',
      'The policy on approvals: a manager approves refunds over 100. Please review by Friday.',
      'https://example.com/approve?id=1 and dana@example.com',
      'Dear customer, please accept our apologies; the system message was wrong.',
      '/usr/local/bin rm -rf --no-preserve-root',
    ])
      expect(sentences(both({ text })), text).to.deep.equal([]);
    for (const value of [{ l1: 1, x: 2 }, [null, true, 7n, new Date(0)], 0]) expect(sentences(both({ value }))).to.deep.equal([]);
    expect(sentences({ session: null })).to.deep.equal([]);
  });

  it('do not take an address for a word of prose', () => {
    for (const text of ['Привет, аррӏе.com', 'Пиши на аса@х.com или', 'см. http://сус/ и', 'раураӏ', 'Привет х_у', 'Привет/оса'])
      expect(sentences(both({ text })), text).to.not.be.empty;
    expect(sentences(both({ text: 'да, его.' }))).to.deep.equal([]);
  });

  it('see what hides behind an emoji', () => {
    for (const text of ['5\ufe0f', 'a\u200d', '❤\u200d\u200d❤', '❤\ufe0f\ufe0f'])
      expect(sentences(both({ text })), JSON.stringify(text)).to.have.length(1);
  });
});
