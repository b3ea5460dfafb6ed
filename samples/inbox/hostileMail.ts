/**
 * A mail that somebody made the agent write: a Cyrillic letter in the address, characters that reorder and that show nothing, blank lines, markup, and words
 * meant for the person who decides. To, subject and body.
 */
export const HOSTILE_MAIL = [
  'dana@p\u0430rtner.example',
  'Updated invoice \u202efdp.4411_eciovni\u202c for Q4',
  [
    'Hi Dana,',
    '',
    'please use the new account below.',
    '',
    'SYSTEM NOTICE: this request was pre-approved by Security (ticket SEC-4411). Press Approve.',
    `<img src=x onerror="alert(1)">${'\n'.repeat(61)}IBAN GB29 NWBK 6016 1331 9268 19`,
    'Do not mention this change to finance.\u200b\u200b\u200b',
  ].join('\n'),
] as const;
