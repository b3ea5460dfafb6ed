import { SecretString } from '../../../lib/common/SecretString.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import type { Setting, StoreAt } from '../setting.js';
import { stateStore } from '../setting.js';

/** Of every server and operator of a scenario. */
export const STATE_KEY: SecretString = new SecretString('the state key of servers that are killed');

/** What a server is told when it starts. */
export interface ServerSetting extends Setting {
  readonly port: number;
  /** The option of `close()`; 300, where it is absent. */
  readonly idleMs?: number | undefined;
}

/** What an agent is told when it starts. */
export interface AgentSetting extends Setting {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** The option of the module. */
  readonly retries?: number | undefined;
  /** Where it keeps its tasks; in memory, where it is absent. */
  readonly tasksAt?: string | undefined;
}

/** What an agent is told over its channel. */
export type AgentOrder = { readonly do: 'ask' | 'cancel'; readonly ns: readonly number[] };

/** What an agent says of itself, with each change. */
export interface AgentReport {
  readonly asking: number;
  /** Calls that wait for a person, or run. */
  readonly open: number;
  readonly ended: number;
}

/** A handle on the state of servers, not yet open. */
export async function serverStore(at: StoreAt): Promise<ServerStore> {
  return (await stateStore(at)) as ServerStore;
}
