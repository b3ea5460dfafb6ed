import { expect } from 'chai';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import { PLAIN_CLIENT } from '../../support/plainClient.js';
import type { Caller, SignedIn } from '../../../lib/server/access/Caller.js';
import type { Person, Role } from '../../../lib/server/people/Person.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { approvalRoutes } from '../../../lib/server/route/approvals.js';
import { verdictRoutes } from '../../../lib/server/route/verdicts.js';
import type { VerdictRoutesOptions } from '../../../lib/server/route/verdicts.js';
import type { ApprovalRecord, Verdict } from '../../../lib/store/ApprovalStore.js';
import { verdictProofs, verdictUse, verifyVerdictProof } from '../../../lib/server/tenant/verdictProofs.js';
import type { Passkeys } from '../../../lib/server/people/Passkeys.js';
import { rejection } from '../../support/rejection.js';
import { isStillCovered } from '../../../lib/decision/desk/eligibility.js';
import { verdictChallenge } from '../../../lib/decision/desk/verdictStatement.js';
import { SoftAuthenticator } from '../../support/SoftAuthenticator.js';
import type { Lies } from '../../support/SoftAuthenticator.js';
import { firstPerson, invited } from '../people/arrivals.js';
import { identityOf, ORIGIN } from '../people/identitySetup.js';
import { POLICIES, sender, tenantOf } from '../tenantSetup.js';
import type { TestAnswer, TestRequest } from '../tenantSetup.js';

const NEW = { 'X-AEGIS-CAPABILITIES': PLAIN_CLIENT.join(','), 'X-AEGIS-BINDING': 'b'.repeat(64) };
const DIGEST = canonicalDigest({ n: 1 });
const CODE = DIGEST.slice(0, 4);
/** Behind TLS, where a session may be enough. */
const TLS = 'https://aegis.example';

describe('Verdicts over HTTP', () => {
  describe('of a person who is signed in', () => {
    it('are recorded with the person, name, groups and what showed that it was them', async () => {
      const { give, open, rita, tenant } = await setup();
      const id = await open();
      const { status, json } = await give(rita, id, { verdict: 'approve', reason: ' fine\r\nby me ' });
      expect(status).to.equal(200);
      expect(json).to.include({ decision_id: id, status: 'approved', may_decide: false });
      expect((await tenant.desk.get(id))?.verdicts).to.have.length(1);
      expect((await tenant.desk.get(id))?.verdicts[0]).to.deep.include({
        by: rita.person.id,
        name: 'Rita',
        reason: 'fine\nby me',
        assurance: 'session',
        groups: ['leads'],
        groupsFrom: 'aegis',
      });
    });

    // what a yes takes, by severity and where something may deceive; a no takes nothing
    const table: readonly (readonly [severity: string, to: string, refused: readonly string[], approved: readonly string[]])[] = [
      ['low', 'ann', [], ['nothing', 'code', 'passkey']],
      ['medium', 'ann', [], ['nothing', 'code', 'passkey']],
      ['medium', 'аnn', ['nothing', 'reason', 'code'], ['reason and code', 'reason and passkey']],
      ['high', 'ann', ['nothing', 'reason', 'code', 'passkey'], ['reason and code', 'reason and passkey']],
      ['critical', 'ann', ['nothing', 'reason', 'code', 'reason and code', 'passkey'], ['reason and passkey']],
    ];
    for (const [severity, to, refused, approved] of table) {
      for (const way of ['json', 'form'] as const) {
        it(`take for ${severity}${to === 'ann' ? '' : ' where something may deceive'}, as ${way}: ${approved.join(', or ')}`, async () => {
          const { give, open, rita, tenant, policies } = await setup({ severity });
          const params = { to };
          const digest = canonicalDigest(params);
          const body = async (id: string, given: string, verdict = 'approve') => ({
            verdict,
            digest,
            version: 1,
            ...(given.includes('reason') && { reason: 'I checked' }),
            ...(given.includes('code') && { code: digest.slice(0, 4).toUpperCase() }),
            ...(given.includes('passkey') && {
              proof: await policies.sign(rita, id, {
                verdict,
                digest,
                version: 1,
                ...(given.includes('reason') && { reason: 'I checked' }),
              }),
            }),
          });
          for (const given of refused) {
            const id = await open(params);
            const answer = await give(rita, id, await body(id, given), way);
            const expected = given.includes('reason') ? (severity === 'critical' ? [428] : [422]) : [422];
            expect(expected, `${given}: ${answer.text}`).to.include(answer.status);
            expect((await tenant.desk.get(id))?.status, given).to.equal('pending');
            const no = await give(rita, id, { verdict: 'deny', digest }, way);
            expect(no.status, no.text).to.equal(way === 'json' ? 200 : 303);
            // what was refused before may deceive: each of these is asked anew
            await tenant.approvals.prune(Infinity);
          }
          for (const given of approved) {
            const id = await open(params);
            const answer = await give(rita, id, await body(id, given), way);
            expect(answer.status, `${given}: ${answer.text}`).to.equal(way === 'json' ? 200 : 303);
            if (way === 'form') expect(answer.headers['location']).to.equal(`/a/${id}`);
            const record = await tenant.desk.get(id);
            expect(record?.status, given).to.equal('approved');
            expect(record?.verdicts[0]?.assurance).to.equal(
              given.includes('passkey') ? 'passkey' : given.includes('code') ? 'code' : 'session',
            );
          }
        });
      }
    }

    it('are refused where the code is another, and the error names the field', async () => {
      const { give, open, rita } = await setup({ severity: 'high' });
      const id = await open();
      for (const code of ['0000', CODE.slice(0, 3), `${CODE}0`, 'ÀÀÀÀ'].filter((one) => one !== CODE)) {
        const { status, json } = await give(rita, id, { verdict: 'approve', reason: 'ok', code });
        expect(status).to.equal(422);
        expect(json).to.include({ error: 'code_wrong', field: 'code' });
      }
      expect((await give(rita, id, { verdict: 'approve', code: CODE })).json).to.include({ error: 'reason_needed', field: 'reason' });
      expect((await give(rita, id, { verdict: 'approve', code: CODE, reason: ' \r\n ' })).json).to.include({ error: 'reason_needed' });
    });

    it('are refused on another digest or version than was shown, whatever else is given', async () => {
      const { give, open, rita } = await setup({ severity: 'high' });
      const id = await open();
      const other = { verdict: 'approve', digest: 'a'.repeat(64), code: 'aaaa', reason: 'ok' };
      expect((await give(rita, id, other)).json).to.include({ error: 'digest_mismatch' });
      const stale = await give(rita, id, { verdict: 'approve', version: 2, code: CODE, reason: 'ok' });
      expect(stale.status).to.equal(409);
      expect(stale.json).to.include({ error: 'version' });
    });

    it('are the first answer where a form is sent twice, also at once', async () => {
      const { give, open, rita, tenant } = await setup();
      for (const way of ['json', 'form'] as const) {
        const id = await open();
        const body = { verdict: 'approve', version: 1, idempotency_key: 'k-1' };
        const all = await Promise.all([1, 2, 3].map(() => give(rita, id, body, way)));
        all.push(await give(rita, id, body, way));
        expect(all.map(({ status }) => status)).to.deep.equal(way === 'json' ? [200, 200, 200, 200] : [303, 303, 303, 303]);
        expect((await tenant.desk.get(id))?.verdicts).to.have.length(1);
        const other = await give(rita, id, { ...body, verdict: 'deny' }, way);
        expect(other.status).to.equal(409);
      }
    });

    it('take the key of a header', async () => {
      const { ask, open, rita, tenant } = await setup();
      const id = await open();
      const request = { id, caller: rita.caller, headers: { 'Idempotency-Key': 'h-1' }, body: { verdict: 'deny', digest: DIGEST } };
      expect((await ask('giveVerdict', request)).status).to.equal(200);
      expect((await ask('giveVerdict', request)).status).to.equal(200);
      expect((await tenant.desk.get(id))?.verdicts[0]).to.include({ key: 'h-1' });
    });

    it('never are a personal token’s yes, nor of who is no approver', async () => {
      const { give, open, rita, ask, tenant } = await setup();
      const token: Caller = {
        ...rita.caller,
        signedIn: { ...(rita.caller.signedIn as SignedIn), method: 'token', sessionId: undefined, formToken: undefined },
      };
      const id = await open();
      const yes = await give({ ...rita, caller: token }, id, { verdict: 'approve' });
      expect(yes.status).to.equal(403);
      expect(yes.json).to.include({ error: 'token_reads_only' });
      const shown = await ask('readApproval', { id, caller: token });
      expect(shown.json['viewer']).to.deep.include({ may: false, policies: [], last_yes: false });
      const challenge = { id, caller: token, body: { verdict: 'approve', digest: DIGEST } };
      expect((await ask('challengeVerdict', challenge)).json).to.include({ error: 'token_reads_only' });
      expect((await give({ ...rita, caller: token }, id, { verdict: 'deny' })).status).to.equal(200);
      await tenant.approvals.prune(Infinity);
      for (const role of ['viewer', 'auditor', 'admin'] as const) {
        const other = withRoles(rita, [role]);
        const next = await open();
        for (const verdict of ['approve', 'deny']) {
          const answer = await give(other, next, { verdict });
          expect(answer.json, role).to.include({ error: 'role_missing' });
        }
        const viewer = (await ask('readApproval', { id: next, caller: other.caller })).json['viewer'] as { why: { code: string } };
        expect(viewer.why.code).to.equal('role_missing');
      }
    });

    it('are not of who asked, by any id, and of no one else than the groups say', async () => {
      const { give, ask, opened, rita, otto } = await setup({ approvers: 'leads' });
      for (const requester of [rita.person.id, 'u-rita', 'U-RITA', 'rita@acme.example']) {
        const id = await opened({ n: 1 }, { user_id: requester });
        const answer = await give(rita, id, { verdict: 'approve' });
        expect(answer.json, requester).to.include({ error: 'self_approval' });
      }
      const id = await opened({ n: 1 }, { user_id: 'someone' });
      expect((await give(otto, id, { verdict: 'approve' })).json).to.include({ error: 'not_an_approver' });
      expect((await ask('readApproval', { id, caller: otto.caller })).json['viewer']).to.deep.include({
        may: false,
        policies: [],
        yes_so_far: 0,
        last_yes: false,
      });
      expect((await ask('readApproval', { id, caller: rita.caller })).json).to.deep.include({
        may_decide: true,
        viewer: {
          may: true,
          may_deny: true,
          why: null,
          policies: ['refund'],
          needs: { assurance: 'session', code: false, reason: 'optional', passkey: false },
          yes_so_far: 0,
          seats: [{ policy: 'refund', needed: 1, filled_by: [] }],
          last_yes: true,
        },
      });
      expect((await give(rita, id, { verdict: 'approve' })).status).to.equal(200);
    });

    it('count no more where the person was removed, before the verdict or before the use', async () => {
      const { give, open, rita, tenant } = await setup();
      const [first, second] = [await open(), await open()];
      expect((await give(rita, first, { verdict: 'approve' })).status).to.equal(200);
      await tenant.identity.people.remove(rita.person.id, 'host:ops');
      const after = await give(rita, second, { verdict: 'approve' });
      expect(after.json).to.include({ error: 'not_a_person' });
      const use = { decisionId: first, digest: DIGEST, bindingBase: 'b'.repeat(64), token: 't' };
      expect(await tenant.desk.consume(use)).to.equal(false);
    });

    it('are given again in a page, where the form was refused', async () => {
      const seen: unknown[] = [];
      const { give, open, rita } = await setup({
        severity: 'high',
        refusedPage: ({ decisionId, error, fields }) => {
          seen.push([decisionId, (error as { code: string }).code, fields['reason']]);
          return (error as { code: string }).code === 'code_wrong' ? { status: 422, body: '"page"' } : undefined;
        },
      });
      const id = await open();
      const typed = await give(rita, id, { verdict: 'approve', reason: 'typed', code: 'x' }, 'form');
      expect([typed.status, typed.text]).to.deep.equal([422, '"page"']);
      expect((await give(rita, id, { verdict: 'approve', code: CODE }, 'form')).json).to.include({ error: 'reason_needed' });
      expect(seen).to.deep.equal([
        [id, 'code_wrong', 'typed'],
        [id, 'reason_needed', undefined],
      ]);
    });

    it('are refused as a form with a field that is not as it must be', async () => {
      const { give, open, rita, ask } = await setup();
      const id = await open();
      for (const fields of [
        { verdict: 'yes' },
        { verdict: 'approve', version: 'x' },
        { verdict: 'approve', version: '0' },
        { verdict: 'approve', idempotency_key: 'a b' },
      ])
        expect((await give(rita, id, fields, 'form')).status, JSON.stringify(fields)).to.equal(400);
      const partly = { verdict: 'approve', digest: DIGEST, proof_nonce: 'n' };
      expect((await ask('giveVerdict', { id, caller: rita.caller, form: partly })).status).to.equal(400);
      expect((await ask('giveVerdict', { id, caller: rita.caller, form: { csrf: 'x', verdict: 'deny', digest: DIGEST } })).status).to.equal(
        303,
      );
    });

    it('counts a yes no longer whose person may decide nothing any more, before the call runs', async () => {
      const { give, open, rita, tenant } = await setup();
      const [id, other] = [await open(), await open()];
      expect((await give(rita, id, { verdict: 'approve', reason: 'ok' })).status).to.equal(200);
      const record = (await tenant.desk.get(id)) as ApprovalRecord;
      const people = { rules: {}, served: { directory: tenant.identity.directory } };
      expect(await isStillCovered(record, people)).to.equal(true);
      await tenant.identity.people.change(rita.person.id, { roles: ['viewer'] }, 'admin');
      expect(await isStillCovered(record, people)).to.equal(false);
      // a request that was on its way when the role was taken
      const late = await give(rita, other, { verdict: 'approve', reason: 'ok' });
      expect([late.status, late.json['error']]).to.deep.equal([403, 'not_an_approver']);
      expect((await give(rita, other, { verdict: 'deny' })).status).to.equal(403);
      expect((await tenant.desk.get(other))?.verdicts).to.deep.equal([]);
    });
  });

  describe('signed with a passkey', () => {
    it('are verified, and no proof serves twice or for anything else: 0 of 1,000', async () => {
      const { give, open, rita, otto, tenant, policies } = await setup({ severity: 'critical' });
      const base = { verdict: 'approve', digest: DIGEST, version: 1, reason: 'ok' };
      const [id, other] = [await open(), await open()];
      const proof = await policies.sign(rita, id, base);
      let tried = 0;
      const refused = async (who: Someone, on: string, body: object): Promise<void> => {
        tried += 1;
        const answer = await give(who, on, body);
        expect(answer.status, `${JSON.stringify(body)} ${answer.text}`).to.be.oneOf([400, 403, 409]);
      };
      await refused(rita, other, { ...base, proof });
      await refused(otto, id, { ...base, proof });
      await refused(rita, id, { ...base, reason: 'other', proof });
      await refused(rita, id, { ...base, verdict: 'deny', proof });
      await refused({ ...rita, caller: inSession(rita, 's-2') }, id, { ...base, proof });
      // every field, with one character that is another
      for (const [name, text] of Object.entries(proof))
        for (let i = 0; i < 190; i++) {
          const at = Math.floor((i * text.length) / 190);
          const letter = text[at] === 'A' ? 'Q' : 'A';
          const changed = `${text.slice(0, at)}${letter}${text.slice(at + 1)}`;
          // the last character may have bits that say nothing
          // nor has the length that stands before the two numbers of a signature
          if (at === text.length - 1 || (name === 'signature' && at < 4)) continue;
          await refused(rita, id, { ...base, proof: { ...proof, [name]: changed } });
        }
      for (const lies of LIES) await refused(rita, id, { ...base, proof: await policies.sign(rita, id, base, lies) });
      while (tried < 999) await refused(rita, id, { ...base, version: 1 + tried, proof });
      expect((await tenant.desk.get(id))?.status).to.equal('pending');
      const fresh = await policies.sign(rita, id, base);
      expect((await give(rita, id, { ...base, proof: fresh })).status).to.equal(200);
      await refused(rita, id, { ...base, proof: fresh });
      expect(tried).to.equal(1_000);
    });

    it('are kept with all that was signed, and verified again from the record alone', async () => {
      const { give, open, rita, otto, tenant, policies } = await setup({ severity: 'critical' });
      const id = await open();
      const base = { verdict: 'approve', digest: DIGEST, version: 1, reason: 'ok' };
      const answer = await give(rita, id, { ...base, proof: await policies.sign(rita, id, base) });
      expect((answer.json['verdicts'] as object[])[0]).to.include({ signed: true, name: 'Rita', assurance: 'passkey' });
      const record = (await tenant.desk.get(id)) as ApprovalRecord;
      const proof = record.verdicts[0]?.proof;
      expect(proof).to.include({ kind: 'passkey', version: 1 });
      const before = { ...record, version: 1, verdicts: [] };
      const challenge = verdictChallenge(before, {
        approve: true,
        reason: 'ok',
        origin: TLS,
        nonce: proof?.nonce as string,
        tenantId: null,
      });
      const client = JSON.parse(Buffer.from(proof?.clientDataJSON as string, 'base64url').toString()) as { challenge: string };
      expect(client.challenge).to.equal(challenge);
      const verdict = record.verdicts[0] as Verdict;
      const { passkeys } = tenant.identity;
      const recorded = { record, verdict, origin: TLS };
      expect(await verifyVerdictProof(recorded, passkeys)).to.equal(true);
      // the approval goes on, and the passkey is removed
      const later = { ...record, version: 9, params: {}, facts: {}, consumed: { token: 't', atMs: 1 } };
      for (const { id: key } of await passkeys.list(rita.person.id)) await passkeys.remove(rita.person.id, key, 'host:ops');
      expect(await verifyVerdictProof({ ...recorded, record: later }, passkeys)).to.equal(true);
      const changed = (change: Partial<Verdict>): Promise<boolean> => {
        const other = { ...verdict, ...change };
        return verifyVerdictProof({ ...recorded, record: { ...record, verdicts: [other] }, verdict: other }, passkeys);
      };
      expect(await changed({})).to.equal(true);
      for (const change of [{ approve: false }, { reason: 'other' }, { by: otto.person.id }, { proof: undefined }, { atMs: 1 }])
        expect(await changed(change), JSON.stringify(change)).to.equal(false);
      for (const over of [{ digest: 'f'.repeat(64) }, { requester: 'x' }, { agentId: 'x' }, { expiresAtMs: 1 }])
        expect(await verifyVerdictProof({ ...recorded, record: { ...record, ...over } }, passkeys)).to.equal(false);
      expect(await verifyVerdictProof({ ...recorded, tenantId: 'acme' }, passkeys)).to.equal(false);
      expect(await verifyVerdictProof({ ...recorded, origin: 'https://other.example' }, passkeys)).to.equal(false);
      // a store that is away is no answer
      const away = { credentialAt: passkeys.credentialAt.bind(passkeys), verifyProof: () => Promise.reject(new Error('away')) };
      expect((await rejection(verifyVerdictProof(recorded, away))).message).to.equal('away');
      const unverified = verdictProofs({ challenges: tenant.identity.challenges, passkeys: hurt(passkeys, rita.person.id) });
      const use = verdictUse({ personId: rita.person.id, sessionId: 's', decisionId: id });
      const nonce = tenant.identity.challenges.issue(use);
      const signed = { personId: rita.person.id, sessionId: 's', decisionId: id, origin: TLS, challenge, proof: { ...PROOF, nonce } };
      expect((await rejection(Promise.resolve(unverified.verify(signed)))).message).to.equal('away');
    });

    for (const way of ['json', 'form'] as const)
      it(`make a grant, as ${way}, with the passkey of who has one, over exactly what the grant says`, async () => {
        const { give, open, rita, tenant, policies } = await setup({ more: '@grantable("20 uses; 8h")' });
        const id = await open();
        const given = (uses: number, upTo?: number): object => {
          if (way === 'form')
            return {
              grant: 'on',
              grant_uses: uses,
              grant_hours: 1,
              ...(upTo !== undefined && { grant_path_1: 'params/n', grant_kind_1: 'range', grant_value_1: `0..${upTo}` }),
            };
          return { grant: { uses, for_ms: 3_600_000, ...(upTo !== undefined && { loosen: { '/n': { '>=': 0, '<=': upTo } } }) } };
        };
        const yes = { verdict: 'approve', digest: DIGEST, version: 1 };
        const signed = (grant: object) => policies.sign(rita, id, { ...yes, ...(way === 'json' ? grant : { grant_form: textsOf(grant) }) });
        // where a session is enough for the yes
        for (const more of [{}, { code: CODE }])
          expect((await give(rita, id, { ...yes, ...given(2, 9), ...more }, way)).status).to.equal(428);
        for (const other of [given(3, 9), given(2, 8), given(2)])
          expect((await give(rita, id, { ...yes, ...given(2, 9), proof: await signed(other) }, way)).status).to.equal(403);
        // a yes that was signed alone makes no grant, and one that was signed with a grant is none without it
        expect((await give(rita, id, { ...yes, ...given(2), proof: await policies.sign(rita, id, yes) }, way)).status).to.equal(403);
        expect((await give(rita, id, { ...yes, proof: await signed(given(2)) }, way)).status).to.equal(403);
        expect((await tenant.desk.get(id))?.status).to.equal('pending');
        expect(await tenant.grants.list()).to.deep.equal([]);
        const answer = await give(rita, id, { ...yes, ...given(2, 9), proof: await signed(given(2, 9)) }, way);
        expect(answer.status, answer.text).to.equal(way === 'json' ? 200 : 303);
        const [grant] = await tenant.grants.list();
        expect(grant).to.include({ by: rita.person.id, assurance: 'passkey', maxUses: 2, fromDecision: id });
        expect(grant?.loosened.params).to.deep.equal({ '/n': { '>=': 0, '<=': 9 } });
        for (const { id: key } of await tenant.identity.passkeys.list(rita.person.id))
          await tenant.identity.passkeys.remove(rita.person.id, key, 'host:ops');
        // what that passkey signed is over, and who has none needs none
        const next = await open();
        expect((await give(rita, next, { ...yes, ...given(2, 9) }, way)).status).to.equal(way === 'json' ? 200 : 303);
      });

    it('are challenged only for who may, and by who has a passkey', async () => {
      const { ask, opened, rita, tenant } = await setup();
      const id = await opened({ n: 1 }, { user_id: 'u-rita' });
      const body = { verdict: 'approve', digest: DIGEST };
      expect((await ask('challengeVerdict', { id, caller: rita.caller, body })).json).to.include({ error: 'self_approval' });
      expect((await ask('challengeVerdict', { id: 'dec_x', caller: rita.caller, body })).status).to.equal(404);
      const next = await opened({ n: 1 }, null);
      const { json } = await ask('challengeVerdict', { id: next, caller: rita.caller, body: { ...body, version: 1 } });
      expect(json['public_key']).to.deep.include({ challenge: json['challenge'], rpId: 'aegis.example', userVerification: 'required' });
      expect(json['nonce']).to.match(/^[\w-]{83}$/);
      for (const { id: key } of await tenant.identity.passkeys.list(rita.person.id))
        await tenant.identity.passkeys.remove(rita.person.id, key, 'host:ops');
      expect((await ask('challengeVerdict', { id: next, caller: rita.caller, body })).json).to.include({ error: 'no_passkey' });
    });
  });

  describe('over plain HTTP on loopback', () => {
    it('take the passkey of whom has one, at any severity: a stolen cookie approves nothing', async () => {
      const { give, open, rita, ask, tenant, policies } = await setup({ severity: 'low', origin: ORIGIN });
      const id = await open();
      for (const more of [{}, { code: CODE }, { code: CODE, reason: 'ok' }]) {
        const answer = await give(rita, id, { verdict: 'approve', ...more });
        expect(answer.status).to.equal(428);
        expect(answer.json).to.include({ error: 'proof_needed' });
      }
      const viewer = (await ask('readApproval', { id, caller: rita.caller })).json['viewer'] as { needs: object };
      expect(viewer.needs).to.deep.equal({ assurance: 'passkey', code: false, reason: 'optional', passkey: true });
      expect((await tenant.desk.get(id))?.status).to.equal('pending');
      const body = { verdict: 'approve', digest: DIGEST };
      expect((await give(rita, id, { ...body, proof: await policies.sign(rita, id, body) })).status).to.equal(200);
      // a port next to it is another origin
      const next = await open();
      const beside = await policies.sign(rita, next, body, { origin: 'http://localhost:4181' });
      expect((await give(rita, next, { ...body, proof: beside })).json).to.include({ error: 'proof_invalid' });
      expect((await give(rita, next, { verdict: 'deny' })).status).to.equal(200);
    });

    it('let the admin of development mode approve low and medium, until people are known', async () => {
      const { tenant, ask, open } = await setup({ origin: ORIGIN, empty: true });
      const caller = personCaller({ id: 'local-admin', name: 'local-admin' }, ['approver', 'admin'], 's-local');
      const id = await open();
      const yes = (on: string) => ask('giveVerdict', { id: on, caller, body: { verdict: 'approve', digest: DIGEST } });
      expect((await yes(id)).status).to.equal(200);
      expect((await tenant.desk.get(id))?.verdicts[0]).to.include({ by: 'local-admin', assurance: 'session' });
      await firstPerson(tenant.identity);
      const refused = await yes(await open());
      expect(refused.status).to.equal(403);
      expect(refused.json).to.include({ error: 'not_a_person' });
    });
  });

  it('of the operator of the host are given once under a key, and on the version that was shown', async () => {
    const { ask, open } = await setup({ empty: true });
    const id = await open();
    const host = { kind: 'host', id: 'host:olga' } as const;
    const give = (body: object) => ask('giveVerdict', { id, caller: host, body: { digest: DIGEST, ...body } });
    expect((await give({ verdict: 'approve', version: 2 })).json).to.include({ error: 'version' });
    expect((await give({ verdict: 'approve', idempotency_key: 'k' })).status).to.equal(200);
    expect((await give({ verdict: 'approve', idempotency_key: 'k' })).status).to.equal(200);
  });
});

/** What an authenticator or a browser may lie about. */
const LIES: readonly Lies[] = [
  { origin: 'https://evil.example' },
  { origin: 'https://aegis.example:8443' },
  { origin: 'http://aegis.example' },
  { rpId: 'evil.example' },
  { type: 'webauthn.create' },
  { challenge: 'AAAA' },
  { crossOrigin: true },
  { userVerified: false },
  { userPresent: false },
];

const PROOF = { kind: 'passkey', credential: 'c', nonce: 'n', clientDataJSON: 'd', authenticatorData: 'a', signature: 's' } as const;

/** Passkeys whose store goes away once the credential of a person was found. */
function hurt(passkeys: Passkeys, personId: string): Passkeys {
  return Object.assign(Object.create(passkeys) as Passkeys, {
    credentialNow: async () => ({ id: 'c', publicKey: 'k', counter: 0, personId }),
    verifyProof: () => Promise.reject(new Error('away')),
  });
}

interface Someone {
  readonly person: Pick<Person, 'id' | 'name'>;
  readonly device: SoftAuthenticator;
  readonly caller: Caller;
}

type Proof = Readonly<Record<'credential' | 'nonce' | 'client_data' | 'authenticator_data' | 'signature', string>>;

function personCaller({ id, name }: Pick<Person, 'id' | 'name'>, roles: readonly Role[], sessionId: string): Caller {
  return {
    kind: 'person',
    tenantId: 'default',
    id,
    signedIn: { personId: id, name, roles: new Set(roles), groups: [], method: 'passkey', sessionId, formToken: 'form' },
    scopes: new Set(['approvals:read']),
    agents: undefined,
    sessionTrusted: false,
  };
}

function withRoles(someone: Someone, roles: readonly Role[]): Someone {
  return { ...someone, caller: personCaller(someone.person, roles, 's-other') };
}

function inSession({ person }: Someone, sessionId: string): Caller {
  return personCaller(person, ['approver'], sessionId);
}

interface SetupOptions extends VerdictRoutesOptions {
  readonly severity?: string;
  readonly approvers?: string;
  /** Further annotations. */
  readonly more?: string;
  /** Of the pages. */
  readonly origin?: string;
  /** No one is known. */
  readonly empty?: boolean;
}

async function setup({ severity = 'medium', approvers, more = '', origin = TLS, empty = false, ...options }: SetupOptions = {}) {
  const annotations = `@id("refund") @severity("${severity}") ${more}${approvers === undefined ? '' : ` @approvers("${approvers}")`}`;
  const identity = identityOf();
  const text = POLICIES.replace('@id("refund")', annotations);
  const tenant = tenantOf({ policies: { text } }, 'default', { identity });
  const ask = sender(tenant, [...decisionRoutes(), ...approvalRoutes(), ...verdictRoutes(options)], { origin });
  const arrive = async (name: string, groups: readonly string[], userIds: readonly string[]): Promise<Someone> => {
    const device = new SoftAuthenticator(origin);
    const { person } = await invited(identity, { name, roles: ['approver'], groups, userIds }, device, origin);
    return { person, device, caller: personCaller(person, ['approver'], `s-${name.toLowerCase()}`) };
  };
  const none = undefined as unknown as Someone;
  const rita = empty ? none : await arrive('Rita', ['leads'], ['u-rita', 'rita@acme.example']);
  const otto = empty ? none : await arrive('Otto', [], ['u-otto']);
  const opened = async (params: object, session: object | null): Promise<string> => {
    const { json } = await ask('decide', { body: { agent_id: 'bot', tool: { name: 'refund', params }, session }, headers: NEW });
    expect(json.final_decision['effect'], JSON.stringify(json)).to.equal('approval_needed');
    return String(json['decision_id']);
  };
  const open = (params: object = { n: 1 }): Promise<string> => opened(params, null);
  const give = (who: Someone, id: string, body: object, way: 'json' | 'form' = 'json'): Promise<TestAnswer> => {
    const whole: Readonly<Record<string, unknown>> = { digest: DIGEST, ...body };
    const request: TestRequest = { id, caller: who.caller };
    return ask('giveVerdict', way === 'json' ? { ...request, body: whole } : { ...request, form: formOf(whole) });
  };
  /** Signs a verdict as a page would. */
  const sign = async ({ caller, device }: Someone, id: string, body: object, lies?: Lies): Promise<Proof> => {
    const { json, text: answer } = await ask('challengeVerdict', { id, caller, body });
    expect(json['public_key'], answer).to.be.an('object');
    const { id: credential, response } = device.get(json['public_key'] as object, lies);
    const { clientDataJSON, authenticatorData, signature } = response;
    return {
      credential,
      nonce: String(json['nonce']),
      client_data: clientDataJSON,
      authenticator_data: authenticatorData,
      signature,
    };
  };
  return { tenant, ask, open, opened, give, rita, otto, policies: { sign } };
}

function textsOf(fields: object): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)] as const));
}

function formOf({ proof, ...fields }: Readonly<Record<string, unknown>>): Record<string, string> {
  const signed = Object.entries((proof ?? {}) as Proof).map(([name, value]) => [`proof_${name}`, value] as const);
  return { ...textsOf(fields), ...Object.fromEntries(signed) };
}
