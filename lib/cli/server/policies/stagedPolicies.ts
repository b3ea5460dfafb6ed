import * as v from 'valibot';
import { readPolicies } from '../../../policy/live/readPolicies.js';
import { differencesIn, promoteAnswer, stageAnswer, stagedAnswer } from '../../../decision/wire/policies/stagedAnswer.js';
import type { WireObserved, WireStagedReport } from '../../../decision/wire/policies/stagedAnswer.js';
import { CliError, counted, EXIT, writeJson, writeLines } from '../../CliIo.js';
import type { CliIo } from '../../CliIo.js';
import { differenceLines, failsOn, NO_DIFFERENCES } from '../../differenceLines.js';
import type { HostClient } from '../HostClient.js';
import { servedHost } from '../openHost.js';
import type { HostFlags } from '../openHost.js';

/** The options of `aegis policies stage`. */
export interface StageFlags extends HostFlags {
  readonly sample?: string | undefined;
}

/** The options of `aegis policies staged`. */
export interface StagedFlags extends HostFlags {
  readonly failOn?: string | undefined;
}

/** The options of `aegis policies promote`. */
export interface PromoteFlags extends HostFlags {
  readonly maxNewlyAllowed?: string | undefined;
  readonly minDecisions?: string | undefined;
}

const PATH = '/v1/policies/staged';

/** Runs `aegis policies stage`: the server tries these policies on the calls that it decides. */
export async function stagePolicies(path: string, flags: StageFlags, io: CliIo): Promise<number> {
  const sample = numberOf('--sample', flags.sample);
  const files = readPolicies(path);
  const client = await servedHost(flags);
  const answer = read(stageAnswer, await client.ask('POST', PATH, { files, ...(sample !== undefined && { sample }) }));
  if (flags.json === true) writeJson(io, answer);
  else if (answer.status === 'staged') writeLines(io.out, [`staged ${answer.hash}`]);
  else
    writeLines(
      io.out,
      (answer.problems ?? []).map(({ where, message }) => `${where}: error: ${message}`),
    );
  return answer.status === 'staged' ? EXIT.ok : EXIT.found;
}

/** Runs `aegis policies staged`: prints what the staged policies would have decided otherwise. */
export async function showStaged(flags: StagedFlags, io: CliIo): Promise<number> {
  failsOn(flags.failOn, NO_DIFFERENCES);
  const answer = read(stagedAnswer, await (await servedHost(flags)).ask('GET', PATH));
  const { staged, observed } = answer;
  if (flags.json === true) writeJson(io, answer);
  else writeLines(io.out, [...stagedLines(staged), ...observed.map(observedLine)]);
  if (staged === null) return EXIT.ok;
  return failsOn(flags.failOn, differencesIn(staged)) ? EXIT.found : EXIT.ok;
}

/** Runs `aegis policies promote`: puts the staged policies in force, if they meet the conditions. */
export async function promotePolicies(hash: string, flags: PromoteFlags, io: CliIo): Promise<number> {
  const maxNewlyAllowed = numberOf('--max-newly-allowed', flags.maxNewlyAllowed);
  const minDecisions = numberOf('--min-decisions', flags.minDecisions);
  const client = await servedHost(flags);
  const conditions = { max_newly_allowed: maxNewlyAllowed, min_decisions: minDecisions };
  const answer = read(promoteAnswer, await client.ask('POST', `${PATH}/promote`, { hash: await wholeHash(client, hash), ...conditions }));
  if (flags.json === true) writeJson(io, answer);
  else if (answer.status === 'held') {
    const loosened = answer.loosened.map(({ file, id, how, message }) => `${file}: [${id}] ${how}: ${message}`);
    writeLines(io.out, [...loosened, `held ${answer.hash}: they let more run, so they wait until they are confirmed`]);
  } else
    writeLines(io.out, [
      `in force ${answer.hash}`,
      'Put their files in the place of those that the server reads: a restart reads them again.',
    ]);
  return answer.status === 'applied' ? EXIT.ok : EXIT.found;
}

/** Runs `aegis policies drop`. */
export async function dropPolicies(hash: string, flags: HostFlags, io: CliIo): Promise<number> {
  const client = await servedHost(flags);
  const whole = await wholeHash(client, hash);
  await client.ask('DELETE', `${PATH}/${whole}`);
  if (flags.json === true) writeJson(io, { dropped: whole });
  else writeLines(io.out, [`dropped ${whole}`]);
  return EXIT.ok;
}

/** The hash that begins so, where those policies are staged: people copy its first characters. */
async function wholeHash(client: HostClient, given: string): Promise<string> {
  const { staged } = read(stagedAnswer, await client.ask('GET', PATH));
  if (staged === null) throw new CliError('no policies are staged; stage some with npx aegis policies stage');
  if (given.length >= 8 && staged.hash.startsWith(given)) return staged.hash;
  throw new CliError(`the staged policies have another hash: ${staged.hash}; give it, or at least its first eight digits`);
}

function read<T>(schema: v.GenericSchema<unknown, T>, answer: unknown): T {
  const { success, output } = v.safeParse(schema, answer);
  if (!success) throw new CliError('the server answered something else than was asked for; it may be of another version');
  return output;
}

function stagedLines(staged: WireStagedReport | null): readonly string[] {
  if (staged === null) return ['no policies are staged'];
  const { hash, since, skipped } = staged;
  return [
    `staged ${hash}, compared since ${since}`,
    ...differenceLines(differencesIn(staged)),
    ...(skipped === 0 ? [] : [`${counted(skipped, 'call')} not compared, because too many came at once`]),
  ];
}

function observedLine({ policy_id: id, tool, calls, until }: WireObserved): string {
  return `watched ${id}: it would have asked about ${counted(calls, 'call')} of ${tool}; it asks from ${until}`;
}

function numberOf(option: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(given)) throw new CliError(`${option} must be a number`);
  return Number(given);
}
