import * as v from 'valibot';
import { approvalAnswer, approvalsAnswer } from '../../decision/wire/approvalAnswer.js';
import { editPreviewAnswer } from '../../decision/wire/edit/editPreview.js';
import { bodyOfGrant, bodyOfLoosening, readProposal } from '../../decision/wire/grant/grantAnswer.js';
import { restoreTypes } from '../../decision/wire/wireTypes.js';
import type { WireTypes } from '../../decision/wire/wireTypes.js';
import type { ApprovalPreview, CallPreview, PreviewFailure } from '../../model/preview/CallPreview.js';
import { paramChanges } from '../../model/snapshot/paramChanges.js';
import type { HostOperator } from '../../server/access/HostSignature.js';
import type { ApprovalQuery, Assurance } from '../../store/ApprovalStore.js';
import { withNotes } from '../../model/view/viewOf.js';
import { CliError } from '../CliIo.js';
import type { ApprovalAccess, ApprovalEntry, ApprovalView, PreviewedEdit } from './ApprovalAccess.js';
import type { HostClient } from '../server/HostClient.js';

/** What of a card the command line shows. */
interface WireEntry {
  readonly decision_id: string;
  readonly agent_id: string;
  readonly tool: string;
  readonly requester: string;
  readonly reason: string;
  readonly status: ApprovalEntry['status'];
  readonly expires_at: string;
}

/** What a tool says that its call would do, or why there is nothing of it. */
type WirePreviewFields = { readonly [K in keyof CallPreview]?: CallPreview[K] } & { readonly failure?: PreviewFailure };

/** What of an approval in full the command line shows. */
interface WireApproval extends WireEntry {
  readonly requester_known: boolean;
  readonly digest: string;
  readonly refusals: number;
  readonly params: ApprovalView['params'];
  readonly original_params: ApprovalView['originalParams'];
  readonly opaque: readonly string[];
  readonly hidden: readonly string[];
  readonly session: ApprovalView['session'];
  readonly facts: ApprovalView['facts'];
  readonly types: WireTypes;
  readonly message: string | null;
  readonly preview: (WirePreviewFields & { readonly of: string; readonly digest: string }) | null;
  readonly policies: readonly {
    readonly id: string;
    readonly severity: string | null;
    readonly approvers: readonly string[] | null;
    readonly quorum: number;
    readonly distinct: boolean;
    readonly escalate: readonly { readonly after_s: number; readonly approvers: readonly string[] }[];
  }[];
  readonly verdicts: readonly {
    readonly approve: boolean;
    readonly by: string;
    readonly assurance: Assurance | null;
    readonly policies: readonly string[];
  }[];
  readonly editable: readonly string[];
  readonly amendments: readonly {
    readonly by: string;
    readonly name: string | null;
    readonly changes: readonly { readonly at: string }[];
  }[];
}

/** What of the preview of an edit the command line shows. */
interface WirePreview {
  readonly digest: string;
  readonly asking: string;
  readonly added: readonly string[];
  readonly reason: string;
  readonly message: string | null;
  readonly params: ApprovalView['params'];
  readonly types: WireTypes;
  readonly policies: readonly { readonly id: string; readonly severity: string | null }[];
  readonly why_not: { readonly message: string } | null;
}

const PAGE = 200;

/** The approvals of a server that keeps them in its memory, asked over loopback with requests that are signed with the state key. */
export function servedApprovals(client: HostClient): ApprovalAccess {
  return {
    async list({ status, agentId, toolName, limit = PAGE }: ApprovalQuery) {
      const entries: ApprovalEntry[] = [];
      for (let cursor: string | null = null; ;) {
        const given = { status, agent: agentId, tool: toolName, cursor, limit: String(Math.min(PAGE, limit - entries.length)) };
        const query = new URLSearchParams(Object.entries(given).filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
        const page = read(approvalsAnswer, await client.ask('GET', `/v1/approvals?${query.toString()}`)) as {
          readonly approvals: readonly WireEntry[];
          readonly cursor: string | null;
        };
        entries.push(...page.approvals.map(entryOf));
        cursor = page.cursor;
        // the server's newest come first
        if (cursor === null || entries.length >= limit) return entries.reverse();
      }
    },
    async get(decisionId) {
      const answer = await client.ask('GET', pathOf(decisionId), undefined, [404]);
      return answer === undefined ? undefined : viewOf(read(approvalAnswer, answer) as WireApproval);
    },
    async preview(shown, edit) {
      const body = { digest: shown.digest, edit };
      const preview = read(editPreviewAnswer, await client.ask('POST', `${pathOf(shown.decisionId)}/edit-preview`, body)) as WirePreview;
      return previewOf(shown, preview, client.operator);
    },
    async propose(decisionId, loosening) {
      const body = bodyOfLoosening(loosening);
      const proposal = readProposal(await client.ask('POST', `${pathOf(decisionId)}/grant-proposal`, body));
      if (proposal === undefined) throw foreign();
      return proposal;
    },
    async decide(decisionId, act, { digest, reason, acknowledgeHidden, edit, grant }) {
      const { editedDigest, asking, ...changes } = edit ?? {};
      const body = {
        verdict: act,
        digest,
        ...(reason !== undefined && { reason }),
        ...(acknowledgeHidden !== undefined && { acknowledge_hidden: acknowledgeHidden }),
        ...(edit !== undefined && { edit: { ...changes, digest: editedDigest, asking } }),
        ...(grant !== undefined && { grant: bodyOfGrant(grant) }),
      };
      return entryOf(read(approvalAnswer, await client.ask('POST', `${pathOf(decisionId)}/verdict`, body)) as WireApproval);
    },
  };
}

function pathOf(decisionId: string): string {
  return `/v1/approvals/${encodeURIComponent(decisionId)}`;
}

function read(schema: v.GenericSchema, answer: unknown): unknown {
  const { success, output } = v.safeParse(schema, answer);
  if (!success) throw foreign();
  return output;
}

function foreign(): CliError {
  return new CliError('the server answered something else than approvals; it may be of another version');
}

/** The approval as the edit would make it. Of a policy that does not ask yet, the preview says less. */
function previewOf(shown: ApprovalView, wire: WirePreview, { user }: HostOperator): PreviewedEdit {
  const { digest, asking, added, policies, reason, message, why_not: why } = wire;
  const params = restoreTypes(wire.params, wire.types);
  const changes = paramChanges(shown.params, params);
  const known = new Map(shown.policies.map((policy) => [policy.id, policy]));
  const view: ApprovalView = {
    ...shown,
    params,
    digest,
    reason,
    message: message ?? undefined,
    verdicts: [],
    policies: policies.map(({ id, severity }) => known.get(id) ?? { id, severity: severity ?? undefined }),
    amendments: [...(shown.amendments ?? []), { by: `host:${user}`, changes }],
  };
  return { view, asking, added, changes, whyNot: why?.message };
}

function entryOf({ decision_id, agent_id, tool, requester, reason, status, expires_at }: WireEntry): ApprovalEntry {
  return { decisionId: decision_id, agentId: agent_id, toolName: tool, requester, reason, status, expiresAtMs: Date.parse(expires_at) };
}

function viewOf(wire: WireApproval): ApprovalView {
  const { requester_known: requesterKnown, original_params: originalParams, message, policies, digest, refusals } = wire;
  const { opaque, verdicts } = wire;
  const typed = { params: wire.params, original_params: originalParams, session: wire.session, facts: wire.facts };
  const { params, session, facts, original_params: original } = restoreTypes(typed, wire.types);
  return {
    ...entryOf(wire),
    requesterKnown,
    originalParams: withNotes(original, wire.hidden),
    digest,
    refusals,
    params: withNotes(params, wire.hidden),
    opaque,
    session,
    facts,
    verdicts: verdicts.map(({ approve, by, assurance, policies: ids }) => ({
      approve,
      by,
      assurance: assurance ?? undefined,
      policies: ids,
    })),
    message: message ?? undefined,
    preview: wire.preview === null ? undefined : previewOfCall(wire.preview),
    editable: wire.editable,
    amendments: wire.amendments.map(({ by, name, changes }) => ({
      by,
      name: name ?? undefined,
      changes: changes.map(({ at }) => ({ pointer: at })),
    })),
    policies: policies.map(({ id, severity, approvers, quorum, distinct, escalate }) => ({
      id,
      severity: severity ?? undefined,
      approvers: approvers ?? undefined,
      quorum,
      distinct,
      escalate: escalate.map(({ after_s: seconds, approvers: groups }) => ({ afterMs: seconds * 1_000, groups })),
    })),
  };
}

function previewOfCall(wire: NonNullable<WireApproval['preview']>): ApprovalPreview {
  const { of, digest, failure, summary, changes, reversible } = wire;
  const content = summary === undefined || reversible === undefined ? undefined : { summary, changes, reversible };
  return { of, digest, content, failure };
}
