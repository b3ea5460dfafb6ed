import type { AdminNotice, Notice, NoticeItem } from '../../../lib/server/notify/Notice.js';

/** An item of a notice: a refund that waits. */
export function itemOf(over: Partial<NoticeItem> = {}): NoticeItem {
  return {
    decisionId: 'dec-1',
    toolName: 'payments.refund',
    agentId: 'support-agent',
    severity: 'high',
    reason: 'Refunds over 1,000 need two finance leads',
    expiresAtMs: 3_600_000,
    status: 'pending',
    seats: { needed: 1, filled: 0 },
    link: 'https://aegis.example/a/dec-1',
    ...over,
  };
}

/** A notice of one item. */
export function noticeOf(over: Partial<Notice> = {}): Notice {
  return {
    id: 'n-1',
    tenantId: 'default',
    about: 'requested',
    group: 'finance-leads',
    items: [itemOf()],
    more: 0,
    link: 'https://aegis.example/inbox',
    ...over,
  };
}

/** A notice to the admins: someone was made an admin. */
export function adminNoticeOf(over: Partial<AdminNotice> = {}): AdminNotice {
  return {
    id: 'people-1',
    tenantId: 'default',
    changes: [
      {
        what: 'person.changed',
        by: 'person-1',
        byName: 'Ann',
        person: { id: 'person-2', name: 'Bob' },
        added: ['role admin'],
        removed: ['group finance-leads'],
        atMs: 1_800_000,
      },
    ],
    more: 0,
    link: 'https://aegis.example/people',
    ...over,
  };
}

export const HOSTILE = [
  '<!channel>',
  '<!here|x>',
  '<@U123>',
  '<#C123>',
  '<https://evil.example|click>',
  '*bold* _it_ `code` ~x~',
  'https://evil.example/approve',
  'www.evil.example',
  'a@evil.example',
  ':rotating_light:',
  '&lt;!channel&gt;',
  'x\r\nBcc: evil@example.com\r\n\r\nhello',
  'x\nSubject: other',
  '\u202egnp.exe',
  'a\u200bb',
  'аррӏе',
  `${' '.repeat(90)}end`,
  'x'.repeat(100_000),
] as const;
