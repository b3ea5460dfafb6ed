// Every version that the probe runs on, and what bundles it. `.ci/run` reads NODES from here, and fetches them into the same folders.
export const NODES = ['22.23.3', '24.21.0', '26.10.0'];
/** The oldest that package.json promises; the suite runs on whichever Node the machine has. */
export const OLDEST_NODE = '20.19.0';
export const BUN = '1.4.5';
export const DENO = '2.9.6';
