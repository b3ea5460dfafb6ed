// Tries the library in whatever this is loaded into.
import { AegisModule } from 'aegislib';
import { probeEmbedded, EMBEDDED } from './embedded.ts';
import { probeEngine } from './engine.ts';
import { probeRemote } from './remote.ts';
import { Tally } from './Tally.ts';

/** @param url of the stand-in for a Data Plane; @param only `remote` where no cedar-wasm is installed */
export async function runProbe(url: string, only?: string): Promise<Tally> {
  const tally = new Tally();
  if (only === 'remote') await tally.check('no cedar-wasm', 'embedded', async () => refusesToStart());
  else {
    await probeEmbedded(tally);
    await probeEngine(tally);
  }
  await probeRemote(url, tally);
  return tally;
}

/** A module that cannot decide must not come into being. */
function refusesToStart(): boolean {
  try {
    AegisModule.create(EMBEDDED);
    return false;
  } catch (error) {
    return error instanceof Error && error.message.includes('@cedar-policy/cedar-wasm');
  }
}
