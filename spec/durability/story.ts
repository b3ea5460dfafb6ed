import type { Task } from '../../lib/model/Task.js';
import type { Deed, Entry } from './history.js';

/** A history and the tasks it ended with, by what the laws ask for. */
export class Story {
  readonly entries: readonly Entry[];
  readonly tasks: ReadonlyMap<string, Task>;
  /** Tasks by each decisionId they have or had. */
  readonly ofDecision: ReadonlyMap<string, Task>;
  /** How often the method of a task was entered. */
  readonly starts: ReadonlyMap<string, number>;
  /** taskId by decisionId, of what was acknowledged as inserted. */
  readonly inserted: ReadonlyMap<string, string>;
  /** Processes by the store handle they had. */
  readonly whoIs: ReadonlyMap<string, string>;
  readonly killed: ReadonlySet<string>;
  /** Tasks by what became of their method. */
  readonly ended: ReadonlySet<string>;
  readonly threw: ReadonlySet<string>;
  readonly settled: ReadonlySet<string>;
  /** What decisions are edited to, of those that somebody has begun to edit. */
  readonly edits: ReadonlyMap<string, string>;
  /** Decisions somebody has begun to deny. */
  readonly denying: ReadonlySet<string>;

  constructor(entries: readonly Entry[], tasks: readonly Task[]) {
    this.entries = entries;
    this.tasks = new Map(tasks.map((task) => [task.taskId, task]));
    this.ofDecision = new Map(tasks.flatMap((task) => [...task.history, task.decisionId].map((id) => [id, task] as const)));
    const starts = new Map<string, number>();
    for (const { with: given } of this.all('start')) starts.set(given[1] as string, (starts.get(given[1] as string) ?? 0) + 1);
    this.starts = starts;
    this.inserted = new Map(this.all('inserted').map(({ with: [taskId, decisionId] }) => [decisionId as string, taskId as string]));
    this.whoIs = new Map(this.all('ready').map(({ who, with: [owner] }) => [owner as string, who]));
    this.killed = new Set(this.all('killed').map(({ who }) => who));
    this.ended = this.#given('end', 1);
    this.threw = this.#given('threw', 1);
    this.settled = new Set(this.all('settled').flatMap(({ with: [taskId, , to] }) => (to === 'unknown' ? [] : [taskId as string])));
    this.edits = new Map(this.all('editing').map(({ with: [decisionId, n] }) => [decisionId as string, n as string]));
    this.denying = this.#given('denying', 0);
  }

  all(what: Deed): readonly Entry[] {
    return this.entries.filter((entry) => entry.what === what);
  }

  #given(what: Deed, at: number): ReadonlySet<string> {
    return new Set(this.all(what).map((entry) => entry.with[at] as string));
  }
}
