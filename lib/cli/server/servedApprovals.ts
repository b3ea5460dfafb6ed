import * as v from 'valibot';
import { approvalAnswer, approvalsAnswer } from '../../decision/wire/approvalAnswer.js';
import type { ApprovalQuery, Assurance } from '../../store/ApprovalStore.js';
import { withNotes } from '../../model/view/viewOf.js';
import { CliError } from '../CliIo.js';
import type { ApprovalAccess, ApprovalEntry, ApprovalView } from './ApprovalAccess.js';
import type { HostClient } from './HostClient.js';

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
  readonly message: string | null;
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
    async decide(decisionId, approve, { digest, reason, acknowledgeHidden }) {
      const notes = {
        ...(reason !== undefined && { reason }),
        ...(acknowledgeHidden !== undefined && { acknowledge_hidden: acknowledgeHidden }),
      };
      const body = { verdict: approve ? 'approve' : 'deny', digest, ...notes };
      return entryOf(read(approvalAnswer, await client.ask('POST', `${pathOf(decisionId)}/verdict`, body)) as WireApproval);
    },
  };
}

function pathOf(decisionId: string): string {
  return `/v1/approvals/${encodeURIComponent(decisionId)}`;
}

function read(schema: v.GenericSchema, answer: unknown): unknown {
  const { success, output } = v.safeParse(schema, answer);
  if (!success) throw new CliError('the server answered something else than approvals; it may be of another version');
  return output;
}

function entryOf({ decision_id, agent_id, tool, requester, reason, status, expires_at }: WireEntry): ApprovalEntry {
  return { decisionId: decision_id, agentId: agent_id, toolName: tool, requester, reason, status, expiresAtMs: Date.parse(expires_at) };
}

function viewOf(wire: WireApproval): ApprovalView {
  const { requester_known: requesterKnown, original_params: originalParams, message, policies, digest, refusals } = wire;
  const { params, opaque, session, facts, verdicts } = wire;
  return {
    ...entryOf(wire),
    requesterKnown,
    originalParams: withNotes(originalParams, wire.hidden),
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
