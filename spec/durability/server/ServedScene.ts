import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostClient } from '../../../lib/cli/server/HostClient.js';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { VerdictError } from '../../../lib/model/errors/SetupErrors.js';
import { hostCaller } from '../../../lib/server/access/HostSignature.js';
import { keyRingOf } from '../../../lib/server/access/serverAccess.js';
import type { ApprovalRecord, ApprovalStore } from '../../../lib/store/ApprovalStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { signedTenantStore } from '../../../lib/store/signing/signedTenantStore.js';
import { slower } from '../../support/pace.js';
import { Crew, DRAINED_MS } from '../crew.js';
import type { Member } from '../crew.js';
import type { StoreAt } from '../setting.js';
import { checkServed } from './servedLaws.js';
import type { ServedFinding } from './servedLaws.js';
import type { AgentReport, AgentSetting, ServerSetting } from './servedSetting.js';
import { serverStore, STATE_KEY } from './servedSetting.js';

const OPERATOR = { tenantId: 'default', user: 'ann' };
const LOOK_MS = 40;

/** An agent, and what it last said of itself. */
export interface Agent {
  readonly member: Member;
  report: AgentReport;
}

/** What a scene ended in. */
export interface SceneEnd extends ServedFinding {
  /** What is in the store. */
  readonly records: readonly ApprovalRecord[];
  /** Everything that is known, for a person who looks into a failure. */
  readonly told: string;
}

/** How people decide. */
export interface Deciding {
  /** At a server, over HTTP; beside the servers, on their store; or now so, now so. */
  readonly over: 'http' | 'store' | 'both';
  readonly denyEvery?: number | undefined;
  /** Whether to leave an approval alone. */
  readonly leaves?: ((record: ApprovalRecord) => boolean) | undefined;
}

/** Servers on one store, agents that know a server by its address, and a person who has the state key. */
export class ServedScene {
  readonly crew: Crew;
  readonly agents: Agent[] = [];
  readonly approvals: ApprovalStore;
  readonly desk: ApprovalDesk;
  /** Of agents. */
  readonly apiKey: string;
  readonly #store: ServerStore;
  readonly #ports: readonly number[];
  #stop: () => Promise<void> = async () => {};

  private constructor(crew: Crew, store: ServerStore, approvals: ApprovalStore, apiKey: string, ports: readonly number[]) {
    this.crew = crew;
    this.#store = store;
    this.approvals = approvals;
    this.desk = new ApprovalDesk(approvals, { denialTtlMs: 0 });
    this.apiKey = apiKey;
    this.#ports = ports;
  }

  /** @param servers how many, at most */
  static async open(at: StoreAt | undefined, servers = 1): Promise<ServedScene> {
    const crew = new Crew(at);
    const store = await serverStore(crew.store);
    await store.open();
    const { approvals, records } = signedTenantStore(store.forTenant('default', { forOthers: true, keepMs: 86_400_000 }), {
      stateKey: STATE_KEY,
      tenantId: 'default',
    });
    const { key } = await keyRingOf(STATE_KEY, 'default', records).create({ name: 'agents', scopes: ['decide'] }, hostCaller(OPERATOR));
    const ports = await Promise.all(Array.from({ length: servers }, freePort));
    return new ServedScene(crew, store, approvals, key.reveal(), ports);
  }

  urlOf(lane: number): string {
    return `http://127.0.0.1:${this.#ports[lane]}`;
  }

  /** A server, as it begins to start. */
  server(lane: number, setting: Partial<ServerSetting> = {}, nodeArgs?: readonly string[], env?: Readonly<Record<string, string>>): Member {
    return this.crew.hire('server/server', { port: this.#ports[lane], ...setting }, nodeArgs, env);
  }

  /** An agent that asks the server of that lane. */
  async agent(
    lane: number,
    setting: Partial<AgentSetting> = {},
    nodeArgs?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<Agent> {
    const member = this.crew.hire('server/agent', { baseUrl: this.urlOf(lane), apiKey: this.apiKey, ...setting }, nodeArgs, env);
    await member.ready;
    if (!this.crew.members.has(member)) throw new Error(`the agent did not start: ${this.crew.said}`);
    const agent: Agent = { member, report: { asking: 0, open: 0, ended: 0 } };
    member.child.on('message', (report: AgentReport) => {
      agent.report = report;
    });
    this.agents.push(agent);
    return agent;
  }

  /** Decides what is pending from now on, and notes each verdict before it is given and after it was acknowledged. */
  decide({ over, denyEvery, leaves = () => false }: Deciding): void {
    const { history } = this.crew;
    let turn = 0;
    const decideOne = async ({ decisionId, digest, params }: ApprovalRecord): Promise<void> => {
      const deny = denyEvery !== undefined && Number(params['n']) % denyEvery === 3;
      history.note(deny ? 'denying' : 'approving', decisionId);
      turn += 1;
      const here = over === 'store' || (over === 'both' && turn % 2 === 0);
      if (!(await (here ? this.#decideHere(decisionId, deny, digest) : this.#decideThere(turn, decisionId, deny, digest)))) return;
      // of two that were given, the first one stands
      const { status } = (await this.approvals.get(decisionId)) as ApprovalRecord;
      if (status === 'approved' || status === 'denied') history.note(status, decisionId);
    };
    const look = async (): Promise<void> => {
      const pending = await this.approvals.list({ status: 'pending', limit: 1_000 });
      await Promise.all(pending.filter((record) => !leaves(record)).map(decideOne));
    };
    const loop = new AbortController();
    const ended = (async () => {
      for (; !loop.signal.aborted; await sleep(LOOK_MS))
        await look().catch((error: unknown) => (this.crew.said += `looking: ${String(error)}\n`));
    })();
    this.#stop = () => {
      loop.abort();
      return ended;
    };
  }

  /** Waits until no call of any agent is open. Resolves to whether that came in time. */
  async drained(atMostMs: number = DRAINED_MS): Promise<boolean> {
    for (const end = performance.now() + atMostMs * slower(); performance.now() < end; await sleep(20))
      if (this.agents.every(({ report: { asking, open } }) => asking + open === 0)) return true;
    return false;
  }

  async records(): Promise<readonly ApprovalRecord[]> {
    return this.approvals.list({ limit: 1_000_000 });
  }

  /** All leave as they should, and what they wrote down is held against the laws. */
  async end(): Promise<SceneEnd> {
    await this.#stop();
    // servers stay until their agents are gone
    for (const { member } of this.agents) {
      member.tell({ do: 'leave' });
      await member.gone;
    }
    await this.crew.leave();
    const records = await this.records();
    const lines = this.crew.history.lines();
    return { ...checkServed(lines, records), records, told: [...lines, this.crew.said].join('\n') };
  }

  async close(): Promise<void> {
    await this.#stop();
    await this.crew.disband();
    await this.#store.close();
  }

  /** Whether the verdict, or another one, stands. */
  async #decideHere(decisionId: string, deny: boolean, digest: string): Promise<boolean> {
    try {
      await this.desk[deny ? 'deny' : 'approve'](decisionId, { by: 'ann', digest });
      return true;
    } catch (error) {
      if (error instanceof VerdictError) return true;
      throw error;
    }
  }

  async #decideThere(turn: number, decisionId: string, deny: boolean, digest: string): Promise<boolean> {
    const client = new HostClient(this.urlOf(turn % this.#ports.length), STATE_KEY, OPERATOR);
    try {
      // 409: another verdict was first, perhaps this one, whose answer was lost
      await client.ask('POST', `/v1/approvals/${decisionId}/verdict`, { verdict: deny ? 'deny' : 'approve', digest }, [409]);
      return true;
    } catch {
      return false;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
