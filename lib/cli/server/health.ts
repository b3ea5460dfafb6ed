import { CliError, type CliIo, EXIT, writeJson, writeLines } from '../CliIo.js';
import { hostSettings } from './openHost.js';
import type { HostFlags } from './openHost.js';
import { readRunFile } from './RunFile.js';

/** The options of `aegis health`. */
export interface HealthFlags extends HostFlags {
  readonly url?: string | undefined;
}

const TIMEOUT_MS = 5_000;

/** Runs `aegis health`: exits with 0 if a server can decide, with 1 if it cannot, or does not answer. For containers and balancers that run a command. */
export async function health(flags: HealthFlags, io: CliIo): Promise<number> {
  const base = flags.url ?? readRunFile((await hostSettings(flags)).dataFolder)?.url;
  if (base === undefined) throw new CliError('no server has run here; start one with npx aegis serve, or name one with --url');
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    throw new CliError('--url must be an http or https URL, such as http://127.0.0.1:4180');
  // the server may be mounted below a path
  const url = new URL('readyz', base.endsWith('/') ? base : `${base}/`);
  const state = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' }).then(
    async (answer) => {
      await answer.body?.cancel();
      return answer.ok ? 'ready' : `not ready: it answered ${answer.status}`;
    },
    () => 'it does not answer',
  );
  const isReady = state === 'ready';
  if (flags.json === true) writeJson(io, { ready: isReady, state });
  else writeLines(isReady ? io.out : io.err, [isReady ? 'ready' : state]);
  return isReady ? EXIT.ok : EXIT.found;
}
