import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigError } from '../model/errors/SetupErrors.js';
import { CedarPolicyEngine } from '../policy/engine/CedarPolicyEngine.js';
import { lintPolicies } from '../policy/lint/lintPolicies.js';
import type { LintFinding } from '../policy/lint/lintSources.js';
import type { SourceText } from '../policy/PolicySource.js';
import { readPolicies } from '../policy/live/readPolicies.js';
import { type CliIo, counted, EXIT, writeJson, writeLines } from './CliIo.js';
import { readText } from './readJson.js';

export interface PolicyCheckOptions {
  readonly schema?: string | undefined;
  readonly strict?: boolean | undefined;
  readonly json?: boolean | undefined;
}

type Finding = Pick<LintFinding, 'severity' | 'message' | 'policyId'> & {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
};

/** Runs `aegis policy check`: each path is a separate set of policies, as `configure({ policies })` takes it. */
export async function policyCheck(paths: readonly string[], { schema, strict, json }: PolicyCheckOptions, io: CliIo): Promise<number> {
  const schemaText = schema === undefined ? undefined : readText(schema);
  const sets = paths.map((path) => ({ path, sources: readPolicies(path) }));
  const findings: Finding[] = [];
  for (const { path, sources } of sets) {
    const linted = await lintPolicies(sources, { schema: schemaText });
    const fileOf = namesIn(path, schema);
    findings.push(...linted.map((finding) => ({ ...finding, file: fileOf(finding.file) })));
    // policies without lint errors may still fail to load, for instance because they are too large
    if (linted.every(({ severity }) => severity !== 'error')) findings.push(...trial(path, sources));
  }
  const files = sets.reduce((sum, { sources }) => sum + sources.length, 0);
  const of = (severity: Finding['severity']): number => findings.filter((finding) => finding.severity === severity).length;
  const [errors, warnings] = [of('error'), of('warning')];
  if (json === true) writeJson(io, { files, errors, warnings, findings: findings.map(shape) });
  else {
    writeLines(io.out, findings.map(shown));
    writeLines(io.out, [`${counted(files, 'file')}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}`]);
  }
  return errors > 0 || (strict === true && warnings > 0) ? EXIT.found : EXIT.ok;
}

function trial(path: string, sources: readonly SourceText[]): readonly Finding[] {
  try {
    CedarPolicyEngine.load({ sources }).release();
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ message }) => ({ file: path, severity: 'error', message }));
  }
}

/** Adds the folder to the file names of findings, because people click on paths. */
function namesIn(path: string, schema: string | undefined): (file: string) => string {
  const isFolder = statSync(path).isDirectory();
  return (file) => (schema !== undefined && file === 'schema' ? schema : isFolder ? join(path, file) : path);
}

function shape({ file, line, column, severity, message, policyId }: Finding): Finding {
  return { file, ...(line !== undefined && { line }), ...(column !== undefined && { column }), severity, message, policyId };
}

function shown({ file, line, column, severity, message, policyId }: Finding): string {
  const at = line === undefined ? file : `${file}:${line}:${column}`;
  return `${at}: ${severity}: ${policyId === undefined ? '' : `[${policyId}] `}${message}`;
}
