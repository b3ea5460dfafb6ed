// The server: policies, approvals and keys, for programs anywhere. `npx aegis serve ./policies` is the same without any code.
import { AegisModule } from 'aegislib';
import { createDataPlane, type DataPlane } from 'aegislib/server';
import { MemoryStateStore } from 'aegislib/store';
import { AGENT, POLICIES } from './shopPolicies.js';

/** A server that runs. */
export interface Server {
  /** Where the approver decides. */
  readonly module: AegisModule;
  readonly plane: DataPlane;
  readonly url: string;
  /** For the agent: shown once, kept as a hash. */
  readonly key: string;
}

/** Serves the policies on a free port of this machine. A module of its own gives the approver in this process its desk. */
export async function startServer(): Promise<Server> {
  // sqliteStore('aegis.db') or postgresStore(url) keeps them when the server ends
  const store = new MemoryStateStore();
  const stateKey = 'only for the sample: make your own with openssl';
  const module = AegisModule.create({ policies: { text: POLICIES }, store, stateKey });
  const plane = createDataPlane({ module, store, stateKey });
  const { url } = await plane.listen({ port: 0 });
  const { key } = await plane.createKey({ name: 'sample', scopes: ['decide'], agents: [AGENT] });
  return { module, plane, url, key: key.reveal() };
}
