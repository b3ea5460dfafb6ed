// Tries the installed library on whatever runs this, and prints what it found as one line of JSON. Arguments: the stand-in's URL, and
// `remote` where no cedar-wasm is installed.
import { runProbe } from './runProbe.ts';

async function main([url = '', only]: readonly string[]): Promise<void> {
  const tally = await runProbe(url, only);
  for (const line of tally.wrong) console.error(line);
  console.log(JSON.stringify(tally));
  if (tally.wrong.length > 0) process.exitCode = 1;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
