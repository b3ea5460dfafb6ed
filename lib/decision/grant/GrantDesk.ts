import { chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { LruMap } from '../../common/LruMap.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { Journal } from '../../model/Journal.js';
import type { Params } from '../../model/Params.js';
import type { Grant, GrantAct, GrantInput, GrantLoosening } from '../../model/terms/Grant.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { RecordStore } from '../../store/RecordStore.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { grantNotMade, readVerdict, unknownApproval } from '../desk/verdict.js';
import { explainGrant } from './explainGrant.js';
import type { GrantQuery } from './GrantRows.js';
import { proposeGrant } from './proposeGrant.js';
import type { GrantProposal } from '../../model/terms/GrantProposal.js';
import { checkAssurance } from '../desk/assurance.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import type { GrantGiver, GrantMaker, PreparedGrant } from '../desk/GrantMaker.js';
import { GrantedScope } from './GrantedScope.js';
import type { AskedCall } from './GrantedScope.js';
import { GrantRows } from './GrantRows.js';
import { eligibleForAll, MakerStanding } from './makerStands.js';
import { draftGrant, grantDigest, grantIdOf, grantOf } from './draftGrant.js';

/** What the grants of a desk are made of. */
export interface GrantParts {
  readonly desk: ApprovalDesk;
  readonly records: RecordStore;
  readonly now: () => number;
  readonly journal: Journal | undefined;
}

const MAX_SCOPES = 10_000;

const GRANT_QUERY: OptionKinds<GrantQuery> = { agentId: 'string', toolName: 'string', by: 'string', active: 'boolean' };

const LOOSENING: OptionKinds<GrantLoosening> = {
  loosen: 'record',
  loosenSession: 'record',
  loosenFacts: 'record',
  anyRequester: 'boolean',
};

/** A doubt, which a person is asked in. */
function asking(error: unknown): undefined {
  publishCallbackError('grants', error);
}

function unknownGrant(id: string): VerdictError {
  return new VerdictError(404, 'grant_not_found', id, 'There is no grant with this id; list them to find it.');
}

/** Makes grants at a desk, and answers calls by them. Loaded once the first policy with `@grantable` asks. */
export class GrantDesk implements GrantMaker {
  readonly rows: GrantRows;
  readonly #parts: GrantParts;
  readonly #makers: MakerStanding;
  readonly #scopes = new LruMap<string, GrantedScope>(MAX_SCOPES);

  constructor(parts: GrantParts) {
    this.#parts = parts;
    this.rows = new GrantRows(parts.records, parts.now);
    this.#makers = new MakerStanding(() => parts.desk.peopleRules);
  }

  /**
   * Answers a call by a grant, which is used by that.
   *
   * @param peek whether the grant is only looked for
   * @returns the grant; `undefined` where a person is to be asked, which every doubt leads to
   */
  redeem(call: AskedCall, peek: boolean): Awaitable<Grant | undefined> {
    try {
      const found = this.#redeem(call, peek);
      return isThenable(found) ? Promise.resolve(found).catch(asking) : found;
    } catch (error) {
      return asking(error);
    }
  }

  /** No closures where the store answers at once: every use comes here. A use looks at the time by itself, so that this one may be a little old. */
  #redeem(call: AskedCall, peek: boolean): Awaitable<Grant | undefined> {
    const { agentId, toolName } = call.request;
    const nowMs = this.#parts.now();
    const grants = this.rows.activeFor(agentId, toolName, nowMs);
    return isThenable(grants)
      ? grants.then((read) => this.#redeemOne(read, call, peek, nowMs))
      : this.#redeemOne(grants, call, peek, nowMs);
  }

  #redeemOne(grants: readonly Grant[], call: AskedCall, peek: boolean, nowMs: number): Awaitable<Grant | undefined> {
    let found: Grant[] | undefined;
    for (const grant of grants) if (grant.expiresAtMs > nowMs && this.#scopeOf(grant).covers(call)) (found ??= []).push(grant);
    if (found === undefined) return undefined;
    const covering = found;
    // what a person refused lately is asked again
    const { agentId, toolName, remote } = call.request;
    const mustAsk = this.#parts.desk.mustAsk({ agentId, toolName, idempotency: remote?.idempotency }, nowMs);
    const answer = (must: boolean): Awaitable<Grant | undefined> => (must ? undefined : this.#firstUsed(covering, call, peek, nowMs));
    return isThenable(mustAsk) ? mustAsk.then(answer) : answer(mustAsk);
  }

  async prepare(record: ApprovalRecord, input: GrantInput, { giver, reason, stress, credential }: GrantGiver): Promise<PreparedGrant> {
    const { desk, now, journal } = this.#parts;
    const { decisionId } = record;
    const draft = draftGrant(record, input);
    const { by, assurance, person } = giver;
    if ((await eligibleForAll(record, { by, assurance }, desk.peopleRules)) === undefined)
      throw new VerdictError(
        403,
        'not_an_approver',
        decisionId,
        'A grant answers every policy that asks, and you may not decide all of them. Approve without a grant.',
      );
    if (assurance !== undefined) checkAssurance(record, record.policies, assurance, stress);
    const id = grantIdOf(decisionId);
    const make = async (): Promise<void> => {
      const grant = grantOf(draft, {
        fromDecision: decisionId,
        by,
        name: person?.name,
        assurance,
        epoch: person?.epoch,
        credential,
        reason,
        createdAtMs: now(),
      });
      try {
        await this.rows.insert(grant);
      } catch (cause) {
        throw grantNotMade(decisionId, cause);
      }
      const { agentId, toolName, maxUses, expiresAtMs } = grant;
      journal?.note({
        kind: 'grant',
        how: 'made',
        grantId: id,
        agentId,
        toolName,
        by,
        decisionId,
        maxUses,
        expiresAtMs,
        lifts: grant.lifts,
      });
    };
    return { id, digest: grantDigest(draft), make };
  }

  digestOf(record: ApprovalRecord, input: GrantInput): Promise<string> {
    return Promise.resolve(grantDigest(draftGrant(record, input)));
  }

  isMade(decisionId: string): Awaitable<boolean> {
    return chain(this.rows.get(grantIdOf(decisionId)), (grant) => grant !== undefined);
  }

  refused(record: ApprovalRecord, by: string): Awaitable<void> {
    const { agentId, toolName } = record;
    const calls = refusedCalls(record);
    return chain(this.rows.list({ agentId, toolName, active: true }), async (grants) => {
      for (const grant of grants)
        if (calls.some((call) => this.#scopeOf(grant).covers(call)))
          await this.revoke(grant.id, { by, reason: 'refused a call that this grant covers' });
    });
  }

  /** @returns the grant after it; `undefined` where there is none */
  async revoke(id: string, { by, reason }: { readonly by: string; readonly reason?: string | undefined }): Promise<Grant | undefined> {
    const atMs = this.#parts.now();
    const revoked = await this.rows.revoke(id, { by, atMs, ...(reason !== undefined && { reason }) });
    if (revoked === undefined) return undefined;
    const { grant, isNew } = revoked;
    if (isNew) {
      const { agentId, toolName, fromDecision: decisionId } = grant;
      this.#parts.journal?.note({ kind: 'grant', how: 'revoked', grantId: id, agentId, toolName, by, decisionId, reason });
    }
    return grant;
  }

  async propose(decisionId: string, given: GrantLoosening): Promise<GrantProposal> {
    const { desk, now } = this.#parts;
    const loosening = checkedOptions('grants.propose()', given, LOOSENING);
    const record = await desk.get(decisionId);
    if (record === undefined) throw unknownApproval(decisionId);
    return proposeGrant(record, (query) => desk.page(query), now(), loosening);
  }

  list(given: GrantQuery): Awaitable<readonly Grant[]> {
    return this.rows.list(checkedOptions('grants.list()', given, GRANT_QUERY));
  }

  /** @throws VerdictError 404 `grant_not_found`, 400 `invalid_verdict` */
  async revokeBy(id: string, act: GrantAct): Promise<Grant> {
    const { by, reason } = readVerdict(id, checkedOptions('grants.revoke()', act, { by: 'any', reason: 'any' }));
    const grant = await this.revoke(id, { by, reason });
    if (grant === undefined) throw unknownGrant(id);
    return grant;
  }

  /** @throws VerdictError 404 `grant_not_found` */
  async explain(id: string): Promise<string> {
    const grant = await this.rows.get(id);
    if (grant === undefined) throw unknownGrant(id);
    return grant.originalParams === undefined
      ? explainGrant(grant)
      : `// The params as called:\n${explainGrant(grant, 'called')}\n// The params that would run:\n${explainGrant(grant)}`;
  }

  /** The first of these that its maker may answer with, and that has a use left. */
  #firstUsed(grants: readonly Grant[], call: AskedCall, peek: boolean, nowMs: number, i = 0): Awaitable<Grant | undefined> {
    const grant = grants[i];
    if (grant === undefined) return undefined;
    const stands = this.#makers.stands(grant, call, nowMs);
    const next = (): Awaitable<Grant | undefined> => this.#firstUsed(grants, call, peek, nowMs, i + 1);
    const use = (): Awaitable<Grant | undefined> => {
      if (peek) return grant;
      const used = this.rows.use(grant.id);
      if (isThenable(used)) return used.then((done) => (done === undefined ? next() : grant));
      return used === undefined ? next() : grant;
    };
    const go = (isStanding: boolean): Awaitable<Grant | undefined> => (isStanding ? use() : next());
    return isThenable(stands) ? stands.then(go) : go(stands);
  }

  #scopeOf(grant: Grant): GrantedScope {
    const known = this.#scopes.get(grant.id);
    if (known !== undefined) return known;
    const scope = new GrantedScope(grant);
    this.#scopes.set(grant.id, scope);
    return scope;
  }
}

/** The calls that a refusal is about: what was asked, and where people edited it, also the call as its agent made it. */
function refusedCalls(record: ApprovalRecord): readonly AskedCall[] {
  const { originalParams, originalDigest, params, digest, facts, policies, amendments = [] } = record;
  const approvals = policies.map((policy) => ({ ...policy, effect: 'approval_needed' as const }));
  const callOf = (called: Params, calledDigest: string, effective: Params, effectiveDigest: string): AskedCall => ({
    request: { ...record, params: called },
    params: calledDigest === effectiveDigest ? undefined : effective,
    facts,
    approvals,
  });
  const edit = amendments.at(-1);
  if (edit === undefined) return [callOf(originalParams, originalDigest, params, digest)];
  return [
    callOf(originalParams, originalDigest, originalParams, originalDigest),
    callOf(edit.params, canonicalDigest(edit.params), params, digest),
  ];
}
