import { expect } from 'chai';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { historyExport } from '../../../lib/server/inbox/historyExport.js';
import { csvLine } from '../../../lib/server/inbox/list/csvLine.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { policyOf, recordOf } from '../../support/approvalRecords.js';
import { servedInbox } from '../../support/servedInbox.js';
import type { ServedInbox, SpecPerson } from '../../support/servedInbox.js';

const NOW_MS = Date.UTC(2026, 10, 29);

describe('The export of the history', () => {
  describe('as a server gives it', () => {
    let inbox: ServedInbox;
    let ann: SpecPerson;
    let aud: SpecPerson;
    beforeEach(async () => {
      inbox = await servedInbox();
      ann = await inbox.person('Ann', { groups: ['finance-leads'] });
      aud = await inbox.person('=Aud', { roles: ['auditor'] });
    });
    afterEach(() => inbox.close());

    const deny = async (id: string): Promise<void> => {
      await ann.post('/inbox/group', { agent: 'bot', tool: 'read', policies: 'reads', ids: id, reason: 'no' });
    };

    it('is for auditors alone, and linked for them alone', async () => {
      expect((await aud.get('/history')).page.hrefs()).to.include('/history/export?format=csv');
      expect((await ann.get('/history')).page.hrefs().join()).to.not.contain('export');
      for (const roles of [['viewer'], ['approver'], ['admin']] as const) {
        const { status, page } = await (await inbox.person(roles[0], { roles })).get('/history/export');
        expect(status).to.equal(403);
        expect(page.text('main')).to.contain('auditor');
      }
      const answer = await inbox.plane.fetch(
        new Request('http://localhost/history/export', { headers: { host: 'localhost' }, redirect: 'manual' }),
      );
      expect(answer.status).to.equal(303);
    });

    it('has what the history shows for the same fields, with the same words, as CSV and as lines of JSON', async () => {
      const denied = await inbox.ask('read', { secret: 'canary' }, { user: '=cmd|"x"' });
      const waits = await inbox.ask('refund', { secret: 'canary' }, { user: 'lee\u202e' });
      await deny(denied);
      const { status, text } = await aud.get('/history/export');
      expect(status).to.equal(200);
      const [head, first, second, ...rest] = text.split('\r\n');
      expect(head).to.equal(
        '"id","asked_at","expires_at","agent","tool","severity","policies","reason","requester","requester_known","status","decided_by","decided_by_name","decided_at","run","refusals","digest"',
      );
      expect(rest).to.deep.equal(['']);
      const lines = [first, second].toSorted((a = '', b = '') => (a.includes(denied) ? -1 : b.includes(denied) ? 1 : 0));
      expect(lines[0])
        .to.contain(`"${denied}"`)
        .and.contain(`"'=cmd|""x"""`)
        .and.contain(`"denied","${ann.id}","Ann",`)
        .and.contain('"denied","0",');
      expect(lines[1])
        .to.contain(`"${waits}"`)
        .and.contain('"lee\\u{202e}"')
        .and.contain('"pending","","","","pending"')
        .and.contain('"high","refunds"');
      expect(text)
        .to.not.contain('canary')
        .and.to.not.match(/[^\r\n -~]/);
      const json = (await aud.get(`/history/export?format=jsonl&status=pending`)).text;
      expect(json).to.match(/^\{[ -~]*\}\n$/);
      const entry = JSON.parse(json) as Record<string, unknown>;
      expect(
        Object.keys(entry)
          .map((name) => `"${name}"`)
          .join(),
      ).to.equal(head);
      expect(entry).to.deep.include({
        id: waits,
        agent: 'bot',
        tool: 'refund',
        severity: 'high',
        policies: ['refunds'],
        requester: 'lee\u202e',
        requester_known: true,
        decided_by: null,
        decided_at: null,
        run: 'pending',
        digest: canonicalDigest({ secret: 'canary' }),
      });
    });

    it('is a file that no cache keeps, and is read over HTTP by a personal token of an auditor', async () => {
      await inbox.ask('read', { n: 1 });
      const headers = { host: 'localhost', cookie: aud.cookie, 'sec-fetch-site': 'same-origin' };
      const answer = await inbox.plane.fetch(new Request('http://localhost/history/export?format=jsonl', { headers }));
      expect(answer.headers.get('content-type')).to.equal('application/jsonl; charset=utf-8');
      expect(answer.headers.get('content-disposition')).to.match(/^attachment; filename="aegis-history-\d{4}-\d\d-\d\d\.jsonl"$/);
      expect(answer.headers.get('cache-control')).to.equal('no-store');
      expect((await answer.text()).trim().split('\n')).to.have.length(1);
    });

    it('refuses a field that cannot be right, instead of giving all', async () => {
      for (const query of [
        'since=soon',
        'until=2026-02-30',
        'status=maybe',
        'tool=%3Cb%3E',
        `q=${'x'.repeat(300)}`,
        'format=xml',
        'color=red',
      ])
        expect((await aud.get(`/history/export?${query}`)).status, query).to.equal(400);
    });
  });

  describe('of many', () => {
    const exported = async (count: number, query: string, most?: number): Promise<string> => {
      const store = new MemoryApprovalStore();
      for (let i = 0; i < count; i++)
        store.insert(
          recordOf({
            decisionId: `dec_${String(i).padStart(5, '0')}`,
            createdAtMs: NOW_MS - i,
            expiresAtMs: NOW_MS + 60_000,
            policies: [policyOf('p')],
          }),
        );
      const tenant = { desk: new ApprovalDesk(store) } as Parameters<typeof historyExport>[0]['tenant'];
      const input = { tenant, query: new URLSearchParams(query), signal: new AbortController().signal };
      let text = '';
      for await (const chunk of historyExport(input, NOW_MS, most).body as AsyncIterable<string>) text += chunk;
      return text;
    };

    it('goes through all pages, each approval once, the newest first', async () => {
      const ids = [...(await exported(1_234, 'format=csv')).matchAll(/^"(dec_\d+)"/gm)].map(([, id]) => id);
      expect(ids).to.deep.equal(Array.from({ length: 1_234 }, (_, i) => `dec_${String(i).padStart(5, '0')}`));
    });

    it('says in its last line that there are more than it may have, and only then', async () => {
      for (const format of ['csv', 'jsonl']) {
        const cut = (await exported(500, `format=${format}`, 450)).trimEnd().split(/\r?\n/);
        expect(cut).to.have.length(format === 'csv' ? 452 : 451);
        expect(cut.at(-1)).to.contain('Cut after 450 approvals: there are more.');
        expect(await exported(450, `format=${format}`, 450)).to.not.contain('Cut after');
      }
    });

    it('ends where its client is gone', async () => {
      const aborted = AbortSignal.abort();
      const store = new MemoryApprovalStore();
      for (let i = 0; i < 300; i++) store.insert(recordOf({ decisionId: `dec_${i}` }));
      const tenant = { desk: new ApprovalDesk(store) } as Parameters<typeof historyExport>[0]['tenant'];
      let chunks = 0;
      for await (const _ of historyExport({ tenant, query: new URLSearchParams(), signal: aborted }, NOW_MS).body as AsyncIterable<string>)
        chunks += 1;
      expect(chunks).to.equal(2);
    });
  });

  describe('as CSV', () => {
    for (const [text, cell] of [
      ['plain', '"plain"'],
      ['', '""'],
      ['=1+1', `"'=1+1"`],
      ['+1', `"'+1"`],
      ['-1', `"'-1"`],
      ['@SUM(A1)', `"'@SUM(A1)"`],
      [' =1', `" '=1"`],
      ['\t=1', `"\\u{9}=1"`],
      ['\r=1', `"\\u{d}=1"`],
      ['\n=1', `"\\u{a}=1"`],
      ['"=1"', `"""'=1"""`],
      ["'=1", `"''=1"`],
      ['\uff1d1', `"\\u{ff1d}1"`],
      ['a;=1', `"a;'=1"`],
      ['a; "@x', `"a; ""'@x"`],
      ['a|-1', `"a|'-1"`],
      ['a-1=b', '"a-1=b"'],
      ['ann@acme.example', '"ann@acme.example"'],
      ['a,b', '"a,b"'],
      ['say "no"', '"say ""no"""'],
      ['a\r\nb', '"a\\u{d}\\u{a}b"'],
      ['\u202eevil', '"\\u{202e}evil"'],
      ['\ufeff=1', `"\\u{feff}=1"`],
    ] as const)
      it(`writes ${JSON.stringify(text)} so that no spreadsheet takes it for a formula, and nothing hides`, () =>
        expect(csvLine([text])).to.equal(`${cell}\r\n`));

    it('has no cell that begins like a formula, of 20,000 texts', () => {
      const chars = ['=', '+', '-', '@', ' ', '"', "'", ';', '\t', '\n', '\r', ',', 'a', '\uff1d', '\u200b', '|', '\\'];
      let seed = 7;
      const next = (max: number): number => (seed = (seed * 48_271) % 2_147_483_647) % max;
      for (let i = 0; i < 20_000; i++) {
        const text = Array.from({ length: next(8) }, () => chars[next(chars.length)]).join('');
        const line = csvLine([text, 'x']);
        const cells = /^"((?:[^"]|"")*)","x"\r\n$/.exec(line);
        expect(cells, JSON.stringify(text)).to.not.equal(null);
        const cell = (cells?.[1] ?? '').replaceAll('""', '"');
        expect(cell, JSON.stringify(text)).to.not.match(/(?:^|;|\|)[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20]/);
        expect(cell).to.match(/^[ -~]*$/);
      }
    });
  });
});
