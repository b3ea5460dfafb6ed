// The thread that parseInThread starts. It parses once, and then hands over some policies at a time, each time it is asked: all at once would keep the
// main thread from its other work while it reads them.
import { parentPort, workerData } from 'node:worker_threads';
import { parsePolicies } from '../parse/parsePolicies.js';
import type { Policy } from '../Policy.js';
import type { PolicyProblem, SourceText } from '../PolicySource.js';

/** What the thread says: that it runs, then some policies at a time; with the last ones come the problems. */
export type ThreadAnswer = 'running' | { readonly policies: readonly Policy[]; readonly problems: readonly PolicyProblem[] | undefined };

/** The largest answer, in characters of policies, and in policies: half a millisecond of reading. */
const MAX_CHARACTERS = 4_096;
const MAX_POLICIES = 16;

const port = parentPort as NonNullable<typeof parentPort>;
port.postMessage('running' satisfies ThreadAnswer);
const { policies, problems } = parsePolicies(workerData as readonly SourceText[]);
let at = 0;

function answer(): void {
  const from = at;
  let characters = 0;
  while (at < policies.length && at - from < MAX_POLICIES && characters < MAX_CHARACTERS)
    characters += (policies[at++] as Policy).text.length;
  const isLast = at === policies.length;
  port.postMessage({ policies: policies.slice(from, at), problems: isLast ? problems : undefined } satisfies ThreadAnswer);
}

port.on('message', answer);
answer();
