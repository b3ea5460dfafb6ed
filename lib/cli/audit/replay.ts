import { replayLog } from '../../audit/replay/replayLog.js';
import type { AgentConfig } from '../../policy/engine/AgentDirectory.js';
import { CedarPolicyEngine } from '../../policy/engine/CedarPolicyEngine.js';
import { readPolicies } from '../../policy/live/readPolicies.js';
import { counted, EXIT, writeJson, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { differenceLines, failsOn, NO_DIFFERENCES } from '../differenceLines.js';
import { readJsonObject } from '../readJson.js';
import { withLogs } from './withLogs.js';

/** The options of `aegis audit replay`. */
export interface ReplayFlags {
  readonly policies: string;
  readonly agents?: string | undefined;
  readonly toolset?: string | undefined;
  readonly failOn?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Runs `aegis audit replay`: prints what other policies would have decided otherwise. Shows no params. */
export async function replay(log: string, { policies, agents, toolset, failOn, json }: ReplayFlags, io: CliIo): Promise<number> {
  failsOn(failOn, NO_DIFFERENCES);
  const known = readJsonObject('--agents', agents) as Readonly<Record<string, AgentConfig>> | undefined;
  const engine = CedarPolicyEngine.load({ sources: readPolicies(policies), agents: known, toolset });
  const report = await withLogs(log, ({ source }) => replayLog(source, { engine }));
  engine.release();
  if (json === true) writeJson(io, report);
  else {
    const { erased, notByPolicies, unreadable } = report;
    writeLines(io.out, differenceLines(report));
    const left = [
      ...(erased === 0 ? [] : [`${counted(erased, 'decision')} not compared: what was decided on was erased`]),
      ...(notByPolicies === 0 ? [] : [`${counted(notByPolicies, 'decision')} not compared: policies had no part in them`]),
      ...(unreadable === 0 ? [] : [`${counted(unreadable, 'line')} not read: aegis audit verify says what is wrong`]),
    ];
    writeLines(io.out, left);
  }
  return failsOn(failOn, report) ? EXIT.found : EXIT.ok;
}
