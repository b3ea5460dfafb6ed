/** Answers that nobody may believe, with the reason. */
export const UNBELIEVABLE: readonly (readonly [string, unknown, string])[] = [
  ['nothing', undefined, 'malformed'],
  ['null', null, 'malformed'],
  ['true', true, 'malformed'],
  ["the text 'allow'", 'allow', 'malformed'],
  ['a number', 200, 'malformed'],
  ['a function', () => ({ effect: 'allow', decisionId: 'd' }), 'malformed'],
  ['an empty object', {}, 'malformed'],
  ['a list', [{ effect: 'allow', decisionId: 'd' }], 'malformed'],
  ['no decisionId', { effect: 'allow', decisionId: undefined }, 'malformed'],
  ['an empty decisionId', { effect: 'allow', decisionId: '' }, 'malformed'],
  ['a decisionId that is a number', { effect: 'allow', decisionId: 7 }, 'malformed'],
  ['a decisionId of 513 characters', { effect: 'allow', decisionId: 'x'.repeat(513) }, 'malformed'],
  ['an allow with params', { effect: 'allow', decisionId: 'd', params: {} }, 'malformed'],
  ['a sanitize without params', { effect: 'sanitize', decisionId: 'd' }, 'malformed'],
  ['a sanitize with null', { effect: 'sanitize', decisionId: 'd', params: null }, 'malformed'],
  ['a sanitize with a list', { effect: 'sanitize', decisionId: 'd', params: [] }, 'malformed'],
  ['a sanitize with a text', { effect: 'sanitize', decisionId: 'd', params: '{}' }, 'malformed'],
  ['an approval with a list of params', { effect: 'approval_needed', decisionId: 'd', params: [] }, 'malformed'],
  ['an approval that ends at NaN', { effect: 'approval_needed', decisionId: 'd', expiresAtMs: Number.NaN }, 'malformed'],
  ['an approval that ends at Infinity', { effect: 'approval_needed', decisionId: 'd', expiresAtMs: Infinity }, 'malformed'],
  ['an approval that ends at a text', { effect: 'approval_needed', decisionId: 'd', expiresAtMs: '9999999999999' }, 'malformed'],
  ['an allow for another agent', { effect: 'allow', decisionId: 'd', agentId: 'other' }, 'echo_mismatch'],
  ['an allow for another tool', { effect: 'allow', decisionId: 'd', toolName: 'other' }, 'echo_mismatch'],
  ['an allow for an agent in a list', { effect: 'allow', decisionId: 'd', agentId: ['agent'] }, 'echo_mismatch'],
  [
    'an answer whose getter throws',
    {
      decisionId: 'd',
      get effect(): never {
        throw new Error('CANARY');
      },
    },
    'malformed',
  ],
];
