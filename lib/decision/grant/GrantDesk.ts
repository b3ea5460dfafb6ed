import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { LruMap } from '../../common/LruMap.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { Journal } from '../../model/Journal.js';
import type { Grant, GrantAct, GrantInput, GrantLoosening } from '../../model/terms/Grant.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { RecordStore } from '../../store/RecordStore.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { readVerdict, unknownApproval } from '../desk/verdict.js';
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
    const { agentId, toolName } = call.request;
    return attempt(
      () =>
        chain(this.rows.activeFor(agentId, toolName), (grants) => {
          if (grants.length === 0) return undefined;
          const nowMs = this.#parts.now();
          const found = grants.filter((grant) => grant.expiresAtMs > nowMs && this.#scopeOf(grant).covers(call));
          if (found.length === 0) return undefined;
          // what a person refused lately is asked again
          return chain(this.#parts.desk.mustAsk({ agentId, toolName, idempotency: call.request.remote?.idempotency }), (mustAsk) =>
            mustAsk ? undefined : this.#firstUsed(found, call, peek, nowMs),
          );
        }),
      (grant) => grant,
      (error) => {
        publishCallbackError('grants', error);
        return undefined;
      },
    );
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
        const message = 'The call is approved, but its grant could not be stored. Later calls like it are asked as before.';
        throw new VerdictError(503, 'grant_not_made', decisionId, message, { cause });
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

  refused(record: ApprovalRecord, by: string): Awaitable<void> {
    const { agentId, toolName, digest, originalDigest, params, originalParams, facts, policies } = record;
    const request = { ...record, params: originalParams };
    const approvals = policies.map((policy) => ({ ...policy, effect: 'approval_needed' as const }));
    const call: AskedCall = { request, params: digest === originalDigest ? undefined : params, facts, approvals };
    return chain(this.rows.list({ agentId, toolName, active: true }), async (grants) => {
      for (const grant of grants)
        if (this.#scopeOf(grant).covers(call)) await this.revoke(grant.id, { by, reason: 'refused a call that this grant covers' });
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
    return chain(this.#makers.stands(grant, call, nowMs), (stands) => {
      if (!stands) return this.#firstUsed(grants, call, peek, nowMs, i + 1);
      if (peek) return grant;
      return chain(this.rows.use(grant.id), (used) => used ?? this.#firstUsed(grants, call, peek, nowMs, i + 1));
    });
  }

  #scopeOf(grant: Grant): GrantedScope {
    const known = this.#scopes.get(grant.id);
    if (known !== undefined) return known;
    const scope = new GrantedScope(grant);
    this.#scopes.set(grant.id, scope);
    return scope;
  }
}
