// A process on the same store that has none of the tools: another service, or one whose classes were never constructed.
import { enrol } from './enrol.js';
import { KillSwitch, watchedStore } from './killPoints.js';
import type { Setting } from './setting.js';
import { stateStore } from './setting.js';

const setting = JSON.parse(process.argv[2] as string) as Setting;
const { history, join } = enrol(setting);
await join(watchedStore(await stateStore(setting.store), history, new KillSwitch(undefined)), async () => {});
process.send?.('ready');
