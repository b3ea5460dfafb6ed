// What the compiler says of the adapter of Genkit: `npm test` compiles this and runs nothing.
import { aegisMiddleware } from 'aegislib/genkit';
import { generateMiddleware as stable, genkit as stableGenkit } from 'genkit';
import { generateMiddleware, genkit } from 'genkit/beta';

const hooks = aegisMiddleware({
  agentId: ({ context }) => String(context?.['agent']),
  session: ({ context }) => ({ user_id: String(context?.['user']) }),
  scope: ({ toolRequest }) => toolRequest.ref,
});
const aegis = generateMiddleware({ name: 'aegis' }, hooks);
export const beta = genkit({}).generate({ prompt: 'go', use: [aegis()] });
export const one = stableGenkit({}).generate({ prompt: 'go', use: [stable({ name: 'aegis' }, hooks)()] });

// @ts-expect-error the context has no session of its own
aegisMiddleware({ session: ({ session }) => session });
// @ts-expect-error there is no such mode
aegisMiddleware({ approval: 'perhaps' });
