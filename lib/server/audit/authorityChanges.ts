import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import { haltRecord } from '../../audit/record/recordOf.js';
import { haltOf } from '../../decision/halt/haltRecord.js';
import { HALT_KIND } from '../../store/RecordStore.js';
import { grantChanges } from './grantChanges.js';
import type { StoredRecord } from '../../store/RecordStore.js';

type Body = Readonly<Record<string, unknown>>;

/** A change of who may do something. */
interface Act {
  readonly act: string;
  readonly by: unknown;
  readonly holds?: readonly string[] | undefined;
  /** @defaultValue the id of the record */
  readonly subject?: unknown;
}

/** What became of a record of a kind. `before` is absent where it is new. */
type ActsOf = (after: Body, before: Body | undefined) => readonly (Act | undefined)[];

/** A field that is set once, when something ends. */
function ended(field: string, act: string, byField: string): (after: Body, before: Body) => Act | undefined {
  return (after, before) => (after[field] !== undefined && before[field] === undefined ? { act, by: after[byField] } : undefined);
}

/** A part of the body that is set once, and says who did it. */
function happened(field: string, act: string, byField: string): (after: Body, before: Body) => Act | undefined {
  return (after, before) =>
    after[field] !== undefined && before[field] === undefined ? { act, by: (after[field] as Body)[byField] } : undefined;
}

const keyRevoked = ended('revokedAtMs', 'key.revoked', 'revokedBy');
const personRemoved = ended('removedAtMs', 'person.removed', 'removedBy');
const sessionEnded = ended('endedAtMs', 'session.ended', 'endedBy');
const tokenRevoked = ended('endedAtMs', 'token.revoked', 'endedBy');
const invitationUsed = happened('came', 'invitation.used', 'personId');
const invitationConfirmed = happened('confirmed', 'invitation.confirmed', 'by');
const invitationRevoked = happened('revoked', 'invitation.revoked', 'by');
const setupUsed = happened('used', 'setup.used', 'personId');

const ACTS: Readonly<Record<string, ActsOf>> = {
  key: (after, before) =>
    before === undefined
      ? [{ act: 'key.created', by: after['createdBy'], holds: textsOf(after['scopes']) }]
      : [keyRevoked(after, before), after['hash'] === before['hash'] ? undefined : { act: 'key.rotated', by: after['rotatedBy'] }],
  person: (after, before) =>
    before === undefined
      ? [{ act: 'person.created', by: after['createdBy'], holds: heldBy(after) }]
      : [
          personRemoved(after, before),
          isSame(after, before, ['roles', 'groups', 'userIds', 'accounts', 'invitation'])
            ? undefined
            : { act: 'person.changed', by: after['changedBy'] ?? after['createdBy'], holds: heldBy(after) },
        ],
  session: (after, before) => (before === undefined ? [{ act: 'session.started', by: after['personId'] }] : [sessionEnded(after, before)]),
  token: (after, before) => (before === undefined ? [{ act: 'token.created', by: after['personId'] }] : [tokenRevoked(after, before)]),
  invitation: (after, before) =>
    before === undefined
      ? [{ act: 'invitation.created', by: after['madeBy'], holds: heldBy(after) }]
      : [invitationUsed(after, before), invitationConfirmed(after, before), invitationRevoked(after, before)],
  setup: (after, before) => [
    before === undefined || after['hash'] !== before['hash'] ? { act: 'setup.opened', by: after['madeBy'] } : undefined,
    before === undefined ? undefined : setupUsed(after, before),
    after['entered'] === before?.['entered'] ? undefined : { act: 'setup.entered', by: after['madeBy'] },
  ],
  'policy-act': (after) => [{ act: `policies.${nameOf(after['act'])}`, by: after['by'], subject: after['hash'] }],
};

/** Whether records of this kind say who may do something, or who puts which policies in force. */
export function grantsAuthority(kind: string): boolean {
  return kind === 'passkey' || kind === HALT_KIND || kind === 'grant' || Object.hasOwn(ACTS, kind);
}

/**
 * What a log writes of a change of who may do something: keys, people, passkeys, sessions, tokens, invitations, and acts about staged policies.
 *
 * @param before absent where the record is new
 */
export function authorityChanges(
  after: StoredRecord,
  before: StoredRecord | undefined,
  tenantId: string | undefined,
): readonly OpenRecord[] {
  if (after.kind === 'grant') return grantChanges(after, before, tenantId);
  const now = bodyOf(after);
  const then = before && bodyOf(before);
  if (after.kind === 'passkey') return credentialChanges(now, then, tenantId);
  if (after.kind === HALT_KIND) return haltChanges(after, before, tenantId);
  const acts = ACTS[after.kind]?.(now, then) ?? [];
  return acts.flatMap((act) =>
    act === undefined
      ? []
      : {
          record: {
            kind: 'authority',
            tenantId,
            act: act.act,
            by: nameOf(act.by),
            subject: nameOf(act.subject ?? after.id),
            holds: act.holds,
          } as const,
        },
  );
}

/** One whose time is over is only closed. */
function haltChanges(after: StoredRecord, before: StoredRecord | undefined, tenantId: string | undefined): readonly OpenRecord[] {
  const halt = haltOf(after);
  if (halt === undefined || (before !== undefined && halt.lifted === undefined)) return [];
  const { id: haltId, scope, pending, untilMs, by, lifted } = halt;
  const how = lifted === undefined ? 'halted' : 'lifted';
  return [{ record: haltRecord({ how, haltId, scope, pending, untilMs, by: lifted?.by ?? by }, tenantId) }];
}

function credentialChanges(now: Body, then: Body | undefined, tenantId: string | undefined): readonly OpenRecord[] {
  const [person, credential] = [nameOf(now['personId']), nameOf(now['credential'])];
  const fields = { kind: 'credential', tenantId, person, credential } as const;
  if (then === undefined) return [{ record: { ...fields, act: 'registered', publicKey: nameOf(now['publicKey']), by: person } }];
  if (now['removedAtMs'] === undefined || then['removedAtMs'] !== undefined) return [];
  return [{ record: { ...fields, act: 'removed', by: nameOf(now['removedBy']) } }];
}

/** Roles and groups. */
function heldBy(body: Body): readonly string[] {
  return [...textsOf(body['roles']).map((role) => `role:${role}`), ...textsOf(body['groups'])];
}

function isSame(one: Body, other: Body, fields: readonly string[]): boolean {
  return fields.every((field) => JSON.stringify(one[field]) === JSON.stringify(other[field]));
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function nameOf(value: unknown): string {
  return typeof value === 'string' ? value : 'unknown';
}

function bodyOf({ body }: StoredRecord): Body {
  return JSON.parse(body) as Body;
}
