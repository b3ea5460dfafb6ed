import { revealText } from '../../common/data/reveal.js';
import { CliError, type CliIo, counted, EXIT, writeJson, writeLines } from '../CliIo.js';
import { openHost } from '../server/openHost.js';
import type { HostFlags } from '../server/openHost.js';
import { grantsOf } from './GrantAccess.js';
import type { GrantAccess } from './GrantAccess.js';
import { grantedValues } from '../../decision/grant/grantedValues.js';
import type { GrantedValue } from '../../decision/grant/grantedValues.js';
import { grantState } from '../../model/terms/Grant.js';
import type { Grant } from '../../model/terms/Grant.js';

/** The options of `aegis grants list`. */
export interface ListGrantsFlags extends HostFlags {
  readonly agent?: string | undefined;
  readonly tool?: string | undefined;
  readonly all?: boolean | undefined;
}

/** The options of `aegis grants revoke`. */
export interface RevokeGrantFlags extends HostFlags {
  readonly reason?: string | undefined;
}

/** Runs `aegis grants list`: by default those that cover calls now. */
export async function listGrants(flags: ListGrantsFlags, io: CliIo): Promise<number> {
  const filter = { agent: flags.agent, tool: flags.tool, active: flags.all !== true };
  const grants = await withGrants(flags, (access) => access.list(filter));
  if (flags.json === true) writeJson(io, { grants });
  else {
    writeLines(io.out, grants.map(entryLine));
    writeLines(io.out, [counted(grants.length, flags.all === true ? 'grant' : 'active grant')]);
    if (grants.length > 0) writeLines(io.err, ['npx aegis grants show <id>, explain <id> or revoke <id>']);
  }
  return EXIT.ok;
}

/** Runs `aegis grants show`: what it covers, value by value. */
export async function showGrant(id: string, flags: HostFlags, io: CliIo): Promise<number> {
  const grant = await withGrants(flags, (access) => found(access, id));
  if (flags.json === true) writeJson(io, grant);
  else writeLines(io.out, grantLines(grant));
  return EXIT.ok;
}

/** Runs `aegis grants explain`: what it covers, as Cedar policies. */
export async function explainGrant(id: string, flags: HostFlags, io: CliIo): Promise<number> {
  const cedar = await withGrants(flags, async (access) => {
    await found(access, id);
    return access.explain(id);
  });
  if (flags.json === true) writeJson(io, { id, cedar });
  else writeLines(io.out, cedar.trimEnd().split('\n'));
  return EXIT.ok;
}

/** Runs `aegis grants revoke`: it covers no call from then on. */
export async function revokeGrant(id: string, flags: RevokeGrantFlags, io: CliIo): Promise<number> {
  const grant = await withGrants(flags, async (access) => {
    await found(access, id);
    return access.revoke(id, flags.reason);
  });
  const { revoked } = grant;
  if (revoked === undefined) throw new CliError('the grant is not taken back: the server answered that it is still in force; try again');
  if (flags.json === true) writeJson(io, grant);
  else writeLines(io.out, [`revoked by ${revealText(revoked.by)}: ${grant.used} of ${grant.maxUses} uses were used`]);
  return EXIT.ok;
}

async function withGrants<T>(flags: HostFlags, use: (access: GrantAccess) => Promise<T>): Promise<T> {
  const host = await openHost(flags);
  try {
    return await use(grantsOf(host));
  } finally {
    await host.close();
  }
}

async function found(access: GrantAccess, id: string): Promise<Grant> {
  const grant = await access.get(id);
  if (grant === undefined) throw new CliError('there is no grant with this id; list them with npx aegis grants list --all');
  return grant;
}

function entryLine(grant: Grant): string {
  const { id, agentId, toolName, used, maxUses, expiresAtMs, by, name } = grant;
  const uses = `${used} of ${maxUses} uses, until ${timeOf(expiresAtMs)}`;
  return `${id}  ${grantState(grant, Date.now())}  ${revealText(agentId)} ${revealText(toolName)}  ${uses}, by ${revealText(name ?? by)}`;
}

function grantLines(grant: Grant): readonly string[] {
  const { revoked, reason } = grant;
  return [
    entryLine(grant),
    `Policies   ${grant.lifts.map(({ id }) => id).join(', ')}`,
    `Requester  ${grant.anyRequester === true ? 'every user' : revealText(grant.requester)}`,
    `Made with  ${grant.fromDecision}${reason === undefined ? '' : `: ${revealText(reason)}`}`,
    ...(revoked === undefined
      ? []
      : [
          `Revoked    by ${revealText(revoked.by)} at ${timeOf(revoked.atMs)}${revoked.reason === undefined ? '' : `: ${revealText(revoked.reason)}`}`,
        ]),
    ...grantedValues(grant).map(valueLine),
  ];
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function valueLine({ place, how, what }: GrantedValue): string {
  return `  ${revealText(place)}  ${how}${what === '' ? '' : ` ${revealText(what, { isJson: true })}`}`;
}
