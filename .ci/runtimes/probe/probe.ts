// Tries the installed library on whatever runs this, and prints what it found as one line of JSON. Arguments: the stand-in's URL, and
// `remote` where no cedar-wasm is installed.
import { AegisModule } from 'aegislib';
import { probeEmbedded, EMBEDDED } from './embedded.ts';
import { probeEngine } from './engine.ts';
import { probeRemote } from './remote.ts';
import { Tally } from './Tally.ts';

async function main([url = '', only = '']: readonly string[]): Promise<void> {
  const tally = new Tally();
  if (only === 'remote') await tally.check('no cedar-wasm', 'embedded', async () => refusesToStart());
  else {
    await probeEmbedded(tally);
    await probeEngine(tally);
  }
  await probeRemote(url, tally);
  for (const line of tally.wrong) console.error(line);
  console.log(JSON.stringify(tally));
  if (tally.wrong.length > 0) process.exitCode = 1;
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

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
