import { expect } from 'chai';
import { SecretString } from '../../lib/common/SecretString.js';
import { ApprovalDesk } from '../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalRequest } from '../../lib/decision/desk/ApprovalRequest.js';
import { VerdictError } from '../../lib/model/errors/SetupErrors.js';
import type { ApprovalRecord, ApprovalStore, BegunPage } from '../../lib/store/ApprovalStore.js';
import { BegunPages, type PageReading } from '../../lib/store/BegunPages.js';
import { MemoryApprovalStore } from '../../lib/store/memory/MemoryApprovalStore.js';
import { SignedApprovalStore } from '../../lib/store/SignedApprovalStore.js';
import { counted } from '../support/assurance.js';
import { BINDING_BASE, openingOf, recordOf } from '../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../support/diagnosed.js';
import { rejection } from '../support/rejection.js';
import { behavesLikeApprovalStore } from './behavesLikeApprovalStore.js';

const KEY = new SecretString('k'.repeat(32));

/** The contract compares records as they were given: without their signature. */
class Unsigned extends SignedApprovalStore {
  override get(decisionId: string): ApprovalRecord | undefined {
    return bare(super.get(decisionId) as ApprovalRecord | undefined);
  }
  override list(query: Parameters<ApprovalStore['list']>[0]): readonly ApprovalRecord[] {
    return (super.list(query) as readonly ApprovalRecord[]).map((r) => bare(r) as ApprovalRecord);
  }
}

function bare(record: ApprovalRecord | undefined): ApprovalRecord | undefined {
  if (record === undefined) return undefined;
  const { mac: _, ...rest } = record;
  return Object.freeze(rest);
}

behavesLikeApprovalStore('SignedApprovalStore', () => new Unsigned(new MemoryApprovalStore(), KEY));

describe('SignedApprovalStore', () => {
  it('keeps a change and a row beside it together where the store below does', () => {
    const inner = new MemoryApprovalStore();
    expect(new SignedApprovalStore(inner, KEY).insertsBeside).to.equal(false);
    expect(new SignedApprovalStore(Object.assign(inner, { insertsBeside: true }), KEY).insertsBeside).to.equal(true);
  });

  function setup() {
    const inner = new MemoryApprovalStore();
    const store = new SignedApprovalStore(inner, KEY);
    const desk = new ApprovalDesk(store);
    const open = async (more?: Partial<ApprovalRequest>): Promise<ApprovalRecord> =>
      ((await desk.open(openingOf(more))) as { record: ApprovalRecord }).record;
    const approved = async (): Promise<ApprovalRecord> => {
      const { decisionId, digest } = await open();
      return desk.approve(decisionId, { by: 'bob', digest });
    };
    const forge = (record: ApprovalRecord, change: Partial<ApprovalRecord>): boolean =>
      inner.replace({ ...(inner.get(record.decisionId) as ApprovalRecord), ...change }, record.version);
    return { inner, store, desk, open, approved, forge };
  }

  it('keeps no key and no approval without a signature', async () => {
    const { inner, open } = setup();
    const { decisionId } = await open();
    expect(inner.get(decisionId)?.mac).to.match(/^[\w-]{43}$/);
    expect(JSON.stringify(inner.get(decisionId))).to.not.include(KEY.reveal());
  });

  it('gives what was signed back, also with dates, big numbers and nothing', async () => {
    const { store } = setup();
    const record = recordOf({ params: { at: new Date(5), big: 7n, none: undefined }, message: undefined });
    await store.insert(record);
    expect(await store.get(record.decisionId)).to.deep.include({ params: record.params });
  });

  it('looks at each reading of what can change anew, also where a part of it is frozen, and at a date', async () => {
    const { inner, store } = setup();
    const record = recordOf({ params: { at: new Date(5) } });
    await store.insert(record);
    const signed = inner.get(record.decisionId) as ApprovalRecord;
    for (const make of [
      (): ApprovalRecord => ({ ...signed }),
      (): ApprovalRecord => Object.freeze({ ...signed, params: { ...signed.params } }),
      (): ApprovalRecord => Object.freeze({ ...signed, params: { at: new Date(5) } }),
    ]) {
      const row = make();
      const same = { ...inner, get: () => row, list: () => [row] } as unknown as ApprovalStore;
      const over = new SignedApprovalStore(same, KEY);
      for (let i = 0; i < 2; i++)
        expect((await over.page({})).cards.map(({ decisionId }) => decisionId)).to.deep.equal([record.decisionId]);
      if (Object.isFrozen(row)) (row.params['at'] as Date).setTime(6);
      else (row as { digest: string }).digest = 'another';
      expect(await over.get(record.decisionId)).to.equal(undefined);
      expect((await over.page({})).cards).to.deep.equal([]);
      if (Object.isFrozen(row)) (row.params['at'] as Date).setTime(5);
    }
    const still = recordOf({ decisionId: 'dec_still', policies: [{ id: 'p', hash: 'h' }] });
    await store.insert(still);
    const [first] = (await store.page({ q: 'dec_still' })).cards;
    expect((await store.page({ q: 'dec_still' })).cards[0]).to.equal(first);
    // what is written later is another record, and is looked at
    inner.replace({ ...(inner.get('dec_still') as ApprovalRecord), status: 'approved', version: 2 }, 1);
    expect((await store.page({ q: 'dec_still' })).cards).to.deep.equal([]);
  });

  for (const [what, change] of [
    ['a yes that no one gave', { status: 'approved' as const }],
    ['a verdict', { status: 'approved' as const, verdicts: [{ approve: true, by: 'bob', atMs: 1, policies: ['limit'] }] }],
    ['other params', { params: { amount: 5_000 } }],
    ['another digest', { digest: 'another' }],
    ['a later end', { expiresAtMs: Number.MAX_SAFE_INTEGER }],
    ['another requester', { requester: 'eve' }],
    ['other policies', { policies: [] }],
    ['no signature', { mac: undefined }],
    ['an empty signature', { mac: '' }],
    ['a signature that is no text', { mac: 5 as unknown as string }],
    ['another version', { version: 9 }],
  ] as const) {
    it(`counts one for nothing into which somebody wrote ${what}, and reports it`, async () => {
      const { desk, store, open, approved, forge } = setup();
      const record = 'status' in change ? await open() : await approved();
      expect(forge(record, change as Partial<ApprovalRecord>)).to.equal(true);
      const { decisionId, digest } = record;
      const seen = await diagnosed(async () => {
        expect(await store.get(decisionId)).to.equal(undefined);
        expect(await store.list({})).to.deep.equal([]);
        expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false);
        expect(await rejection(desk.approve(decisionId, { by: 'bob', digest }))).to.be.instanceOf(VerdictError);
      });
      expect(new Set(securityCodes(seen))).to.deep.equal(new Set(['approval_signature_invalid']));
    });
  }

  it('takes no signature of another approval, nor of an earlier state once it was used', async () => {
    const { approved, desk, forge, inner } = setup();
    const [one, other] = [await approved(), await approved()];
    forge(one, { mac: inner.get(other.decisionId)?.mac });
    const { decisionId, digest } = one;
    await diagnosed(async () => expect(await desk.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false));
  });

  it('knows nothing of what another key signed', async () => {
    const { inner, approved } = setup();
    const { decisionId, digest } = await approved();
    const other = new ApprovalDesk(new SignedApprovalStore(inner, new SecretString('o'.repeat(32))));
    const seen = await diagnosed(async () => {
      expect(await other.get(decisionId)).to.equal(undefined);
      expect(await other.consume({ decisionId, digest, token: 't', bindingBase: BINDING_BASE })).to.equal(false);
    });
    expect(securityCodes(seen)).to.include('approval_signature_invalid');
  });

  it('believes no refusal that is not signed', async () => {
    const { desk, open, forge } = setup();
    const record = await open();
    forge(record, { status: 'denied', verdicts: [{ approve: false, by: 'eve', atMs: Date.now(), policies: [] }] });
    await diagnosed(async () => expect((await desk.open(openingOf())).kind).to.equal('opened'));
  });

  it('takes a withdrawal that the store made by itself, such as after it was restored: it lets nothing run', async () => {
    const { inner, store, open } = setup();
    const record = await open();
    const signed = inner.get(record.decisionId) as ApprovalRecord;
    inner.replace({ ...signed, status: 'withdrawn', version: signed.version + 1 }, signed.version);
    const seen = await diagnosed(async () => {
      expect(await store.get(record.decisionId)).to.include({ status: 'withdrawn' });
    });
    expect(securityCodes(seen)).to.deep.equal([]);
  });

  it('takes no approval that is in the row of another one', async () => {
    const { inner, store, approved } = setup();
    const [one, other] = [await approved(), await approved()];
    const get = inner.get.bind(inner);
    inner.get = (decisionId) => get(decisionId === one.decisionId ? other.decisionId : decisionId);
    const seen = await diagnosed(async () => expect(await store.get(one.decisionId)).to.equal(undefined));
    expect(securityCodes(seen)).to.deep.equal(['approval_row_swapped']);
  });

  it('reports a stored call whose approval is not there', async () => {
    const { desk } = setup();
    const call = { decisionId: 'dec-gone', digest: 'd', bindingBase: BINDING_BASE };
    const seen = await diagnosed(async () => expect(await desk.verify(call)).to.equal(true));
    expect(securityCodes(seen)).to.deep.equal(['approval_unknown']);
  });

  describe('with pages of what has begun', () => {
    /** A store whose pages somebody else writes, too. */
    class PagedStore extends MemoryApprovalStore {
      readonly pages = new Map<number, BegunPage>();
      /** Writes of pages that another process is first with. */
      raced = 0;

      begunPage(page: number): BegunPage | undefined {
        return this.pages.get(page);
      }

      replaceBegun(record: ApprovalRecord, version: number, page: BegunPage): boolean {
        if (this.raced > 0) {
          this.raced -= 1;
          const found = this.pages.get(page.page);
          if (found !== undefined) this.pages.set(page.page, { ...found, version: found.version + 1 });
          return false;
        }
        if ((this.pages.get(page.page)?.version ?? 0) !== page.version - 1 || !this.replace(record, version)) return false;
        this.pages.set(page.page, page);
        return true;
      }
    }

    /** The record under an id that is on the same page as another one, which is found by trying. */
    function onPageOf(pages: BegunPages, other: ApprovalRecord, record: ApprovalRecord = other): ApprovalRecord {
      for (let i = 0; ; i++) {
        const named = { ...record, decisionId: `${record.decisionId}-${i}` };
        if (pages.pageOf(named) === pages.pageOf(other)) return named;
      }
    }

    async function used() {
      const inner = new PagedStore();
      const desk = new ApprovalDesk(new SignedApprovalStore(inner, KEY));
      const { record } = (await desk.open(openingOf())) as { record: ApprovalRecord };
      const { decisionId, digest } = record;
      await desk.approve(decisionId, { by: 'bob', digest });
      const use = { decisionId, digest, token: 't', bindingBase: BINDING_BASE };
      const approved = inner.get(decisionId) as ApprovalRecord;
      await desk.consume(use);
      const begin = (claimToken: string, by = desk) => by.begin({ decisionId, token: 't', claimToken });
      /** The approval as it was before it was used, and used once more. */
      const putBack = async (by = desk): Promise<void> => {
        inner.replace(approved, (inner.get(decisionId) as ApprovalRecord).version);
        expect(await by.consume(use)).to.equal(true);
      };
      return { inner, desk, begin, putBack, restarted: () => new ApprovalDesk(new SignedApprovalStore(inner, KEY)) };
    }

    it('begins nothing again whose row was put back, also after a restart, but the very claim that has begun', async () => {
      const { begin, putBack, restarted } = await used();
      expect(await begin('one')).to.equal(true);
      const seen = await diagnosed(async () => {
        await putBack();
        expect(await begin('two')).to.equal(false);
        const again = restarted();
        expect(await begin('two', again)).to.equal(false);
        expect(await begin('one', again)).to.equal(true);
      });
      expect(new Set(securityCodes(seen))).to.deep.equal(new Set(['approval_rolled_back']));
    });

    it('notices, as long as it lives, that the page was put back with the row, however often', async () => {
      const { inner, begin, putBack } = await used();
      expect(await begin('one')).to.equal(true);
      const seen = await diagnosed(async () => {
        for (const claimToken of ['two', 'three', 'four']) {
          inner.pages.clear();
          await putBack();
          expect(await begin(claimToken), claimToken).to.equal(false);
          await putBack();
          expect(await begin(claimToken), `${claimToken} again`).to.equal(false);
        }
      });
      expect(new Set(securityCodes(seen))).to.deep.equal(new Set(['approval_rolled_back']));
    });

    const FORGED = [
      '',
      'null',
      '[]',
      '{"entries":{},"mac":"x"}',
      '{"entries":{"a":["b",1]}}',
      '{"entries":{},"lostAtMs":0,"mac":{"length":43}}',
    ];

    it('begins nothing that was opened before a page was found without a valid signature', async () => {
      let cases = 0;
      let wrong = 0;
      for (const body of FORGED)
        for (const more of [-1, 0, 1, 1_000]) {
          const { inner, begin, putBack, restarted } = await used();
          expect(await begin('one')).to.equal(true);
          const [{ page, version }] = [...inner.pages.values()] as [BegunPage];
          const seen = await diagnosed(async () => {
            inner.pages.set(page, { page, version: version + more, body });
            for (const by of [undefined, restarted()]) {
              await putBack(by);
              for (const claimToken of ['two', 'three']) {
                cases++;
                if (await begin(claimToken, by)) wrong++;
              }
            }
          });
          expect(securityCodes(seen)).to.include('begun_page_invalid');
        }
      counted({ what: 'A2 forged pages, approvals put back', cases, wrong });
      expect(wrong).to.equal(0);
    });

    it('begins what is opened after a page was lost, and no other process begins what was opened before', async () => {
      for (const lose of [
        (pages: PagedStore['pages']) => pages.clear(),
        (pages: PagedStore['pages']) => {
          for (const [at, page] of pages) pages.set(at, { ...page, version: page.version + 1, body: '' });
        },
      ]) {
        const inner = new PagedStore();
        const [pages, others, late] = [new BegunPages(KEY), new BegunPages(KEY), new BegunPages(KEY)];
        const writeFirst = (by: BegunPages, record: ApprovalRecord, claimToken: string): string => {
          const found = inner.pages.get(by.pageOf(record));
          const reading = by.read(found, record, claimToken, by.newest(record), () => undefined);
          if (reading.kind === 'free') {
            inner.pages.set(reading.next.page, reading.next);
            by.wrote(reading.next);
          }
          return reading.kind;
        };
        const nowMs = Date.now();
        const old = recordOf({ createdAtMs: nowMs - 1, expiresAtMs: nowMs + 60_000 });
        const fresh = { ...onPageOf(pages, old), createdAtMs: nowMs + 60_000 };
        expect([writeFirst(pages, old, 'one'), writeFirst(others, old, 'one')]).to.deep.equal(['free', 'own']);
        lose(inner.pages);
        expect([writeFirst(pages, old, 'two'), writeFirst(pages, fresh, 'three')]).to.deep.equal(['lost', 'free']);
        expect([writeFirst(pages, old, 'two'), writeFirst(others, old, 'two'), writeFirst(late, old, 'two')]).to.deep.equal([
          'lost',
          'lost',
          'lost',
        ]);
        expect(writeFirst(late, fresh, 'three')).to.equal('own');
      }
    });

    it('remembers the newest page, also where an older one was still being read', () => {
      const pages = new BegunPages(KEY);
      const record = recordOf({ createdAtMs: Date.now() - 1, expiresAtMs: Date.now() + 60_000 });
      const [second, third] = [onPageOf(pages, record), onPageOf(pages, record, { ...record, decisionId: 'other' })];
      const next = (reading: PageReading): BegunPage => (reading as { next: BegunPage }).next;
      const first = next(pages.read(undefined, record, 'one', 0, () => undefined));
      const newestBefore = pages.newest(second);
      pages.wrote(first);
      // begun to be read before the first was written
      expect(pages.read(undefined, second, 'two', newestBefore, () => undefined).kind).to.equal('free');
      expect(pages.newest(record)).to.equal(1);
      expect(pages.read(undefined, third, 'three', pages.newest(third), () => undefined).kind).to.equal('lost');
    });

    it('keeps the pages of each key apart', async () => {
      const [one, other] = [new BegunPages(KEY), new BegunPages(new SecretString('o'.repeat(32)))];
      const record = recordOf();
      expect(one.pageOf(record)).to.equal(new BegunPages(KEY).pageOf(record));
      expect(one.pageOf(record)).not.to.equal(other.pageOf(record));
      for (const pages of [one, other]) expect(pages.pageOf(record)).to.be.within(0, 2 ** 31 - 1);
    });

    it('tries again where another process wrote the page first, and gives up where the record was changed', async () => {
      const { inner, begin } = await used();
      inner.raced = 1;
      await diagnosed(async () => expect(await begin('one')).to.equal(false));
      expect(await begin('one')).to.equal(true);
    });

    it('forgets what has expired a day ago', () => {
      const pages = new BegunPages(KEY);
      const nowMs = Date.now();
      const first = recordOf({ expiresAtMs: nowMs - 86_400_001 });
      const second = recordOf({ expiresAtMs: nowMs - 86_300_000 });
      const third = recordOf();
      let page: BegunPage | undefined;
      for (const record of [first, onPageOf(pages, first, second), onPageOf(pages, first, third)]) {
        const reading = pages.read(page, record, 'claim', page?.version ?? 0, () => expect.fail('it is signed'));
        expect(reading.kind).to.equal('free');
        page = (reading as { next: BegunPage }).next;
      }
      const kept = Object.keys((JSON.parse(page?.body ?? '') as { entries: object }).entries);
      expect(kept.map((id) => id.replace(/-\d+$/, ''))).to.deep.equal([second.decisionId, third.decisionId]);
    });
  });

  it('opens and closes what it keeps them in', async () => {
    const seen: string[] = [];
    const inner = Object.assign(new MemoryApprovalStore(), { open: () => void seen.push('open'), close: () => void seen.push('close') });
    const store = new SignedApprovalStore(inner, KEY);
    await store.open();
    await store.close();
    expect(seen).to.deep.equal(['open', 'close']);
    const plain = new SignedApprovalStore(new MemoryApprovalStore(), KEY);
    expect([await plain.open(), await plain.close()]).to.deep.equal([undefined, undefined]);
  });
});
