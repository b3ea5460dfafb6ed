import type { Awaitable } from '../../common/awaitable.js';
import { LruMap } from '../../common/LruMap.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { AmendedEvent, EndedEvent, Journal, VerdictEvent } from '../../model/Journal.js';
import type { ApprovalPolicy, ApprovalRecord, Assurance, VerdictProof } from '../../store/ApprovalStore.js';
import { checkAssurance, requiredFor } from './assurance.js';
import type { VerdictStress } from './assurance.js';
import type { Judge } from '../amend/decideEdited.js';
import { amendedEvent, amendedFields, DeskEdits, editorOf, noEdit, notShown, previewOf, readAmendment, verdictEvent } from './DeskEdits.js';
import type { EditedApproval } from './DeskEdits.js';
import type { GrantInput } from '../../model/terms/Grant.js';
import type { GrantMaker, PreparedGrant } from './GrantMaker.js';
import type { Viewer, ViewerStanding } from './ViewerStanding.js';
import { isUnderstood } from './use/semantics.js';
import { ALREADY_COUNTS, eligiblePolicies, giverOf, isStillCovered, seatsNow } from './eligibility.js';
import type { Eligibility, Giver, PeopleRules } from './eligibility.js';
import { areFilled } from '../../model/terms/fillSeats.js';
import { recordedSeats } from '../../model/terms/recordedSeats.js';
import type { Seats } from '../../model/terms/recordedSeats.js';
import { openPolicies, personOf, seatsWith } from './quorum/seatsOf.js';
import { viewedSeats } from './quorum/viewedSeats.js';
import {
  checkDigest,
  checkHidden,
  checkVersion,
  grantNotMade,
  keyedDigest,
  newerApproval,
  noGrants,
  notRecorded,
  readVerdict,
  stateKeyMissing,
  unknownApproval,
  verdictConflict,
  withVerdict,
} from './verdict.js';
import type { AmendInput, VerdictInput } from './verdict.js';
import { verdictChallenge, verdictStatement } from './verdictStatement.js';

// loaded with it: both are needed once somebody decides
export { recordOutcome } from './recordOutcome.js';

export type { Viewer, ViewerStanding } from './ViewerStanding.js';

/** What an approval would be, once it is edited. */
export interface EditPreview extends EditedApproval {
  /** How the editor would stand to it: whether their yes would count. */
  readonly standing: ViewerStanding;
}

/** What a journal is told of a change that a desk makes. */
export type DeskEvent = AmendedEvent | VerdictEvent | EndedEvent;

/** What the verdicts of a desk need of it. */
export interface VerdictDesk {
  people(): PeopleRules;
  readonly tenantId: string | null;
  readonly now: () => number;
  get(decisionId: string): Awaitable<ApprovalRecord | undefined>;
  /** The record with the status that it has by now. */
  current(record: ApprovalRecord): ApprovalRecord;
  isSignedElsewhere(record: ApprovalRecord): boolean;
  /** @returns `undefined` where another change was first */
  record(
    record: ApprovalRecord,
    change: Pick<ApprovalRecord, 'status'> & Partial<ApprovalRecord>,
    eventsOf: (next: ApprovalRecord) => readonly DeskEvent[],
  ): Awaitable<ApprovalRecord | undefined>;
  readonly journal: Journal | undefined;
  /** What decides edited calls, where the desk has policies. */
  judge(): Judge | undefined;
  /** Who makes grants; `undefined` where no one does. */
  grants(): Awaitable<GrantMaker | undefined>;
}

const MAX_REMEMBERED = 10_000;
/** Who gives so many verdicts in a row, each within that time of the one before, does not read them. */
const HURRY = { verdicts: 10, withinMs: 3_000, keptMs: 600_000 };

/** Gives the verdicts of one desk, and says who may. */
export class DeskVerdicts {
  readonly #desk: VerdictDesk;
  readonly #edits: DeskEdits;
  /** Verdicts with a key that are being given. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  /** By person: when the last verdict was given, and how many in a row were given in a hurry. */
  readonly #paces = new LruMap<string, { readonly atMs: number; readonly inRow: number }>(MAX_REMEMBERED);

  constructor(desk: VerdictDesk) {
    this.#desk = desk;
    this.#edits = new DeskEdits(desk);
  }

  /** @throws VerdictError */
  async give(decisionId: string, approve: boolean, given: VerdictInput): Promise<ApprovalRecord> {
    const verdict = readVerdict(decisionId, given);
    const { by, key } = verdict;
    if (key === undefined) return this.#give(decisionId, approve, verdict);
    const name = JSON.stringify([decisionId, by, key]);
    // the same form sent twice: the second one finds what the first one has recorded
    for (let earlier = this.#underWay.get(name); earlier !== undefined; earlier = this.#underWay.get(name))
      await Promise.allSettled([earlier]);
    const giving = this.#give(decisionId, approve, verdict);
    this.#underWay.set(name, giving);
    try {
      return await giving;
    } finally {
      this.#underWay.delete(name);
    }
  }

  /** @returns `undefined` where there is no such approval */
  async viewerOf(decisionId: string, viewer: Viewer): Promise<ViewerStanding | undefined> {
    const record = await this.#desk.get(decisionId);
    return record && this.#standing(record, viewer);
  }

  async #standing(record: ApprovalRecord, { by, assurance, mustSign, sawAll }: Viewer): Promise<ViewerStanding> {
    const { decisionId } = record;
    let eligibility: Eligibility | undefined;
    let why: VerdictError | undefined;
    try {
      this.#checkDecidable(record);
      eligibility = await eligiblePolicies(record, readVerdict(decisionId, { by, assurance }), this.#desk.people(), this.#desk.now());
    } catch (error) {
      if (!(error instanceof VerdictError)) throw error;
      why = error;
    }
    const seats = eligibility?.seats ?? (await this.#seatsShown(record));
    const policies: readonly ApprovalPolicy[] = eligibility?.policies ?? openPolicies(seats, record.policies);
    return {
      may: eligibility !== undefined,
      mayDeny: eligibility !== undefined || why?.code === ALREADY_COUNTS,
      why: why && { code: why.code, message: why.message },
      policies: eligibility === undefined ? [] : policies.map(({ id }) => id),
      needs: requiredFor(record, policies, { isHurried: this.#isHurried(eligibility?.giver.by ?? by), mustSign, sawAll }),
      yesSoFar: seats.policies.filter((one) => areFilled([one])).length,
      seats: viewedSeats(seats),
      seatsAfter: viewedSeats(eligibility === undefined ? seats : seatsAfter(eligibility)),
      isLastYes: eligibility !== undefined && isLastYes(eligibility),
    };
  }

  /** The seats for who may not decide: as the approval itself has them, once it is settled, or where people cannot be looked up. */
  async #seatsShown(record: ApprovalRecord): Promise<Seats> {
    if (record.status !== 'pending' || !record.verdicts.some(({ approve }) => approve)) return recordedSeats(record);
    try {
      return await seatsNow(record, this.#desk.people());
    } catch {
      // it decides nothing: why a verdict of theirs would not count is said beside it
      return recordedSeats(record);
    }
  }

  /** Whether a verdict of this person would count now, for at least one policy that is still open. */
  async mayDecide(decisionId: string, by: string, assurance: Assurance | undefined): Promise<boolean> {
    return (await this.viewerOf(decisionId, { by, assurance }))?.may === true;
  }

  /**
   * What a person signs to give this verdict: see `verdictStatement`.
   *
   * @throws VerdictError as the verdict itself would, for anything but its assurance
   */
  async challengeOf(decisionId: string, approve: boolean | 'amend', given: VerdictInput, nonce: string): Promise<string> {
    const verdict = readVerdict(decisionId, given);
    const shown = await this.#desk.get(decisionId);
    if (shown === undefined) throw unknownApproval(decisionId);
    const { record } = await this.#checked(shown, approve, verdict);
    const { reason, origin = '', grant } = verdict;
    const grantDigest = grant === undefined ? undefined : await (await this.#grantMaker(record, approve)).digestOf(record, grant);
    return verdictChallenge(record, { approve, reason, origin, nonce, grantDigest, tenantId: this.#desk.tenantId });
  }

  /** Whether all policies of an approval still have the people that they take. @throws VerdictError 503 `directory_unavailable`, `store_unavailable` */
  isStillCovered(record: ApprovalRecord): Promise<boolean> {
    return isStillCovered(record, this.#desk.people());
  }

  /**
   * Edits the params of an approval, without a verdict.
   *
   * @throws VerdictError
   */
  async amend(decisionId: string, given: AmendInput): Promise<ApprovalRecord> {
    const verdict = readAmendment(decisionId, given);
    return this.#give(decisionId, 'amend', verdict);
  }

  /** What an approval would be, once it is edited so. @throws VerdictError as the edit itself would, for anything but its assurance */
  async previewEdit(decisionId: string, given: AmendInput): Promise<EditPreview> {
    const verdict = readAmendment(decisionId, given);
    const shown = await this.#desk.get(decisionId);
    if (shown === undefined) throw unknownApproval(decisionId);
    const { record } = await this.#checked(shown, 'amend', verdict);
    const { by, assurance, mustSign, sawAll } = verdict;
    return { ...previewOf(shown, record), standing: await this.#standing(record, { by, assurance, mustSign, sawAll }) };
  }

  async #give(decisionId: string, approve: boolean | 'amend', verdict: VerdictInput): Promise<ApprovalRecord> {
    const desk = this.#desk;
    let proof: VerdictProof | undefined;
    let grant: PreparedGrant | undefined;
    let decided: ApprovalRecord | undefined;
    // again, where another change was first: a final outcome, or a verdict on another policy of this approval
    for (let seen: number | undefined; decided === undefined;) {
      const shown = await desk.get(decisionId);
      if (shown === undefined) throw unknownApproval(decisionId);
      if (await this.#isRepeated(shown, approve, verdict)) {
        if (verdict.grant !== undefined && (await (await desk.grants())?.isMade(decisionId)) !== true) throw grantNotMade(decisionId);
        return shown;
      }
      // no other change was first: the store does not take this one
      if (shown.version === seen) throw notRecorded(shown);
      seen = shown.version;
      const { record, ...eligibility } = await this.#checked(shown, approve, verdict);
      const { giver, policies } = eligibility;
      checkHidden(record, approve === true, verdict);
      if (approve !== false && verdict.assurance !== undefined)
        checkAssurance(record, policies, verdict.assurance, this.#stressOf(giver, verdict));
      if (verdict.grant !== undefined) grant = await this.#preparedGrant(record, approve, verdict, verdict.grant, giver);
      proof ??= await this.#checkedProof(record, approve, verdict, giver, grant?.digest);
      // what was signed is another version of the approval
      if (proof !== undefined && proof.version !== record.version) checkVersion(record, proof.version);
      // people can take long to be looked up: the approval may have expired meanwhile
      const now = desk.current(shown);
      if (now.status !== 'pending') throw verdictConflict(now);
      const amended = record === shown ? undefined : amendedFields(record, approve === 'amend' ? proof : undefined);
      const isCovered = approve === true && isLastYes(eligibility);
      const given =
        approve === 'amend'
          ? { status: record.status }
          : withVerdict(record, { approve, verdict, giver, policies, proof, grant, isCovered }, desk.now());
      const statement = this.#signedStatement(record, approve, verdict, proof, grant?.digest);
      if (approve === false) await this.#endGrants(record, giver.by);
      decided = await desk.record(shown, { ...amended, ...given }, (next) => [
        ...(amended === undefined ? [] : [amendedEvent(next, approve === 'amend' ? statement : undefined)]),
        ...(approve === 'amend' ? [] : [verdictEvent(next, approve, statement)]),
      ]);
      if (decided !== undefined) this.#notePace(giver.by);
    }
    await grant?.make();
    return decided;
  }

  /** @throws VerdictError 400 `invalid_grant`, 409 `grants_unavailable` */
  async #grantMaker({ decisionId, amendments }: ApprovalRecord, approve: boolean | 'amend'): Promise<GrantMaker> {
    if (approve !== true) throw new VerdictError(400, 'invalid_grant', decisionId, 'A grant comes with a yes. Leave `grant` out to deny.');
    if (amendments !== undefined)
      throw new VerdictError(
        400,
        'invalid_grant',
        decisionId,
        'A yes to an edited call counts for that call alone. Approve it without a grant.',
      );
    const grants = await this.#desk.grants();
    if (grants === undefined) throw noGrants(decisionId);
    return grants;
  }

  async #preparedGrant(
    record: ApprovalRecord,
    approve: boolean | 'amend',
    verdict: VerdictInput,
    input: GrantInput,
    giver: Giver,
  ): Promise<PreparedGrant> {
    const grants = await this.#grantMaker(record, approve);
    return grants.prepare(record, input, {
      giver,
      reason: verdict.reason,
      stress: this.#stressOf(giver, verdict),
      credential: verdict.proof?.credential,
    });
  }

  /** Before the refusal is recorded: then the params are gone, and with them what its grants are found by. @throws VerdictError 503 `store_unavailable` */
  async #endGrants(record: ApprovalRecord, by: string): Promise<void> {
    try {
      await (await this.#desk.grants())?.refused(record, by);
    } catch (cause) {
      const message =
        'The grants that cover this call could not all be taken back, so the refusal is not recorded and the call still waits. Refuse it again.';
      throw new VerdictError(503, 'store_unavailable', record.decisionId, message, { cause });
    }
  }

  /** Who gives a verdict on what was shown, and for what it counts; and what the verdict is on: the approval, or what its giver makes of it. */
  async #checked(
    shown: ApprovalRecord,
    approve: boolean | 'amend',
    verdict: VerdictInput,
  ): Promise<Eligibility & { readonly record: ApprovalRecord }> {
    this.#checkDecidable(shown);
    checkDigest(shown, approve !== false, verdict);
    checkVersion(shown, verdict.version);
    const { edit } = verdict;
    const people = this.#desk.people();
    if (edit === undefined)
      return { record: shown, ...(await eligiblePolicies(shown, verdict, people, this.#desk.now(), approve !== false)) };
    if (approve === false) throw noEdit(shown.decisionId);
    // who may decide the call may edit it, also again: what they gave or edited before does not matter for that
    const editor = await eligiblePolicies({ ...shown, verdicts: [], amendments: undefined }, verdict, people, this.#desk.now());
    const record = await this.#edits.edited(shown, edit, editorOf(editor.giver, verdict));
    // who was shown the edited params on a page has said which
    if (verdict.assurance !== undefined && approve === true && edit.editedDigest === undefined) throw notShown(record);
    return { record, ...(approve === 'amend' ? editor : await eligiblePolicies(record, verdict, people, this.#desk.now())) };
  }

  #checkDecidable(record: ApprovalRecord): void {
    if (record.status !== 'pending') throw verdictConflict(record);
    if (this.#desk.isSignedElsewhere(record)) throw stateKeyMissing(record.decisionId);
    if (!isUnderstood(record)) throw newerApproval(record);
  }

  /** Whether this very verdict was recorded before. @throws VerdictError 409 `verdict_key_reused` where its key was used for another one */
  async #isRepeated(record: ApprovalRecord, approve: boolean | 'amend', verdict: VerdictInput): Promise<boolean> {
    const sameKey = verdict.key === undefined ? [] : record.verdicts.filter(({ key }) => key === verdict.key);
    if (sameKey.length === 0) return false;
    const { by } = await giverOf(verdict, record.decisionId, this.#desk.people());
    const same = sameKey.find((one) => one.by === by);
    if (same === undefined) return false;
    const digest = verdict.edit === undefined ? record.digest : record.amendments?.at(-1)?.from;
    const isSame = same.approve === approve && same.keyed === keyedDigest(verdict);
    if (isSame && (verdict.digest === undefined || verdict.digest === digest)) return true;
    const message = 'The key of this verdict was used for another verdict on this approval. Read the approval again to see it.';
    throw new VerdictError(409, 'verdict_key_reused', record.decisionId, message);
  }

  /** @throws VerdictError 428 `proof_needed`, 403 `proof_invalid` */
  async #checkedProof(
    record: ApprovalRecord,
    approve: boolean | 'amend',
    verdict: VerdictInput,
    giver: Giver,
    grantDigest: string | undefined,
  ): Promise<VerdictProof | undefined> {
    const { decisionId } = record;
    const { proof, reason, assurance, sessionId, origin = '' } = verdict;
    const proofs = this.#desk.people().served?.proofs;
    if (proof === undefined) {
      if (assurance !== 'passkey' || proofs === undefined) return undefined;
      throw new VerdictError(
        428,
        'proof_needed',
        decisionId,
        'This verdict takes a signature of your passkey. Sign it on the page of the approval.',
      );
    }
    const { tenantId } = this.#desk;
    const challenge = verdictChallenge(record, { approve, reason, origin, nonce: proof.nonce, grantDigest, tenantId });
    if ((await proofs?.verify({ personId: giver.by, sessionId, decisionId, origin, proof, challenge })) !== true) {
      const message =
        'The signature is not one of your passkey over this verdict, or it was used before. Read the approval again, and sign once more.';
      throw new VerdictError(403, 'proof_invalid', decisionId, message);
    }
    return { ...proof, version: record.version };
  }

  #signedStatement(
    record: ApprovalRecord,
    approve: boolean | 'amend',
    { reason, origin = '' }: VerdictInput,
    proof: VerdictProof | undefined,
    grantDigest: string | undefined,
  ): string | undefined {
    if (proof === undefined || this.#desk.journal === undefined) return undefined;
    return verdictStatement(record, { approve, reason, origin, nonce: proof.nonce, grantDigest, tenantId: this.#desk.tenantId });
  }

  #stressOf({ by }: Giver, { mustSign, sawAll }: VerdictInput): VerdictStress {
    return { isHurried: this.#isHurried(by), mustSign, sawAll };
  }

  #isHurried(by: string): boolean {
    const pace = this.#paces.get(by);
    return pace !== undefined && pace.inRow >= HURRY.verdicts && this.#desk.now() - pace.atMs < HURRY.keptMs;
  }

  #notePace(by: string): void {
    const atMs = this.#desk.now();
    const pace = this.#paces.get(by);
    this.#paces.set(by, { atMs, inRow: pace !== undefined && atMs - pace.atMs < HURRY.withinMs ? pace.inRow + 1 : 1 });
  }
}

/** The seats with the yes of this person. */
function seatsAfter({ giver, policies, seats }: Eligibility): Seats {
  return seatsWith(seats, personOf(giver, policies));
}

/** Whether the call is approved with the yes of this person. */
function isLastYes(eligibility: Eligibility): boolean {
  return seatsAfter(eligibility).isCovered;
}
